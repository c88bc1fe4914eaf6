// The sessions that feed the partitions of one node, by shard, and on which side of a hand-over each topology
// stands. Owned by the partition group, read by its partitions; one for all of them, since a session's socket
// is a fact about all its guilds.
#pragma once

#include "actors/partition/position.hpp"
#include "actors/partition/session_skew.hpp"

#include <deque>
#include <string>

namespace shardyard {

/// One session of one shard.
struct source {
  std::uint32_t number = 0; ///< in this group, from 1, never used again
  side at = side::first;
  event_source from;
  source_view view;
  monotonic heartbeat_answered{1}; ///< arrival of the newest flushed mark; the next heartbeat is sent later
  monotonic started{0};            ///< 0: known from an earlier run
  monotonic connected_at{0};       ///< since when its socket is live, while it is
  std::int64_t newest_before =
      0;                  ///< newest snowflake time seen on any session when this one began; 0: not known
  bool gone = false;      ///< lost for good, or its shard was closed
  bool closed = false;    ///< its shard was closed by a plan
  bool caught_up = false; ///< has acknowledged a heartbeat sent after its stream began here
  bool past_snapshot =
      false; ///< its guilds are covered without a GUILD_CREATE to come (resynced, or no GUILDS intent)
  std::uint64_t stray_s = 0;    ///< newest sequence handled of events that belong to no scope of this shard
  std::vector<snowflake> ready; ///< guilds that READY listed, of this group, sorted

  bool listed(snowflake guild) const;
};

/// What the plan has said about a shard, and its present session.
struct shard_slot {
  source* current = nullptr; ///< null: none, or gone
  bool transferred = false;
  bool retracted = false;
  bool closed = false;
  bool only_calls = false; ///< of its unit nothing is left to be cut but guilds where the bot speaks
  std::uint64_t plan = 0;
  monotonic transferred_at{0};
  monotonic longest_wait{
      0}; ///< from the transfer to a guild's first chance to be cut: what the traffic imposed
  std::array<std::uint64_t, 4> cuts{}; ///< of guilds that this shard led, by cut_kind, since the plan began
};

class source_table {
public:
  /// Side of a topology; a new one takes the free side. Null when two others are alive.
  const side* assign(const shard_key& shard);

  shard_slot* slot(const shard_key& shard);
  /// The shard on side `at` that carries `x`; null when no topology stands there.
  shard_slot* slot(side at, const scope& x);
  const shard_slot* slot(side at, const scope& x) const {
    return const_cast<source_table*>(this)->slot(at, x);
  }

  /// The session as of a block or mark; null when it was never announced.
  source* find(const event_source& from);
  /// A session is new: it becomes the shard's current one. The topology must have a side.
  source& add(const event_source& from, monotonic started);
  void restore(std::uint32_t number, side at, const event_source& from, std::uint64_t stray_s, bool closed);
  const source& numbered(std::uint32_t number) const { return sources_[number - 1]; }
  const std::deque<source>& all() const { return sources_; }

  void lose(source& x);
  /// The shard is closed; its topology leaves its side when all its shards here are.
  void close(const shard_key& shard);

  source_views views(const scope& x) const;
  /// Who leads a guild that appears now at `seen`: the older topology unless its shard has no session.
  side lead_of_new(const scope& x, side seen) const;
  bool overlap() const { return topologies_[0].id != 0 && topologies_[1].id != 0; }
  /// The plan lets the lead of `x` move away from `lead`.
  bool may_cut(const scope& x, side lead) const;
  shard_key shard(side at, const scope& x) const;
  /// The sessions of `x` are this far apart; what that asks for; figures over all pairs of a shard.
  void note_skew(const scope& x, side later, monotonic by);
  handover_waits waits(const scope& x, side lead, const handover_tuning& tuning) const;
  session_skews::figures skew_of(const shard_key& shard, const handover_tuning& tuning) const;
  void transfer(const shard_key& shard, std::uint64_t plan, monotonic now);
  /// The plan is aborted at the new shard: its guilds go back, and its old shards give none away any more.
  void retract(const shard_key& shard, std::uint64_t plan, monotonic now);

  /// (shard, slot) of everything known.
  std::vector<std::pair<shard_key, const shard_slot*>> slots() const;

private:
  struct topology_slot {
    std::uint32_t id = 0; ///< 0: the side is free
    std::uint32_t count = 0;
    side at = side::first;
    std::vector<shard_slot> shards;
  };
  topology_slot* topology(std::uint32_t id);
  const topology_slot& on(side x) const { return topologies_[static_cast<std::size_t>(x)]; }
  void begin_plan(shard_slot& x, std::uint64_t plan, monotonic now);

  std::array<topology_slot, 2> topologies_{topology_slot{}, topology_slot{0, 0, side::second, {}}};
  std::deque<source> sources_;
  session_skews skews_;
};

} // namespace shardyard
