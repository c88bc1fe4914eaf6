// The coordinator's time: Unix milliseconds that do not jump. Rows outlive a process, so they carry
// wall-clock times; inside a process the wall clock is read once and carried on by the monotonic clock, so
// that setting the clock frees no permit and ends no wait.
#pragma once

#include <chrono>
#include <cstdint>

namespace shardyard {

using unix_time = std::chrono::sys_time<std::chrono::milliseconds>;

constexpr unix_time unix_ms(std::int64_t ms) {
  return unix_time{std::chrono::milliseconds{ms}};
}
constexpr std::int64_t to_ms(unix_time t) {
  return t.time_since_epoch().count();
}

/// Turns monotonic readings into `unix_time`. Any thread.
class carried_clock {
public:
  carried_clock(std::chrono::system_clock::time_point wall, std::chrono::steady_clock::time_point steady)
      : wall_{std::chrono::floor<std::chrono::milliseconds>(wall)}, steady_{steady} {}

  unix_time at(std::chrono::steady_clock::time_point steady) const {
    return wall_ + std::chrono::floor<std::chrono::milliseconds>(steady - steady_);
  }

private:
  unix_time wall_;
  std::chrono::steady_clock::time_point steady_;
};

} // namespace shardyard
