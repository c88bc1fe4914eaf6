// The inside of gateway_link: the connection as it lives on its thread. Shared by gateway_link.cpp
// (commands), link_connection.cpp (opening and reading) and link_writing.cpp (sending, heartbeats, the end).
#pragma once

#include "net/byte_stream.hpp"
#include "net/gateway_link.hpp"
#include "net/heartbeat.hpp"
#include "net/http_reply.hpp"
#include "net/io_worker.hpp"
#include "net/payload_reader.hpp"
#include "net/read_pace.hpp"
#include "net/send_limit.hpp"
#include "net/upgrade.hpp"

#include <atomic>
#include <list>
#include <optional>

#include <boost/asio/steady_timer.hpp>

namespace shardyard::net {

class gateway_link::connection final : public io_client,
                                       public payload_sink,
                                       public std::enable_shared_from_this<connection> {
public:
  using clock = std::chrono::steady_clock;

  connection(std::shared_ptr<io_worker> worker, link_settings settings, std::shared_ptr<link_events> events);

  /// A payload that waits for its turn.
  enum class priority : std::uint8_t { ordinary, handshake };

  send_status check(const std::string& payload);

  /// Runs `work` on the connection's thread.
  template <class Work>
  void post(Work work) {
    worker_->post([me = shared_from_this(), work = std::move(work)]() mutable { work(*me); });
  }

  // On the connection's thread.
  void start();
  void enqueue(std::string payload, priority rank);
  void expect_after(std::uint64_t seq, std::int64_t newest_ms);
  void extra_heartbeat();
  void pause(bool paused);
  void close_asked(std::uint16_t code);
  void abandon() override;

private:
  enum class stage : std::uint8_t { connecting, upgrading, open, closing, ended };

  // payload_sink
  void on_events(event_block block) override;
  void on_ready(ready_view ready) override;
  void on_resumed(std::uint64_t s) override;
  void on_hello(std::uint32_t interval_ms) override;
  void on_reconnect() override;
  void on_invalid_session(bool resumable) override;
  void on_heartbeat_request() override;
  void on_acknowledged() override;
  void on_ping(std::string_view payload) override;
  void on_close_frame(std::uint16_t code, std::string_view text) override;

  // opening
  void opened(const std::optional<byte_stream::failure>& why);
  void read_upgrade();
  void upgraded(std::string_view rest);
  void upgrade_refused();

  // reading
  void read_on();
  stream_state read_once();
  void handle(std::string_view bytes);
  void await_close(std::string_view bytes);
  void wait_for(stream_state state);
  void gone(std::string_view text);

  // writing
  void write_frame(client_frame kind, std::string_view payload);
  void write_out();
  void send_waiting();
  void wait_for_slot();

  // heartbeats
  void wait_for_beat();
  void beat_due();
  void send_beat(bool scheduled);

  // ending
  void begin_close(close_reason reason, bool await_answer);
  void finish(close_reason reason);
  void drop_socket();
  void arm(boost::asio::steady_timer& timer, clock::time_point when, void (connection::*then)());
  void deadline_passed();

  std::shared_ptr<io_worker> worker_;
  link_settings settings_;
  std::shared_ptr<link_events> events_;
  byte_stream stream_;
  read_pace pace_;
  boost::asio::steady_timer deadline_;
  boost::asio::steady_timer beat_timer_;
  boost::asio::steady_timer slot_timer_;
  payload_reader reader_;
  heartbeat heartbeat_;
  send_limit limit_;
  std::optional<http_reply> reply_;
  std::optional<url> target_;
  std::string key_;
  std::string out_;
  std::list<std::string> waiting_; // a list, because an empty one holds no memory
  close_reason reason_;
  std::uint64_t payloads_at_beat_ = 0;
  stage stage_ = stage::connecting;
  bool paused_ = false;
  bool waiting_to_read_ = false;
  bool waiting_to_write_ = false;
  bool slot_armed_ = false;
  std::atomic<std::size_t> waiting_count_ = 0;
  std::atomic<bool> ended_ = false;
};

} // namespace shardyard::net
