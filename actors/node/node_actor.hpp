// One host of the cluster. Finds the coordinator through its seeds, dials the other nodes, runs the shards
// and partitions that it was assigned, and tells the coordinator what it runs. Holds no rule about plans: it
// carries out, idempotently, what carries the newest epoch.
#pragma once

#include "actors/bot_session/bot_endpoint_actor.hpp"
#include "actors/coordinator/leader_news.hpp"
#include "actors/local_messages.hpp"
#include "actors/node/peer_links_actor.hpp"
#include "actors/partition/guild_cache.hpp"
#include "actors/partition/partition_group_actor.hpp"
#include "actors/shard/shard_actor.hpp"

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shardyard {

using local_node_actor = node_actor::extend<
    // A local shard has news for the coordinator and the checkpoints.
    caf::result<void>(shard_news),
    // The local partition group has news for the coordinator.
    caf::result<void>(group_news),
    // A dialer found a peer, or not.
    caf::result<void>(peer_found),
    // The coordinator lives here now, or there, or not here any more.
    caf::result<void>(leader_news),
    // The endpoint of this node has news for the coordinator.
    caf::result<void>(endpoint_report),
    // The door is open at this port: begin.
    caf::result<void>(std::uint16_t)>;

struct node_setup {
  node_card card;
  std::vector<std::pair<std::string, std::uint16_t>> seeds;
  std::string state_dir;
  std::vector<sink_settings> sinks;
  std::size_t max_backlog_bytes = 64u << 20; ///< as in partition_group_setup
  handover_tuning tuning;
  std::chrono::milliseconds exceptions_after{600'000};
  std::optional<cache_policy> cache; ///< as in partition_group_setup
  voice_tuning voice;
  bool guilds_intent = true;
  std::shared_ptr<io_door> door;
  std::shared_ptr<peer_links> links; ///< to the other nodes; without one: plain TCP
  coordinator_actor coordinator;     ///< when it lives in this process from the beginning
  std::chrono::milliseconds lease_ttl{5000};
  /// CLOCK_BOOTTIME in ns until which groups may deliver, kept current by the node; null: always.
  std::shared_ptr<std::atomic<std::int64_t>> deliver_until;
  bot_endpoint_actor endpoint;      ///< of this node; null: bots cannot connect here
  std::function<void()> begin_anew; ///< starts the program again; does not return
  bool log_thread = true;           ///< as in partition_group_setup
};

/// Listens nowhere: only actors of this process reach it. Throws std::runtime_error when the state directory
/// cannot be used.
local_node_actor spawn_quiet_node(caf::actor_system& system, node_setup setup);

/// Listens at the card's host and port (0: any free one; `port` tells which). Throws std::runtime_error when
/// the address or the state directory cannot be used.
local_node_actor spawn_node(caf::actor_system& system, node_setup setup, std::uint16_t& port);

} // namespace shardyard
