// What a shard tells a partition group, and the answer. One stream per pair of actors, numbered from 1 by the
// shard; order holds because everything about a session, events and marks alike, travels in this one stream
// (a `transfer` cannot overtake an event).
#pragma once

#include "messages/event_block.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace shardyard {

/// What a mark in the event stream says about the session that it names.
enum class mark_kind : std::uint8_t {
  started,   ///< READY seen: a new session; `guilds` lists those of READY that belong to this group
  resynced,  ///< the stream to this group begins anew (the group restarted): the session is as described, `s`
             ///< acknowledged
  connected, ///< RESUMED seen: the socket is live again
  disconnected, ///< the socket is gone, the session may be resumed
  lost,         ///< the session is gone for good; `reason` says why
  flushed,      ///< a heartbeat sent when `s` was the newest sequence received has been acknowledged
  transfer,     ///< plan: guilds led by this shard may be cut to their follower
  retract,      ///< plan aborted: guilds may be cut back from this (new) shard to their follower
  drain,        ///< plan: answer how many guilds this shard still leads; nothing of it follows if that is 0
  closed,       ///< the shard was closed by the plan; its topology is retired for this shard's guilds
};

/// A fact about a session at this place in its stream.
struct source_mark {
  event_source from;
  mark_kind kind = mark_kind::started;
  std::uint64_t s = 0;    ///< newest sequence received (flushed: when the heartbeat was sent)
  std::uint64_t plan = 0; ///< transfer, retract, drain, closed: the plan's id
  std::uint64_t cluster_epoch = 0;
  std::int64_t newest_ms = 0; ///< as event_block::newest_ms
  std::int64_t began_ns =
      0; ///< when the session was READY, monotonic clock of the host that has the mark; 0: not known
  bool connected = false;        ///< started, resynced: whether the socket is live
  std::vector<snowflake> guilds; ///< started, resynced
  std::string reason;
};

template <class Inspector>
bool inspect(Inspector& f, mark_kind& x) {
  auto get = [&x] { return static_cast<std::uint8_t>(x); };
  auto set = [&x](std::uint8_t n) {
    x = static_cast<mark_kind>(n);
    return n <= static_cast<std::uint8_t>(mark_kind::closed);
  };
  return f.apply(get, set);
}

template <class Inspector>
bool inspect(Inspector& f, source_mark& x) {
  return f.object(x).fields(f.field("from", x.from), f.field("kind", x.kind), f.field("s", x.s),
                            f.field("plan", x.plan), f.field("cluster_epoch", x.cluster_epoch),
                            f.field("newest_ms", x.newest_ms), f.field("began_ns", x.began_ns),
                            f.field("connected", x.connected), f.field("guilds", x.guilds),
                            f.field("reason", x.reason));
}

/// Acknowledgement: everything up to and including `through` in the stream of `shard` is delivered or
/// disposable.
struct stream_ack {
  shard_key shard;
  std::uint64_t through = 0;

  auto operator<=>(const stream_ack&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, stream_ack& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("through", x.through));
}

/// Answer to a `drain` mark: guilds of this group that `shard` still leads. Zero is final.
struct drain_answer {
  shard_key shard;
  std::uint64_t plan = 0;
  std::uint64_t led = 0;
  std::uint32_t group = 0; ///< that answers
};

template <class Inspector>
bool inspect(Inspector& f, drain_answer& x) {
  return f.object(x).fields(f.field("group", x.group), f.field("shard", x.shard), f.field("plan", x.plan),
                            f.field("led", x.led));
}

} // namespace shardyard
