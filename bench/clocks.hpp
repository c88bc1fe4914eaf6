// The clocks of the benchmarks: the monotonic one, which all processes of a machine share, and CPU time, of
// this process or another one.
#pragma once

#include <cstdint>
#include <ctime>

#include <sys/types.h>

namespace shardyard::bench {

inline std::int64_t read_clock(clockid_t clock) {
  timespec now{};
  if (clock_gettime(clock, &now) != 0)
    return -1;
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

inline std::int64_t monotonic_ns() {
  return read_clock(CLOCK_MONOTONIC);
}
inline std::int64_t unix_ms() {
  return read_clock(CLOCK_REALTIME) / 1'000'000;
}

/// User and system time of all threads of this process, ended ones included.
inline std::int64_t cpu_ns() {
  return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/// The same of another process of ours; -1 when it is gone.
inline std::int64_t cpu_ns(pid_t process) {
  clockid_t clock{};
  if (clock_getcpuclockid(process, &clock) != 0)
    return -1;
  return read_clock(clock);
}

} // namespace shardyard::bench
