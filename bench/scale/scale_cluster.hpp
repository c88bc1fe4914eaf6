// The cluster that the coordinator is measured against: guilds spread over shards and partition groups by
// their real arithmetic, and how far each group has cut them. Owned by the run, shared by the simulated nodes
// of one thread; answers for any moment, so that nothing has to be stepped.
#pragma once

#include "actors/coordinator/reshard_plan.hpp"
#include "messages/report.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace shardyard::bench {

struct scale_case {
  std::uint32_t from = 1000;
  std::uint32_t to = 1600;
  std::uint32_t guilds = 250'000;
  std::uint32_t nodes = 40;
  std::uint32_t partitions = 4096;
  std::uint32_t max_concurrency = 32;
  std::uint32_t identifies_a_day = 100'000; ///< Discord's own formula gives such a bot fewer, see README
  double cursor_moves = 0.25;               ///< share of the sessions that had an event in 100 ms
  std::uint64_t seed = 1;
};

class scale_cluster {
public:
  using time = std::chrono::steady_clock::time_point;

  explicit scale_cluster(const scale_case& x) : setup_{x} {}

  /// Draws the guilds. `owners`: group of each partition, counted from 0.
  void spread_guilds(const std::vector<std::uint32_t>& owners, std::uint32_t groups);

  std::uint32_t guilds_of(const shard_key& shard) const;

  /// The old shard's mark is on its way to all groups; false: it was before.
  bool transfer(const shard_key& shard, time now);

  /// Shards whose rows change while the old shard is cut.
  std::vector<shard_key> cut_with(const shard_key& old_shard) const;

  /// What the group says of the shard now.
  handover_report row(std::uint32_t group_index, const shard_key& shard, time now) const;

  /// When that row becomes another one; nullopt: not by itself.
  std::optional<time> next_change(std::uint32_t group_index, const shard_key& shard, time now) const;

  /// Guilds that the shard still leads, over all groups.
  std::uint64_t led(const shard_key& shard, time now) const;

private:
  struct side {
    std::uint32_t shards = 0;
    std::vector<std::vector<std::uint16_t>> by_group; ///< guilds of group and shard
  };
  /// One old shard of its unit stands for all: what new shards lead is only looked at when a plan is aborted.
  std::uint32_t cut_from(const shard_key& shard) const;
  std::uint64_t cut(std::uint32_t group_index, const shard_key& shard, time now) const;
  const side& side_of(const shard_key& shard) const { return shard.topology == 1 ? old_ : new_; }

  scale_case setup_;
  side old_, new_;
  std::vector<time> transferred_; ///< by old shard
};

} // namespace shardyard::bench
