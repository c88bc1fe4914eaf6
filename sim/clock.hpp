// Time and snowflakes of the simulated Discord. Every rule takes the moment as an argument; only the server
// reads a real clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace shardyard::sim {

/// Unix time with microseconds.
using moment = std::chrono::sys_time<std::chrono::microseconds>;

using snowflake = std::uint64_t;

/// Milliseconds between 1970 and 2015, where Discord's ids begin (API reference, "Snowflakes").
inline constexpr std::int64_t snowflake_epoch_ms = 1420070400000;

constexpr std::int64_t unix_ms(moment now) {
  return std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count();
}

constexpr moment from_unix_ms(std::int64_t ms) {
  return moment{std::chrono::milliseconds{ms}};
}

/// `low` fills the 22 bits below the time: worker, process and increment.
constexpr snowflake make_snowflake(std::int64_t unix_milliseconds, std::uint32_t low) {
  return static_cast<snowflake>(unix_milliseconds - snowflake_epoch_ms) << 22 | (low & 0x3FFFFF);
}

} // namespace shardyard::sim
