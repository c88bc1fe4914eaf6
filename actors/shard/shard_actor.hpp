// One shard: one gateway session of one topology. The actor carries out what session::machine decides,
// numbers and retains events per partition group until they are acknowledged, and keeps the resume cursor. It
// talks to its socket through net::gateway_link.
#pragma once

#include "actors/local_messages.hpp"
#include "actors/shard/session.hpp"

namespace shardyard {

using shard_actor = stream_source_actor::extend<
    // Follow the node's newest routes.
    caf::result<void>(shard_routes),
    // Let the guilds be cut: passes on in the event stream.
    caf::result<void>(transfer),
    // Close when nothing is needed any more; or forget the session.
    caf::result<void>(drain),
    // Close so that the session can be RESUMEd on another host.
    caf::result<void>(release_shard),
    // Take what the socket brought.
    caf::result<void>(link_message), caf::result<void>(link_block),
    // Timers: reconnects, permits, extra heartbeats, news for the node.
    caf::result<void>(tick)>;

using shard_listener = caf::typed_actor<caf::result<void>(shard_news)>;

struct io_door; ///< the node's io thread and link settings, shared by its shards

/// What a shard needs to know when it starts.
struct shard_setup {
  shard_key shard;
  std::uint64_t plan = 0;
  std::uint64_t cluster_epoch = 0;
  std::uint64_t term = 0; ///< of this life of the shard; above all earlier ones
  session::purpose purpose = session::purpose::start;
  std::optional<session_checkpoint> session; ///< RESUME this first
  std::shared_ptr<io_door> door;
  shard_routes routes;
  std::string presence; ///< what bots want shown; empty: as configured
  shard_listener listener;
};

shard_actor spawn_shard(caf::actor_system& system, shard_setup setup);

} // namespace shardyard
