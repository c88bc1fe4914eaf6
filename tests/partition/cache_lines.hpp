// A bot that saw every line of a sink, as a guild cache: what the group remembers must equal what it knows.
#pragma once

#include "tests/partition/group_world.hpp"

namespace shardyard::testing {

inline std::string describe(const partition_group& group, snowflake guild) {
  return group.describe({{guild}, ~std::uint64_t{0}, 50}).bytes;
}

/// GUILD_CREATE as that bot would write it; empty when it has not got the guild.
inline std::string told_to_a_bot(const std::vector<sink_line>& lines, snowflake guild,
                                 const cache_policy& policy) {
  guild_cache bot;
  for (auto& x : lines) {
    if (x.guild != guild || x.control())
      continue;
    if (x.t == "GUILD_CREATE")
      bot.replace(x.d, policy);
    else if (x.t == "GUILD_DELETE")
      bot = guild_cache{};
    else
      bot.apply(find_event_type(x.t), x.d, policy);
  }
  std::string result;
  if (!bot.empty())
    bot.write_guild_create(result, guild, {~std::uint64_t{0}, 50}, policy);
  return result;
}

} // namespace shardyard::testing
