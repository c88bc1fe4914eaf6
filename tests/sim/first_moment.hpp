// When the time of a test begins.
#pragma once

#include "sim/clock.hpp"

namespace shardyard::sim {

inline const moment first_moment = from_unix_ms(1'795'000'000'000);

} // namespace shardyard::sim
