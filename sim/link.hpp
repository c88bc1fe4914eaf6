// What the simulated gateway may do with one connection. Implemented over sockets by the server, and by a
// recorder in tests.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

namespace shardyard::sim {

/// No function calls back into the gateway before it returns. After `close`, `drop` and `reset` nothing more
/// is sent.
class link {
public:
  virtual ~link() = default;

  /// Queues one gateway message; it goes out with the others of the same tick.
  virtual void send(std::string_view json) = 0;

  /// Close frame after everything queued, then the end of the connection.
  virtual void close(int code, std::string_view reason) = 0;

  /// TCP FIN without a close frame.
  virtual void drop() = 0;

  /// TCP RST.
  virtual void reset() = 0;

  /// Half-open: the socket stays, nothing is read or written any more.
  virtual void fall_silent() = 0;

  /// Neither reads nor writes for so long; what is sent meanwhile waits.
  virtual void stall(std::chrono::milliseconds duration) = 0;

  /// From now on larger messages are zlib-compressed one by one (IDENTIFY `compress`); ignored with transport
  /// compression.
  virtual void compress_payloads() = 0;

  /// Bytes accepted but not yet taken by the socket, and bytes there that the peer has not acknowledged.
  virtual std::size_t queued_bytes() const = 0;
  virtual std::size_t unacked_bytes() const = 0;
};

} // namespace shardyard::sim
