// Random nodes, and what a placement gives each.
#pragma once

#include "actors/coordinator/placement.hpp"

#include <rapidcheck.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace shardyard {

inline std::map<std::string, std::uint32_t> load(const placement& x) {
  std::map<std::string, std::uint32_t> result;
  for (auto& node : x)
    ++result[node];
  return result;
}

/// One at least has a weight. Within a property only.
inline std::vector<node_weight> random_nodes() {
  std::vector<node_weight> nodes;
  auto count = *rc::gen::inRange(1, 12);
  for (int i = 0; i < count; ++i)
    nodes.push_back({"node-" + std::to_string(i), static_cast<double>(*rc::gen::inRange(0, 5))});
  nodes[static_cast<std::size_t>(*rc::gen::inRange(0, count))].weight = 1;
  return nodes;
}

} // namespace shardyard
