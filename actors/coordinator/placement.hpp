// Which node hosts which shard or partition. Pure and deterministic: the same nodes, weights and present
// places give the same answer. It promises exact shares by weight (largest remainder) and the fewest moves
// that reach them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace shardyard {

/// Node name per item (shard id or partition number); empty: nowhere.
using placement = std::vector<std::string>;

struct node_weight {
  std::string name;
  double weight = 1; ///< share of items; 0 hosts nothing
};

/// Places `count` items. Items that `present` has on a node stay there while the node's share allows. `salt`
/// (the topology's id) varies which of equal nodes get an item more, so that two topologies do not both load
/// the same one. Without a node of weight above 0 every item is nowhere. Nodes must have distinct names.
placement place(std::uint32_t count, const std::vector<node_weight>& nodes, const placement& present = {},
                std::uint64_t salt = 0);

/// Items whose node differs.
std::uint32_t moves(const placement& before, const placement& after);

} // namespace shardyard
