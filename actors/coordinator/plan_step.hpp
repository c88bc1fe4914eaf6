// The one pure step of a running plan: from the plan, what is observed of its shards and the time to the next
// plan and the actions that bring it on. Level-triggered: it is called again and again and repeats an action
// until its effect is seen, so that a lost message or a restarted coordinator needs no case of its own. It
// promises (docs/architecture.md, I9): no drain before every guild of the old shard is cut, every new shard
// of the unit is ready and the closing row is durable.
#pragma once

#include "actors/coordinator/reshard_plan.hpp"
#include "actors/coordinator/shard_table.hpp"

#include <map>
#include <set>

namespace shardyard {

/// What is known of one shard of the plan. A value that not every partition group and node has reported for
/// this plan under the present coordinator is nullopt: unknown is never taken for zero.
struct shard_view {
  bool running = false;             ///< a node hosts it and says so
  bool ready = false;               ///< READY and every guild it listed has arrived or is marked unavailable
  bool closed = false;              ///< `done` received for this plan
  bool transferred = false;         ///< old shards: all partition groups have its transfer
  bool retracted = false;           ///< new shards: all partition groups have its retract
  std::optional<std::uint64_t> led; ///< guilds whose lead it is; for an old shard: uncut guilds
  std::uint64_t exceptions = 0;     ///< of `led`: listed because neither anchor nor silence came in time
  std::uint64_t voice = 0;          ///< of `led`: they wait because the bot speaks there
  bool dumb = false;                ///< old shards: lives, and does not bring a kind of event that it should
  std::optional<std::chrono::milliseconds>
      difference_age; ///< since the last unexplained difference; nullopt: none seen
  std::uint64_t guilds = 0;
  std::string fatal; ///< it cannot start (close code 4004, 4010..4014); cleared by whoever starts it again
                     ///< after `continue`
};

using plan_observations = shard_table<shard_view>;

struct plan_tuning {
  std::chrono::milliseconds stable_for{60'000};
  std::uint32_t most_restarts = 3;                           ///< of the stability clock by late events
  std::chrono::milliseconds preparing_deadline{15 * 60'000}; ///< without one more shard ready: pause and tell
  std::chrono::milliseconds moving_deadline{30 * 60'000};    ///< without one more guild cut: pause and tell
  std::chrono::milliseconds settling_deadline{
      20 * 60'000}; ///< beyond the longest stability clock, hold not counted: abort the unit
  std::chrono::milliseconds gone_after{
      10'000}; ///< a shard to be closed that leads no guild and runs nowhere counts as closed
  std::chrono::milliseconds repeat{2000};   ///< until an action whose effect is not seen is repeated
  std::chrono::milliseconds remind{60'000}; ///< between words to the operator on one topic
};

enum class plan_action_kind : std::uint8_t {
  start_shard,   ///< have a node run the new shard
  send_transfer, ///< to the old shard: its guilds may be cut
  send_accept,   ///< to the partitions: cut the old shard's excepted guilds now
  send_rescue,   ///< the same, but for guilds where the bot speaks: the old shard's session went dumb
  send_calls,    ///< to the partitions: nothing but calls is left to be cut in the shard's unit
  send_drain,    ///< to the old shard: acknowledge everything, then close for good
  send_retract,  ///< to the new shard: its guilds may be cut back
  close_shard,   ///< to the new shard of an aborted unit: close with 1000
  tell_operator,
};

struct plan_action {
  plan_action_kind kind = plan_action_kind::tell_operator;
  std::uint32_t unit = 0;
  shard_key shard{}; ///< tell_operator: none
  std::string text;  ///< tell_operator
};

/// What need not survive a restart: when something was last sent or told, and the progress that deadlines
/// watch.
struct plan_memory {
  struct progress {
    std::uint64_t rest = ~0ull; ///< shards not ready, or the fewest uncut guilds so far
    unix_time since{};
  };
  std::map<std::pair<plan_action_kind, shard_key>, unix_time> sent;
  std::map<std::string, unix_time> told; ///< by unit and topic
  progress preparing;
  std::map<std::uint32_t, progress> moving;
  std::map<std::uint32_t, unix_time> settling; ///< from when the deadline counts
  std::set<std::uint32_t> held;                ///< units that wait for `commit` only
  std::map<shard_key, unix_time> gone;         ///< shards to be closed that run nowhere, since when
};

struct plan_step_result {
  reshard_plan plan;
  plan_memory memory;
  /// `plan` differs from the input: it must be durable before any action is carried out. If it cannot be
  /// written, drop the whole result and step again from the old plan and memory.
  bool journal_first = false;
  std::vector<plan_action> actions;
};

/// `plan` must be durable as given. Call it on every observation and at least every few hundred milliseconds.
plan_step_result step(reshard_plan plan, plan_memory memory, const plan_observations& seen,
                      const plan_tuning& tuning, unix_time now);

/// Moving units that wait for nothing but guilds listed as exceptions: what `commit --accept` accepts.
std::vector<std::uint32_t> units_with_exceptions(const reshard_plan& plan, const plan_observations& seen);

} // namespace shardyard
