// When the time of a test begins.
#pragma once

#include "actors/coordinator/unix_time.hpp"

namespace shardyard {

inline constexpr auto first_moment = unix_ms(1'800'000'000'000);

} // namespace shardyard
