// Names shared by the partitions of a node: which sequence of deliveries an event belongs to, and how far one
// has come.
#pragma once

#include "actors/partition/guild_handover.hpp"
#include "messages/event_block.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace shardyard {

/// A delivery sequence has its own `n`: a guild, a channel outside guilds (DM), or everything else without
/// guild (id 0).
enum class scope_kind : std::uint8_t { guild, channel, other };

struct scope {
  scope_kind kind = scope_kind::guild;
  snowflake id = 0;

  auto operator<=>(const scope&) const = default;
};

/// Delivered of one session within a scope. The guild lane and the rest apart: while the lead is held, an
/// interaction overtakes.
struct side_position {
  std::uint32_t session = 0; ///< number in the group's list of sessions; 0: none
  std::uint64_t lane_s = 0;  ///< newest sequence delivered in the guild lane
  std::uint64_t other_s = 0; ///< newest sequence handled in the other lanes

  auto operator<=>(const side_position&) const = default;
};

/// How far the sinks have taken a scope.
struct position {
  scope at;
  std::uint64_t n = 0;
  std::uint64_t epoch = 1;
  side lead = side::first;
  side last = side::first; ///< side of the last delivered event
  bool known = false;      ///< the guild belongs to the bot
  std::array<side_position, 2> sides;

  auto operator<=>(const position&) const = default;
};

} // namespace shardyard

template <>
struct std::hash<shardyard::scope> {
  std::size_t operator()(const shardyard::scope& x) const noexcept {
    return static_cast<std::size_t>((x.id + static_cast<std::uint64_t>(x.kind)) * 0x9E3779B97F4A7C15ULL >> 5);
  }
};
