// The CAF settings that every process of a cluster shares. Peers must agree on heartbeats, so these are
// constants and not options.
#pragma once

#include <caf/actor_system_config.hpp>

namespace shardyard {

/// Middleman loaded, heartbeat 1 s and timeout 3 s (a silent peer is noticed within 4 s), scheduler `sharing`
/// (idle workers sleep, a message wakes them at once), CAF's own messages at level warning on the console.
/// `workers` 0 = one per core.
class system_config : public caf::actor_system_config {
public:
  explicit system_config(std::size_t workers = 0);
};

} // namespace shardyard
