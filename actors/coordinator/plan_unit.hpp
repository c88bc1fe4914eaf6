// The state of one cut unit of a reshard. Units are independent of each other; the plan's state is derived
// from theirs.
#pragma once

#include "actors/coordinator/unix_time.hpp"

#include <array>
#include <string_view>
#include <vector>

namespace shardyard {

enum class unit_state : std::uint8_t {
  planned,   ///< nothing of it has begun
  preparing, ///< its new shards identify and receive their guilds; the old ones lead
  moving,    ///< guilds may be cut, each at its own moment
  settling,  ///< every guild is cut; the old sessions are only compared
  closing,   ///< the old shards may be closed; there is no way back from here
  done,      ///< the old shards are closed
  aborting,  ///< guilds are cut back to the old shards, then the new shards are closed
  aborted,   ///< as before the plan
};

inline constexpr std::array<std::string_view, 8> unit_state_names{
    "planned", "preparing", "moving", "settling", "closing", "done", "aborting", "aborted"};
constexpr std::string_view to_string(unit_state x) {
  return unit_state_names[static_cast<std::size_t>(x)];
}

struct plan_unit {
  unit_state state = unit_state::planned;
  unix_time entered{};        ///< the present state
  unix_time stable_from{};    ///< settling: no unexplained difference since then
  std::uint32_t restarts = 0; ///< how often a late event restarted the stability clock
  bool accepted = false;      ///< the operator accepted the unit's exceptions
  bool dumb = false; ///< a renewal of a session that went dumb: exceptions are cut as they are listed
  std::vector<std::uint32_t>
      closed; ///< closing: ids of old shards known to be closed; nothing starts them again

  bool operator==(const plan_unit&) const = default;
};

} // namespace shardyard
