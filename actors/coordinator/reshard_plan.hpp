// One reshard: the durable record of what is to be done and how far each cut unit is. Plain values and pure
// functions: the requests that create and steer a plan, each answered with a new plan or with a refusal that
// says why and what to do instead.
#pragma once

#include "actors/coordinator/cut_units.hpp"
#include "actors/coordinator/plan_unit.hpp"
#include "actors/coordinator/refusal.hpp"

#include <optional>
#include <string>
#include <vector>

namespace shardyard {

/// One shard count with its shards. Ids start at 1 and are never used again.
struct topology {
  std::uint32_t id = 0;
  std::uint32_t shard_count = 0;

  shard_key shard(std::uint32_t shard_id) const { return {id, shard_id, shard_count}; }
  bool operator==(const topology&) const = default;
};

enum class plan_state : std::uint8_t {
  planned,
  preparing,
  moving,
  settling,
  closing,
  done,
  aborting,
  aborted,
  divided, ///< some units done, others aborted: both topologies live in part until the plan is continued
};
std::string_view to_string(plan_state x);

struct reshard_plan {
  std::uint64_t id = 0;
  std::uint64_t cluster_epoch = 0; ///< of the coordinator that created it
  topology from;
  topology to;
  bool renew = false;     ///< same count, new sessions
  bool hold = false;      ///< stop before closing until `commit`
  bool committed = false; ///< the hold is released
  bool paused = false;
  std::string pause_reason;
  unix_time created{};
  std::vector<plan_unit> units; ///< index = residue class

  cut_units cuts() const { return {from.shard_count, to.shard_count}; }
  std::vector<shard_key> old_shards(std::uint32_t unit) const;
  std::vector<shard_key> new_shards(std::uint32_t unit) const;
  std::uint32_t count(unit_state state) const;
  bool operator==(const reshard_plan&) const = default;
};

/// The least advanced unit decides; a finished plan is done, aborted or divided.
plan_state state_of(const reshard_plan& plan);

/// Done or aborted: another plan may begin. A divided plan is not finished.
bool finished(const reshard_plan& plan);

/// One sentence for an operator: counts, state, how many units are where, what is left.
std::string describe(const reshard_plan& plan);

/// Which shards should run now, of both topologies. Closing old shards are included until they are closed;
/// new shards of an aborting unit until the unit is aborted.
std::vector<shard_key> wanted_shards(const reshard_plan& plan);
/// Of these, whether the old shard `id` is one.
bool wants_old_shard(const reshard_plan& plan, std::uint32_t id);

/// The topology that is active when no unit is under way; nullopt while the plan runs or is divided.
std::optional<topology> active_topology(const reshard_plan& plan);

struct reshard_request {
  std::uint32_t shard_count = 0;
  bool renew = false;
  bool hold = false;
};

/// What a new plan is judged by.
struct plan_context {
  std::uint64_t next_plan_id = 1;
  std::uint32_t next_topology_id = 1;
  std::uint64_t cluster_epoch = 0;
  topology active;
  const reshard_plan* running = nullptr; ///< the last plan, finished or not; null: none yet
  std::uint32_t shard_multiple =
      1; ///< large-bot sharding: counts must be a multiple of it (Gateway reference, "Sharding")
  std::uint64_t guilds = 0;
  std::optional<std::uint64_t> largest_new_shard; ///< exact guild count of the fullest new shard, if known
  std::uint32_t identifies_left = 0;              ///< for a reshard, reserve taken off
  std::string identifies_back; ///< when enough of them will be there, for the refusal ("in 3 h 10 min")
  std::uint32_t hosts = 0;     ///< nodes that may host shards
};

/// Discord closes an IDENTIFY with 4011 when the shard would hold more guilds (Gateway reference,
/// "Sharding").
inline constexpr std::uint64_t max_guilds_per_shard = 2500;
inline constexpr std::uint32_t max_shard_count = 100'000;

/// Expected guild count of the fullest of `shards` shards.
std::uint64_t estimate_fullest_shard(std::uint64_t guilds, std::uint32_t shards);

result_or_refusal<reshard_plan> make_plan(const reshard_request& request, const plan_context& context,
                                          unix_time now);

/// No unit advances, except those that are closing or aborting.
result_or_refusal<reshard_plan> pause(reshard_plan plan, std::string why);
/// Ends a pause; a divided plan goes on forward with its aborted units.
result_or_refusal<reshard_plan> continue_plan(reshard_plan plan, unix_time now);
/// Releases the hold. `accepted`: units whose listed exceptions the operator accepts (units_with_exceptions,
/// `commit --accept`).
result_or_refusal<reshard_plan> commit(reshard_plan plan, const std::vector<std::uint32_t>& accepted = {});
/// Reverts the units that are not closing yet; the others finish.
result_or_refusal<reshard_plan> abort(reshard_plan plan, unix_time now);

} // namespace shardyard
