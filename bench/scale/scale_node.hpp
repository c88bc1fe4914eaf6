// A simulated node: answers the coordinator as a real one would, after virtual delays, for shards without
// sockets. Promises the protocol of a node (permits are asked for and used, READY, hand-over rows, drain,
// leases, checkpoints, pictures at the real node's pace) and counts what it sends and gets.
#pragma once

#include "actors/coordinator/coordinator_actor.hpp"
#include "bench/scale/scale_cluster.hpp"

#include <map>
#include <memory>
#include <set>
#include <string_view>

namespace shardyard::bench {

/// What the nodes of a run share, one thread.
struct scale_scene {
  enum class event { opened, moves, closed };

  scale_case setup;
  scale_cluster cluster{setup};
  local_coordinator_actor coordinator;
  std::map<std::string_view, std::uint64_t> messages; ///< by kind, both directions
  std::map<std::string_view, std::uint64_t> bytes;    ///< of pictures and checkpoints, as serialised
  std::uint64_t identifies = 0;
  std::uint64_t closed = 0;                           ///< old shards
  std::map<std::uint32_t, std::uint32_t> group_index; ///< by id, counted from 0
  std::set<shard_key> open;                           ///< shards whose events the groups get
  /// What has happened to shards, in order: each node goes through it on its own.
  std::vector<std::pair<shard_key, event>> events;
};

/// It joins at once.
node_actor spawn_scale_node(caf::actor_system& system, const std::string& name,
                            std::shared_ptr<scale_scene> scene);

} // namespace shardyard::bench
