// The second half of a bots' endpoint as a floor: hands events on to one bot over TCP, as plain WebSocket
// text frames or as one zstd stream, gathered until flush(). The bot is a process that only reads. Shares no
// code with net/.
#pragma once

#include "bench/plain_client.hpp"

#include <string>
#include <string_view>

#include <sys/types.h>

struct ZSTD_CCtx_s;

namespace shardyard::bench {

class plain_forwarder {
public:
  /// Compresses as an endpoint does by default: level 1, windowLog 17. Forks; not for processes with threads.
  /// Throws std::runtime_error.
  explicit plain_forwarder(transport mode);
  ~plain_forwarder();
  plain_forwarder(const plain_forwarder&) = delete;
  plain_forwarder& operator=(const plain_forwarder&) = delete;

  void add(const plain_event& event);
  void flush();

private:
  int fd_ = -1;
  pid_t reader_ = -1;
  ZSTD_CCtx_s* zstd_ = nullptr;
  std::uint64_t s_ = 0;
  std::string payload_;
  std::string compressed_;
  std::string out_;
};

} // namespace shardyard::bench
