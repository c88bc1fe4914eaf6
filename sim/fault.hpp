// What POST /fault can ask for. One struct for all kinds; each reads the fields it needs.
#pragma once

#include "sim/clock.hpp"
#include "sim/event_kind.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shardyard::sim {

enum class fault_kind {
  reconnect,       ///< op 7, later the line is cut
  invalid_session, ///< op 9 with `resumable`
  reset,           ///< TCP RST
  half_open,       ///< the connection falls silent, the session waits for RESUME
  stall,           ///< nothing read or written for `ms`
  close,           ///< close frame with `code`; without code: FIN only
  outage,          ///< GUILD_DELETE unavailable of `guild` for these sessions only
  outage_end,      ///< GUILD_CREATE of `guild`, or of all guilds in outage
  delay,           ///< constant lag of `ms` from now on
  budget,          ///< `remaining` IDENTIFYs left
  rate_limit,      ///< /gateway/bot answers 429 for `retry_after` seconds
  duplicate, ///< the next event comes twice: to these sessions, or, when none is named, from Discord to all
  unknown_event, ///< a dispatch of unknown name, in `guild` or guild-less
  big_guild,     ///< GUILD_CREATE of `guild` again, `bytes` larger (5 MB)
  drain_node,    ///< op 7 to all connections of `node`
  drop_event,    ///< the next event (of `guild`) is withheld from these sessions
  join,          ///< the bot joins a new guild
  leave,         ///< the bot leaves `guild`
  refuse_resume, ///< the next RESUME of these sessions is answered with op 9: they are gone
  mute,          ///< these sessions bring no event of the kind `event` any more, and go on with all else
};

struct fault {
  fault_kind kind = fault_kind::reconnect;
  std::string session;                                          ///< empty: all
  std::optional<std::pair<std::uint32_t, std::uint32_t>> shard; ///< id, count
  bool resumable = false;
  int code = 0;
  snowflake guild = 0;
  std::int64_t ms = 1000;
  std::uint32_t remaining = 0;
  double retry_after = 5; ///< seconds
  std::uint32_t node = 0;
  std::size_t bytes = 5'000'000;
  event_kind event = event_kind::unknown; ///< mute; unknown: none was named
};

/// What a fault hit; `error` set: nothing happened, and why.
struct fault_result {
  std::uint64_t hit = 0; ///< sessions, connections or guilds
  snowflake guild = 0;   ///< join: the new guild
  std::string error;
};

std::optional<fault_kind> find_fault(std::string_view name);
/// All names, for error texts.
std::string fault_names();

} // namespace shardyard::sim
