// One thing that happened in the world, and the bytes of `d` that tell of it. Shared by all sessions that
// carry it.
#pragma once

#include "sim/clock.hpp"
#include "sim/event_kind.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace shardyard::sim {

/// What a dispatch carries. Two ranges of `d` are blanked for sessions without MESSAGE_CONTENT.
struct payload {
  std::string_view name; ///< points to storage that outlives every session
  std::string d;
  std::uint32_t embeds_at = 0, embeds_size = 0;   ///< between the brackets
  std::uint32_t content_at = 0, content_size = 0; ///< between the quotes, after the embeds
};

using shared_payload = std::shared_ptr<const payload>;

/// A slash command that somebody used. id 0: none.
struct used_command {
  snowflake id = 0;
  snowflake channel = 0;
  std::uint32_t user = 0; ///< index in the world
};

/// `id` is the truth's number; the payload never shows it.
struct occurrence {
  std::uint64_t id = 0;
  event_kind kind = event_kind::unknown;
  snowflake guild = 0;           ///< 0: none
  std::uint32_t guild_index = 0; ///< in the world; only with guild
  snowflake channel = 0;         ///< only without guild
  used_command interaction;      ///< of INTERACTION_CREATE only
  shared_payload content;
};

} // namespace shardyard::sim
