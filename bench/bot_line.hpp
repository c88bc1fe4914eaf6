// A bot on a plain WebSocket to a node's endpoint that does as little as can be: it identifies, counts what
// comes and looks into nothing but the start of each payload, and at the stamp in the end when asked to. Its
// process is not measured; it only must not be what others wait for. Shares no code with net/.
#pragma once

#include "bench/wire_encoder.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

struct ZSTD_DCtx_s;

namespace shardyard::bench {

class bot_line {
public:
  /// Connects and asks for the upgrade. `receive_buffer`: of the socket, bytes; 0: the system's own way.
  /// Throws std::runtime_error.
  bot_line(std::uint16_t port, transport mode, int receive_buffer);
  ~bot_line();
  bot_line(const bot_line&) = delete;
  bot_line& operator=(const bot_line&) = delete;

  int fd() const { return fd_; }

  /// One read, which waits when nothing is there. Throws std::runtime_error when the connection has ended.
  void read();
  void heartbeat();

  /// READY and the GUILD_CREATEs of all its guilds are there.
  bool ready() const { return is_ready_ && guilds_ >= expected_; }
  std::uint64_t events() const { return events_; }        ///< behind them
  std::uint64_t bytes() const { return bytes_; }          ///< JSON of all payloads
  std::vector<std::int64_t>& delays() { return delays_; } ///< ns since the stamps of stamped events

private:
  void take(std::string_view frame);
  void take_payload(std::string_view json);
  void write(std::string_view payload);

  int fd_;
  ZSTD_DCtx_s* zstd_ = nullptr;
  std::string rest_; ///< of a frame between two reads
  bool upgraded_ = false;
  bool is_ready_ = false;
  std::uint64_t guilds_ = 0;
  std::uint64_t expected_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<std::int64_t> delays_;
};

} // namespace shardyard::bench
