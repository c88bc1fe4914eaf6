#include "actors/coordinator/placed_group.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>

namespace shardyard {

placed_groups first_groups(std::uint32_t partition_count, const std::vector<node_weight>& nodes) {
  auto owners = place(partition_count, nodes);
  std::map<std::string, std::vector<std::uint32_t>> by_node;
  for (std::uint32_t partition = 0; partition < owners.size(); ++partition)
    if (!owners[partition].empty())
      by_node[owners[partition]].push_back(partition);
  placed_groups result;
  for (auto& [node, partitions] : by_node) {
    auto id = static_cast<std::uint32_t>(result.size() + 1);
    result.push_back({{id, 1, node, std::move(partitions)}, group_origin{id, 0, {}}});
  }
  return result;
}

std::vector<group_place> places_of(const placed_groups& groups) {
  std::vector<group_place> result;
  for (auto& x : groups)
    result.push_back(x.place);
  return result;
}

std::uint32_t partitions_on(const placed_groups& groups, const std::string& node) {
  std::size_t sum = 0;
  for (auto& x : groups)
    sum += x.place.node == node ? x.place.partitions.size() : 0;
  return static_cast<std::uint32_t>(sum);
}

placement owners_of(const placed_groups& groups, std::uint32_t partition_count) {
  placement result(partition_count);
  for (auto& x : groups)
    for (auto partition : x.place.partitions)
      if (partition < partition_count)
        result[partition] = x.place.node;
  return result;
}

namespace {

std::map<std::string, std::vector<std::uint32_t>> wanted_homes(const group_place& x, const placement& goal) {
  std::map<std::string, std::vector<std::uint32_t>> result;
  for (auto partition : x.partitions) {
    auto known = partition < goal.size() && !goal[partition].empty();
    result[known ? goal[partition] : x.node].push_back(partition);
  }
  return result;
}

} // namespace

std::optional<placed_groups> next_step(const placed_groups& groups, const placement& goal) {
  std::uint32_t last_id = 0;
  for (auto& x : groups) {
    if (x.origin)
      return std::nullopt;
    last_id = std::max(last_id, x.place.id);
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    auto& from = groups[i].place;
    auto homes = wanted_homes(from, goal);
    if (homes.size() == 1 && homes.begin()->first == from.node)
      continue;
    auto result = groups;
    group_origin origin{from.id, from.epoch, from.node};
    // The largest part keeps the number, so that most streams of the shards are divided least.
    auto heir = std::ranges::max_element(homes, {}, [](auto& x) { return x.second.size(); });
    result[i] = {{from.id, from.epoch + 1, heir->first, heir->second}, origin};
    for (auto& [node, partitions] : homes)
      if (node != heir->first)
        result.push_back({{++last_id, from.epoch + 1, node, partitions}, origin});
    return result;
  }
  return std::nullopt;
}

placed_groups adopted(const placed_groups& groups, std::uint32_t id, const std::string& to,
                      const group_origin& origin) {
  auto result = groups;
  for (auto& x : result) {
    if (x.place.id != id)
      continue;
    x.place.node = to;
    ++x.place.epoch;
    x.origin = origin;
  }
  return result;
}

placement place_near(std::uint32_t shard_count, const std::vector<node_weight>& nodes,
                     const placement& partition_owners, const placement& present, std::uint64_t salt) {
  auto shares = place(shard_count, nodes, present, salt);
  if (shard_count == 0 || partition_owners.empty() || !present.empty())
    return shares;
  std::map<std::string, std::uint32_t> room;
  for (auto& node : shares)
    ++room[node];
  auto classes = std::gcd(shard_count, static_cast<std::uint32_t>(partition_owners.size()));
  struct wish {
    std::uint32_t fed = 0;
    std::uint32_t shard = 0;
    std::string node;
  };
  std::vector<wish> wishes;
  for (std::uint32_t shard = 0; shard < shard_count; ++shard) {
    std::map<std::string, std::uint32_t> fed;
    for (std::size_t partition = shard % classes; partition < partition_owners.size(); partition += classes)
      ++fed[partition_owners[partition]];
    for (auto& [node, count] : fed)
      if (room.contains(node))
        wishes.push_back({count, shard, node});
  }
  std::ranges::stable_sort(wishes, std::greater{}, &wish::fed);
  placement result(shard_count);
  for (auto& x : wishes)
    if (auto& left = room[x.node]; left > 0 && result[x.shard].empty()) {
      --left;
      result[x.shard] = x.node;
    }
  for (auto& node : result)
    if (node.empty()) {
      auto left = std::ranges::find_if(room, [](auto& x) { return x.second > 0; });
      --left->second;
      node = left->first;
    }
  return result;
}

} // namespace shardyard
