// The intents of the Gateway by name.
#pragma once

#include <cstdint>
#include <string_view>

namespace shardyard {

/// The sum of all that are documented.
inline constexpr std::uint32_t all_intents = 53608447;

/// Bit of an intent by its name in the Gateway reference; 0 for unknown names.
std::uint32_t intent_bit(std::string_view name);

} // namespace shardyard
