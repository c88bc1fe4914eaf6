// The presences that bots want to show (op 3, or in their IDENTIFY), and which of them an upstream shard
// shows: one session has one presence, so among several bots on the same shard the newest wins. Each node
// keeps all of them, since any of its shards may have to identify. Plain class.
#pragma once

#include "messages/bots.hpp"

#include <map>
#include <string>
#include <utility>

namespace shardyard {

class presence_board {
public:
  /// False: an older one than that bot's shard has shown already, or the same once more.
  bool put(const bot_presence& x);

  /// JSON of the presence that this shard shows; empty: no bot has said anything, the configuration holds.
  std::string shown(const shard_key& shard) const;

private:
  static constexpr std::size_t most_entries = 4096;

  std::map<std::pair<std::string, guild_filter>, bot_presence> newest_;
};

/// Whether some guild belongs to both: their ids are the same modulo the counts' greatest common divisor
/// (Gateway reference, "Sharding").
bool share_guilds(const guild_filter& a, const shard_key& b);

} // namespace shardyard
