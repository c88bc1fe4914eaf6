// Waiting for the order to end.
#pragma once

#include <csignal>

namespace shardyard {

/// Blocks SIGINT and SIGTERM in this thread and all that it starts later. Call before other threads exist.
inline sigset_t block_end_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

} // namespace shardyard
