// Which session of this endpoint has the bot's voice in a guild: the one that sent the newest op 4 there. A
// group that has begun anew does not know who asked for a voice server, so this decides then; two sessions
// that took one server update would both connect to it. Not thread-safe.
#pragma once

#include "messages/ids.hpp"

#include <unordered_map>

namespace shardyard {

class voice_claims {
public:
  /// Op 4 of a session. `channel` 0: the bot leaves.
  void said(std::uint32_t asker, snowflake guild, snowflake channel) {
    if (channel != 0)
      speakers_[guild] = asker;
    else
      speakers_.erase(guild);
  }

  /// The group has given the guild's voice server to a session, perhaps to one of another endpoint.
  void served(std::uint32_t asker, snowflake guild) {
    if (auto found = speakers_.find(guild); found != speakers_.end() && found->second != asker)
      speakers_.erase(found);
  }

  /// The session is gone.
  void forget(std::uint32_t asker) {
    std::erase_if(speakers_, [asker](auto& x) { return x.second == asker; });
  }

  /// 0: none of this endpoint.
  std::uint32_t speaker(snowflake guild) const {
    auto found = speakers_.find(guild);
    return found == speakers_.end() ? 0 : found->second;
  }

private:
  std::unordered_map<snowflake, std::uint32_t> speakers_;
};

} // namespace shardyard
