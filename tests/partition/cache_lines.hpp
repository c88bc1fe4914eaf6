// A bot that saw every line of a sink, as a guild cache: what the group remembers must equal what it knows.
// And events that change caches.
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

// What changes a guild's cache.

inline made_event guild_create(snowflake guild, int topic, int members, std::string more = {}) {
  return {"GUILD_CREATE", guild, 0,
          "{\"id\":\"" + std::to_string(guild) + "\",\"name\":\"one\",\"member_count\":" +
              std::to_string(members) + ",\"channels\":[{\"id\":\"7\",\"type\":0,\"topic\":\"" +
              std::to_string(topic) + "\"}" + more + "]}"};
}
inline made_event topic(snowflake guild, int topic) {
  return {"CHANNEL_UPDATE", guild, 0,
          "{\"id\":\"7\",\"type\":0,\"guild_id\":\"" + std::to_string(guild) + "\",\"topic\":\"" +
              std::to_string(topic) + "\"}"};
}
inline made_event joins(snowflake guild, int user) {
  return {"GUILD_MEMBER_ADD", guild, 0,
          "{\"guild_id\":\"" + std::to_string(guild) + "\",\"user\":{\"id\":\"" + std::to_string(user) +
              "\",\"username\":\"x\"},\"roles\":[]}"};
}

} // namespace shardyard::testing
