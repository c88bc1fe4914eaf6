// The floor: what any client must do, written as one plain loop over a blocking OpenSSL connection: read,
// decrypt, find frames, decompress, find t, s and guild_id with simdjson. No event loop, no queue, no checks
// beyond the protocol's needs. Shares no code with net/.
#pragma once

#include "bench/tls_server.hpp"
#include "bench/wire_encoder.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace shardyard::bench {

struct plain_event {
  std::string_view t;
  std::uint64_t s = 0;
  std::uint64_t guild = 0;
  std::string_view d; ///< raw, valid during the call
};

class plain_client {
public:
  /// Trusts the certificate in `ca_file`; empty: no TLS, as with a bots' endpoint on loopback. Throws
  /// std::runtime_error when the server cannot be reached.
  plain_client(std::uint16_t port, const std::string& ca_file, transport mode);
  ~plain_client();
  plain_client(plain_client&&) noexcept;

  /// Waits for HELLO and sends IDENTIFY as shard [id, count].
  void identify(std::uint32_t id, std::uint32_t count);

  /// One read of the connection and everything it brought; `on_event` gets each dispatch. False at the end.
  bool read(const std::function<void(const plain_event&)>& on_event);

  /// Finds the connection empty, so that OpenSSL lets go of its buffers, as it does in a client that waits
  /// for events.
  void settle();

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace shardyard::bench
