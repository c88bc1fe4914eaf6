// What bot endpoints and partition groups say to each other: feeds of deliveries, guilds for READY and
// GUILD_CREATE, and what bots send upstream. An endpoint lives on every node that bots may connect to; it
// asks every group of the cluster, wherever that runs.
#pragma once

#include "messages/ids.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace shardyard {

/// Which guilds a bot's shard sees: those with `shard_of(guild, count) == id`. Need not equal any upstream
/// topology.
struct guild_filter {
  std::uint32_t id = 0;
  std::uint32_t count = 1;

  bool sees(snowflake guild) const { return guild == 0 ? id == 0 : shard_of(guild, count) == id; }
  auto operator<=>(const guild_filter&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, guild_filter& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("count", x.count));
}

/// Endpoint -> group, with the endpoint's sink: give me all deliveries from now on, after those that you
/// still keep. Sent again after each reconnect and to each new life of a group; the endpoint drops by (guild,
/// n) what it has.
struct feed_request {
  std::string
      endpoint; ///< name of the endpoint's node; a later feed of the same name replaces the earlier one
  std::uint64_t incarnation = 0;
  std::uint64_t through = 0; ///< newest batch that the endpoint has of this life of the group; 0: none
};

template <class Inspector>
bool inspect(Inspector& f, feed_request& x) {
  return f.object(x).fields(f.field("endpoint", x.endpoint), f.field("incarnation", x.incarnation),
                            f.field("through", x.through));
}

/// Group -> endpoint, the answer.
struct feed_opened {
  std::uint32_t group = 0;
  std::uint64_t epoch = 0;
  bool whole =
      false; ///< everything that this life of the group has delivered beyond `through` was still kept
};

template <class Inspector>
bool inspect(Inspector& f, feed_opened& x) {
  return f.object(x).fields(f.field("group", x.group), f.field("epoch", x.epoch), f.field("whole", x.whole));
}

/// Endpoint -> group: which guilds does this shard of a bot have?
struct guild_list_request {
  guild_filter which;
};

template <class Inspector>
bool inspect(Inspector& f, guild_list_request& x) {
  return f.object(x).fields(f.field("which", x.which));
}

/// Group -> endpoint, the answer: every guild of the group that the bot is in, in no order; those that READY
/// has listed and that have not come yet are among them.
struct guild_list {
  std::uint32_t group = 0;
  bool complete = true; ///< false: not every shard has been READY since the cluster began: ask again
  std::vector<snowflake> guilds;
};

template <class Inspector>
bool inspect(Inspector& f, guild_list& x) {
  return f.object(x).fields(f.field("group", x.group), f.field("complete", x.complete),
                            f.field("guilds", x.guilds));
}

/// Endpoint -> group: GUILD_CREATEs of these guilds, as a session with these settings sees them.
struct snapshot_request {
  std::vector<snowflake> guilds;
  std::uint64_t intents = 0;
  std::uint16_t large_threshold = 50;
};

template <class Inspector>
bool inspect(Inspector& f, snapshot_request& x) {
  return f.object(x).fields(f.field("guilds", x.guilds), f.field("intents", x.intents),
                            f.field("large_threshold", x.large_threshold));
}

/// One guild of a snapshot_answer. It contains the effect of all deliveries up to `n` and of none after.
struct guild_snapshot {
  snowflake guild = 0;
  std::uint64_t n = 0;
  std::uint32_t size =
      0;             ///< bytes of its GUILD_CREATE `d` in snapshot_answer::bytes; 0: not available at present
  bool gone = false; ///< the bot is not in it any more
};

template <class Inspector>
bool inspect(Inspector& f, guild_snapshot& x) {
  return f.object(x).fields(f.field("guild", x.guild), f.field("n", x.n), f.field("size", x.size),
                            f.field("gone", x.gone));
}

/// Group -> endpoint, the answer: one row per guild asked for, in that order, at least one; `bytes` is their
/// JSON, one behind the other. It ends early when it is large, and the rest is asked for again: a hundred
/// thousand members take long to write, and a group has events to deliver.
struct snapshot_answer {
  std::uint32_t group = 0;
  std::vector<guild_snapshot> guilds;
  std::string bytes;
};

template <class Inspector>
bool inspect(Inspector& f, snapshot_answer& x) {
  return f.object(x).fields(f.field("group", x.group), f.field("guilds", x.guilds),
                            f.field("bytes", x.bytes));
}

/// Endpoint -> group of the guild: op 4, 8, 31 or 43 of a bot. What answers it comes in the feed, with
/// event_entry::asker set. Repeated with the same number when the group moves; a group drops what it knows.
struct bot_command {
  std::uint32_t asker = 0;  ///< random number of the bot's session, not 0; one per session and cluster
  std::uint64_t number = 0; ///< rises with each command of the asker
  std::string bot;          ///< whose share of the upstream limits it takes
  std::uint8_t op = 0;
  snowflake guild = 0;
  std::string
      d; ///< JSON as the bot sent it; op 31 with several guilds comes once per group with all of its guilds
  std::string nonce; ///< op 8: the bot's nonce as it stands in `d`, without quotes; empty: none
};

template <class Inspector>
bool inspect(Inspector& f, bot_command& x) {
  return f.object(x).fields(f.field("asker", x.asker), f.field("number", x.number), f.field("bot", x.bot),
                            f.field("op", x.op), f.field("guild", x.guild), f.field("d", x.d),
                            f.field("nonce", x.nonce));
}

/// Group -> shard that leads the guild: send this to Discord within the limits of your connection.
struct upstream_command {
  std::string bot; ///< fairness: bots take turns
  std::uint8_t op = 0;
  std::string d;
  std::uint32_t patience_ms = 10'000; ///< dropped when it could not be sent for so long
  std::string
      session; ///< Discord's id of the session that shall send it, no other one may; empty: whichever lives
};

template <class Inspector>
bool inspect(Inspector& f, upstream_command& x) {
  return f.object(x).fields(f.field("bot", x.bot), f.field("op", x.op), f.field("d", x.d),
                            f.field("patience_ms", x.patience_ms), f.field("session", x.session));
}

/// Endpoint -> every node: op 3 (or IDENTIFY's presence) of a bot's shard, for all upstream shards that share
/// a guild with it, now and when they identify again.
struct bot_presence {
  std::string bot;
  guild_filter which;
  std::uint64_t number = 0; ///< rises with each presence of the bot; older ones are ignored
  std::string d;            ///< JSON object
};

template <class Inspector>
bool inspect(Inspector& f, bot_presence& x) {
  return f.object(x).fields(f.field("bot", x.bot), f.field("which", x.which), f.field("number", x.number),
                            f.field("d", x.d));
}

} // namespace shardyard
