// One client of the blaster on its own thread with blocking calls: a few HTTP requests, or the gateway
// protocol after an upgrade. Owns the connection's TLS state, its encoder and its sequence.
#pragma once

#include "bench/blaster.hpp"

#include <string>
#include <string_view>

namespace shardyard::bench {

class blaster_session {
public:
  blaster_session(blaster& owner, tls_connection tls, int socket);
  ~blaster_session();

  /// Returns when the client is gone; throws std::runtime_error when it breaks the protocol.
  void run();

private:
  bool read_more();
  void write(std::string_view bytes);
  bool input_is_waiting() const;
  bool wait(std::int64_t until_ns);

  bool answer_request(std::string_view head);
  void upgrade(std::string_view head);
  std::string bot_gateway() const;

  bool take_frames();
  void take_payload(std::string_view text);
  void identify(std::uint32_t id, std::uint32_t count, bool named);
  void send(std::string_view payload);
  void send_acknowledgements();
  void dispatch(std::string_view t, std::string_view d);

  bool owns(std::uint64_t guild) const { return (guild >> 22) % shard_count_ == shard_id_; }
  void run_orders();
  void run_fast(const stream_order& order);
  void run_paced(const stream_order& order);
  prepared_stream prepare(const stream_order& order);
  bool write_stream(std::string_view bytes, const stream_order& order);

  blaster& owner_;
  tls_connection tls_;
  int socket_;
  int wake_;
  std::string input_;
  std::string output_;
  std::string payload_;
  wire_encoder encoder_{transport::none};
  bool upgraded_ = false;
  bool ready_ = false;
  bool closed_ = false;
  std::uint32_t shard_id_ = 0;
  std::uint32_t shard_count_ = 1;
  std::shared_ptr<void> alive_;
  std::uint64_t s_ = 0;
  std::uint32_t next_order_ = 0;
  std::uint32_t owed_acknowledgements_ = 0;
};

} // namespace shardyard::bench
