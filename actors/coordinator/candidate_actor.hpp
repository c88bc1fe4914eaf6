// Campaigns for the cluster's lease and, while it has it, runs the coordinator. Tells the node of its process
// where the coordinator lives now, so that this node finds it without asking around. Lives in a thread of its
// own, because etcd's answers are waited for.
#pragma once

#include "actors/coordinator/coordinator_actor.hpp"
#include "actors/coordinator/etcd_store.hpp"
#include "actors/coordinator/leader_news.hpp"

#include <chrono>

namespace shardyard {

using leader_listener = caf::typed_actor<caf::result<void>(leader_news)>;

using candidate_actor = caf::typed_actor<
    // Campaign if it is time to.
    caf::result<void>(tick)>;

struct candidate_setup {
  std::shared_ptr<etcd_election> election;
  coordinator_setup coordinator; ///< of each term that is won
  leader_listener node;
  std::chrono::milliseconds look_every{200};
};

candidate_actor spawn_candidate(caf::actor_system& system, candidate_setup setup);

} // namespace shardyard
