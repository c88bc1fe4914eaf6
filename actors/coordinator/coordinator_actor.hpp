// The one active coordinator of a cluster: lets nodes in, places shards and partitions, grants IDENTIFYs,
// brings plans on, answers operators. Its rules are the plain classes of this room; whatever it decides is in
// the journal before it takes effect. It is never on the path of an event.
#pragma once

#include "actors/coordinator/cache_refill.hpp"
#include "actors/coordinator/identify_ledger.hpp"
#include "actors/coordinator/mix_watch.hpp"
#include "actors/coordinator/plan_step.hpp"
#include "actors/coordinator/store.hpp"
#include "actors/local_messages.hpp"
#include "actors/shard/link_news.hpp"
#include "net/rest.hpp"

#include <memory>
#include <optional>
#include <string>

namespace shardyard {

using local_coordinator_actor = coordinator_actor::extend<
    // Discord answered GET /gateway/bot.
    caf::result<void>(gateway_news),
    // Discord said who the bot is, or not.
    caf::result<void>(identity_news)>;

struct coordinator_setup {
  std::string cluster;
  std::string node;       ///< name of the node that it lives on
  std::string store_path; ///< SQLite file; not used with a store that was won elsewhere
  /// The store may be older than what the cluster has done: its epoch is raised above all others, and no
  /// IDENTIFY is granted until every permit that the store does not know has run out.
  bool take_over = false;
  std::uint32_t partitions = 64;
  std::uint32_t min_nodes = 1;
  std::optional<std::uint32_t> shards;          ///< of a new cluster; none: as Discord recommends
  std::optional<std::uint32_t> max_concurrency; ///< none: as Discord says
  ledger_settings identifies;
  plan_tuning tuning;
  net::rest_settings rest;
  std::shared_ptr<io_door> door; ///< for the REST request; null: gateway_news comes from elsewhere
  std::string gateway_file;      ///< where the last good answer of GET /gateway/bot is kept
  bool failover = true;          ///< what a lost host ran goes on at others
  std::chrono::milliseconds lease_ttl{5000}; ///< a host that is not heard delivers for so long at most
  bool replace_silent_sessions = false;      ///< a renewal when a live session stops to bring a kind of event
  mix_tuning mix;                            ///< when one is said to have stopped
  refill_tuning refill;                      ///< a renewal when guilds are not in the cache
  bool own_thread = true; ///< a write to the store may take long; false: tests in virtual time
};

/// Throws std::runtime_error when the store cannot be used, another process holds it, or it belongs to
/// another cluster.
local_coordinator_actor spawn_coordinator(caf::actor_system& system, coordinator_setup setup);

/// The same on a store that the caller has won. The actor ends by itself as soon as that store is not leading
/// any more; the store is let go with it. Throws store_error when the rows cannot be read.
local_coordinator_actor spawn_coordinator(caf::actor_system& system, coordinator_setup setup,
                                          std::shared_ptr<store> rows);

} // namespace shardyard
