#include "actors/partition/desk_words.hpp"

#include <cstdio>

namespace shardyard {

void desk_output::forward(const leading_session& to, upstream_command x) {
  ++figures.forwarded;
  x.session = to.session_id;
  forwards.push_back({to.shard, std::move(x)});
}

void desk_output::refuse(snowflake guild, std::uint32_t asker, int op, monotonic retry_after,
                         std::string_view nonce) {
  static const auto type = find_event_type("RATE_LIMITED");
  ++figures.refused;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f", std::chrono::duration<double>{retry_after}.count());
  auto d = "{\"opcode\":" + std::to_string(op) + ",\"retry_after\":" + seconds +
           ",\"meta\":{\"guild_id\":\"" + std::to_string(guild) + "\"";
  if (!nonce.empty())
    d.append(",\"nonce\":").append(nonce);
  answers.push_back({guild, asker, type, d + "}}"});
}

} // namespace shardyard
