// All partitions of one node: takes the streams of the shards, splits them by partition, gathers deliveries,
// acknowledgements and log records. Owns the partitions, the table of sessions and the ledger of streams.
// Plain class: no CAF, no files, time is an argument.
//
// Order of effects that the caller keeps: commit take_log() before the deliveries of the same moment go to a
// sink, and before take_acks() leaves. With sinks that cannot tell what they have, call checkpoint(now, true)
// and commit it before take_acks(), too.
#pragma once

#include "actors/partition/partition.hpp"
#include "messages/prefetch.hpp"
#include "messages/stream.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>

namespace shardyard {

class partition_group {
public:
  /// `recovered`: what the position log gave, with the sinks' tails applied. Before that, settle() it and
  /// compact the log with its encode(): records that no sink has seen must not outlive their numbers. Rests
  /// of cuts are delivered at once.
  partition_group(partition_settings settings, recovered_state recovered, monotonic now);
  partition_group(const partition_group&) = delete;
  partition_group& operator=(const partition_group&) = delete;

  /// Item `ordinal` of the stream of `block->from.shard`. A repeated one is ignored. False: not taken, the
  /// shard must send again from its first unacknowledged item, after a `resynced` mark (a jump, or no place
  /// for a third topology yet).
  bool on_block(std::uint64_t ordinal, const std::shared_ptr<const event_block>& block, monotonic now);
  /// The same for marks. Handlers are idempotent; marks of an older cluster epoch are refused and counted.
  bool on_mark(std::uint64_t ordinal, const source_mark& mark, monotonic now);

  /// A bot's command for a guild of this group.
  void command(const bot_command& x, monotonic now);
  /// What shards have to send for bots, since the last call.
  std::vector<forwarded_command> take_forwards() { return desk_.take_forwards(); }
  /// What the operator's log shall say about it.
  std::vector<std::string> take_notes() { return desk_.take_notes(); }

  /// Exceptions: guilds still led by `shard` are cut now, if their follower covers them. `calls`: also where
  /// the bot speaks.
  void accept(std::uint64_t plan, const shard_key& shard, bool calls, monotonic now);

  /// Of the shard's unit nothing else is left to be cut, in this group or another.
  void only_calls_left(std::uint64_t plan, const shard_key& shard);

  /// The coordinator knows these topologies; older ones have ended.
  void retire_all_but(std::uint32_t active, std::uint32_t other, monotonic now);

  void tick(monotonic now);
  /// When tick() has something to do; may be in the past.
  monotonic next_tick(monotonic now) const { return std::min(soonest_, now + std::chrono::hours(1)); }

  /// Deliveries since the last call, in order, with their batch number; empty when there are none.
  delivery_batch take_deliveries() { return out_.take(); }
  /// Every sink has all batches up to `through`.
  void delivered(std::uint64_t through) { out_.delivered(through); }

  std::uint64_t unaccepted_events() const { return out_.unaccepted_events(); }
  bool acks_due() { return streams_.acks_due(out_.accepted()); }
  std::vector<stream_ack> take_acks() { return streams_.take_acks(out_.accepted()); }
  std::vector<drain_answer> drain_answers() { return std::exchange(answers_, {}); }

  std::string take_log() { return out_.take_log(); }
  /// Puts accepted positions into the log, at least every 100 ms or 256 events, or at once.
  void checkpoint(monotonic now, bool force = false);
  /// The whole state as records; none while deliveries wait for acceptance.
  std::optional<std::string> snapshot() const;

  // The same in pieces, for a compaction of the log while events go on. The log that replaces the old one is
  // the first answer, then every record given out since, and among them the pieces, each behind all records
  // that were given out before it.

  /// The state but for caches; none while deliveries wait for acceptance.
  std::optional<std::string> begin_compaction();
  /// Caches as they are now, of about `bytes`; empty: all have been given, or none is wanted.
  std::string next_piece(std::size_t bytes);
  /// All have been given, and what they contain is accepted: with one more checkpoint the log is whole.
  bool compaction_whole() const;
  void end_compaction() { compaction_.reset(); }

  /// The bot's own user id, once it is known.
  void set_self(snowflake user);
  guild_list guilds(const guild_list_request& x) const;
  snapshot_answer describe(const snapshot_request& x) const;

  group_report report(monotonic now) const;

private:
  std::optional<recovered_state> state_without_caches() const;
  bool knows_all_shards() const;
  bool has_left(snowflake guild) const;
  class lead_port;
  void consult_desk(monotonic now);
  void let_voice_go(monotonic now);
  bool has_place(const shard_key& shard);
  source& source_of(const event_source& from, monotonic now);
  source& begin_session(const source_mark& mark, monotonic now);
  void end_session(source& x, std::string_view why, monotonic now);
  void finish_item(std::uint64_t events_before);
  void apply(const source_mark& mark, monotonic now);
  void started(const source_mark& mark, monotonic now);
  void resynced(const source_mark& mark, monotonic now);
  void open_guilds(source& x, const source_mark& mark, bool resynced, monotonic now);
  void plan_mark(const source_mark& mark, monotonic now);
  void close_shard(const shard_key& shard, monotonic now);
  void begin_drain(const source_mark& mark, monotonic now);
  void answer_drains(monotonic now);
  void log_session(const source& x);
  logged_session row_of(const source& x) const;
  partition* partition_at(const scope& x) const;
  void look_ahead(monotonic now);
  void prefetch(std::span<const event_entry> entries);

  partition_settings settings_;
  source_table sources_;
  delivery_outbox out_;
  stream_ledger streams_;
  command_desk desk_;
  std::vector<std::unique_ptr<partition>> partitions_;
  std::vector<partition*> by_id_;
  std::array<scope_state*, prefetched_events> next_{}; ///< of the events that come next; null: not looked for
  /// A shard that is to close, whose answer waits for events that nobody but it has shown.
  struct waiting_drain {
    std::uint64_t plan = 0;
    monotonic since{};
    std::vector<std::pair<const partition*, partition::undecided_event>> open;
  };
  std::map<shard_key, waiting_drain> drains_;
  std::vector<drain_answer> answers_;
  monotonic soonest_{0}; ///< what any partition waits for is not before; may be too early
  std::uint64_t cluster_epoch_ = 0;
  std::uint64_t plan_ = 0;
  monotonic next_voice_look_{0};
  struct compaction {
    std::vector<snowflake> guilds; ///< whose caches are still to be given
    std::uint64_t needs = 0;       ///< batch that has to be accepted
  };
  std::optional<compaction> compaction_;
  std::uint64_t misrouted_ = 0, stale_marks_ = 0, refused_ = 0;
};

} // namespace shardyard
