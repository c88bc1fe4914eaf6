// From the configuration's [store] section to an election over etcd.
#pragma once

#include "actors/coordinator/etcd_store.hpp"
#include "apps/config.hpp"

#include <cstdint>
#include <memory>

namespace shardyard {

/// `port`: where this node listens. Throws std::runtime_error when a file of the section cannot be used.
std::shared_ptr<etcd_election> make_election(const node_config& config, std::uint16_t port);

} // namespace shardyard
