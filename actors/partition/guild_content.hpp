// What a guild_cache holds, and the rules that its parts share. Included by guild_cache*.cpp alone.
#pragma once

#include "actors/partition/entity_rows.hpp"
#include "actors/partition/guild_cache.hpp"

#include <algorithm>
#include <array>

namespace shardyard {

/// In the order in which they are kept: what events look for most comes first.
enum row_kind : std::uint8_t {
  channel_row,
  thread_row,
  presence_row,
  voice_row,
  member_row,
  guild_row, ///< one, id 0: the guild's own fields
  role_row,
  emoji_row,
  sticker_row,
  scheduled_event_row,
  stage_row,
  sound_row,
  row_kinds,
};

/// The array of GUILD_CREATE that lists a kind; empty for guild_row.
std::string_view array_of(row_kind kind);
/// guild_row: no kind has such an array.
row_kind kind_of_array(std::string_view key);

/// The id of a packed entity of this kind; 0: it has none.
snowflake entity_id(row_kind kind, std::string_view packed);

/// Discord lists such an entity no more: a presence that is offline, an archived thread, an event that is
/// over.
bool is_over(row_kind kind, std::string_view packed);

struct guild_cache::content {
  entity_rows rows;
  std::uint64_t member_count = 0;
  /// Discord repairs a join by telling it again some 400 ms later (discord-api-docs, issue 3377); who is not
  /// kept would be counted twice.
  std::array<snowflake, 4> newest_joins{};

  /// False: the join was told before.
  bool note_join(snowflake user) {
    if (std::ranges::find(newest_joins, user) != newest_joins.end())
      return false;
    std::rotate(newest_joins.begin(), newest_joins.end() - 1,
                newest_joins.end()); // clang 14 lacks the one of ranges
    newest_joins.front() = user;
    return true;
  }
  void note_leave(snowflake user) { std::ranges::replace(newest_joins, user, snowflake{0}); }

  bool is_kept(snowflake user, const cache_policy& policy) const {
    return user == policy.self || policy.members >= member_policy::seen ||
           (policy.members == member_policy::voice && rows.find({voice_row, user}));
  }

  /// Nobody is counted who is not kept, so who is absent is no member.
  bool knows_everybody() const {
    std::uint64_t kept = 0;
    for (auto row = rows.of(member_row); !row.done() && kept <= member_count; row.next())
      ++kept;
    return kept >= member_count;
  }
};

/// Members above which GUILD_CREATE lists no presences (Gateway Events, "Guild Create").
inline constexpr std::uint64_t presence_gate = 75'000;

} // namespace shardyard
