// A bot's WebSocket, from the answer to its upgrade to its end: the bot_link of bot_door. Output is gathered
// in one buffer and written once per turn of the thread; what a peer does not take stays there, and nobody
// waits for it. Not for use outside net/.
#pragma once

#include "net/client_frames.hpp"
#include "net/door_room.hpp"

namespace shardyard::net {

class bot_socket final : public bot_link,
                         public door_guest,
                         public door_writer,
                         public std::enable_shared_from_this<bot_socket> {
public:
  /// Answers the upgrade with `accept`, asks the door's events who listens and begins to read; `rest`: what
  /// came behind the request.
  static void open(const std::shared_ptr<door_room>& room, std::unique_ptr<byte_stream> stream,
                   const bot_query& query, std::string_view accept, std::string_view rest);

  bot_socket(std::shared_ptr<door_room> room, std::unique_ptr<byte_stream> stream, const bot_query& query);

  // bot_link
  void dispatch(std::string_view t, std::uint64_t s, std::string_view d) override;
  void send(std::string_view payload) override;
  void compress_payloads() override;
  std::size_t queued() const override { return out_.size() - sent_; }
  void close(std::uint16_t code, std::string_view reason) override;
  void abort() override;

  void drop() override;
  void flush() override;

private:
  using error_code = boost::system::error_code;

  enum class stage : std::uint8_t {
    open,
    closing,  ///< our close frame is appended; what the bot sends is dropped until its own comes
    answered, ///< nothing more is awaited but the end; our close frame may not be written yet
    ended,
  };

  void greet(const bot_query& query, std::string_view rest);

  // reading
  void read_on();
  void handle(std::span<char> bytes);
  void take(const client_piece& piece);
  void answer_close(std::uint16_t theirs, std::uint16_t ours, std::string_view reason);
  void wait_to_read(stream_state state);

  // writing
  void put_message(std::string_view head, std::string_view body, std::string_view tail);
  void put_frame(unsigned opcode, std::initializer_list<std::string_view> parts);
  void put_close(std::uint16_t code, std::string_view reason);
  void appended();
  void write_out();
  void forget_output();

  // ending
  void begin_close(std::uint16_t code, std::string_view reason);
  void end_writing();
  void tell_closed(std::uint16_t code);
  void end(std::uint16_t code);

  std::shared_ptr<door_room> room_;
  std::unique_ptr<byte_stream> stream_;
  std::shared_ptr<bot_events> events_; ///< null once on_closed is under way
  std::unique_ptr<compressor> compressor_;
  client_frames frames_;
  byte_buffer out_;
  std::size_t sent_ = 0;                                ///< of out_
  std::unique_ptr<boost::asio::steady_timer> deadline_; ///< of the greeting, then of the closing handshake
  bool whole_payloads_ = false;
  bool dirty_ = false;
  bool waits_to_read_ = false;
  bool waits_to_write_ = false;
  bool fin_sent_ = false;
  bool was_high_ = false; ///< queued() has been above the mark of on_drained
  stage stage_ = stage::open;
};

} // namespace shardyard::net
