// The clock that leases are believed on: it does not jump, and unlike steady_clock it counts the time that
// the machine was suspended.
#pragma once

#include <chrono>
#include <ctime>

namespace shardyard {

/// CLOCK_BOOTTIME: like steady_clock, but counts suspended time too.
struct boot_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<boot_clock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_BOOTTIME, &t);
    return time_point{std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec}};
  }
};

} // namespace shardyard
