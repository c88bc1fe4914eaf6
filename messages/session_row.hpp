// What must be known of a gateway session to RESUME it, on this host or on another: the row of the checkpoint
// file and of the reports that keep a copy of it elsewhere.
#pragma once

#include "messages/ids.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace shardyard {

struct session_checkpoint {
  shard_key shard;
  std::string session_id;
  std::string resume_url;
  std::uint64_t plan = 0;        ///< that opened the shard; 0: none
  std::uint64_t cursor = 0;      ///< sequence to RESUME from
  std::int64_t newest_ms = 0;    ///< as event_block::newest_ms
  std::vector<snowflake> guilds; ///< what READY listed, kept current by the shard
  std::uint64_t term = 0;        ///< of the life of the shard that wrote the row; the higher one is newer

  bool operator==(const session_checkpoint&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, session_checkpoint& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("session_id", x.session_id),
                            f.field("resume_url", x.resume_url), f.field("plan", x.plan),
                            f.field("cursor", x.cursor), f.field("newest_ms", x.newest_ms),
                            f.field("guilds", x.guilds), f.field("term", x.term));
}

/// The session goes on, its cursor has moved.
struct cursor_move {
  shard_key shard;
  std::uint64_t term = 0;
  std::uint64_t cursor = 0;
  std::int64_t newest_ms = 0;
};

template <class Inspector>
bool inspect(Inspector& f, cursor_move& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("term", x.term), f.field("cursor", x.cursor),
                            f.field("newest_ms", x.newest_ms));
}

} // namespace shardyard
