// The actor around the partitions of one node: takes the streams of all shards, hands deliveries to the
// sinks, acknowledges what they accepted, keeps the position log. One actor for all partitions of a node: a
// shard then sends each block once and not once per partition (docs/decisions.md).
#pragma once

#include "actors/local_messages.hpp"
#include "actors/node/sink_actor.hpp"
#include "actors/partition/disk.hpp"
#include "actors/partition/guild_cache.hpp"
#include "actors/partition/guild_handover.hpp"
#include "actors/partition/voice_watch.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace shardyard {

using local_partition_group_actor = partition_group_actor::extend<
    // Deliver nothing more; answer with the final state when the sinks have everything.
    caf::result<std::string>(release_group),
    // From now on this node keeps a copy of the log.
    caf::result<void>(copy_keeper)>;

using group_listener = caf::typed_actor<caf::result<void>(group_news)>;

struct partition_group_setup {
  std::string node;
  group_place place; ///< which partitions, under which epoch
  std::uint32_t partition_count = 0;
  std::string state_dir;          ///< of the position log
  std::shared_ptr<disk> log_disk; ///< where the position log writes; null: the machine's
  bool log_thread = true;         ///< a write to the log may take long; false: tests in virtual time
  std::vector<sink_settings> sinks;
  std::vector<sink_actor> receivers; ///< sinks of the bot's own, beside the configured ones
  std::size_t max_backlog_bytes =
      64u << 20; ///< given to the sinks and not taken by all; beyond it shards are held back
  handover_tuning tuning;
  std::chrono::milliseconds exceptions_after{600'000};
  std::optional<cache_policy> cache; ///< bots are served: guilds are remembered, and recent deliveries kept
  std::size_t most_described = 256 << 10; ///< as partition_settings has it
  voice_tuning voice;
  bool guilds_intent = true;                   ///< false: READY itself opens the coverage
  std::shared_ptr<struct shared_sinks> shared; ///< opened by the node for all its groups; null: opens its own
  bool ran_here = false; ///< shared: what the files have beyond the log concerns this group
  assignment first;
  group_listener listener;
  /// CLOCK_BOOTTIME in ns until which it may deliver; null: always.
  std::shared_ptr<std::atomic<std::int64_t>> deliver_until;
};

/// File name of a group's position log. The epoch is part of it: what an earlier one left behind is never
/// mistaken for this one's.
std::string position_log_name(const group_place& x);

/// Recovers from the position log and the tails of the file sinks before it returns, and ends with its
/// listener. Throws
/// std::runtime_error when the log or a sink's file cannot be used, with the path and the reason.
local_partition_group_actor spawn_partition_group(caf::actor_system& system, partition_group_setup setup);

} // namespace shardyard
