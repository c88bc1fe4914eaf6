// Where the partitions are meant to be: groups of them, each on a node, and where the state of a group that
// is on its way is to be taken from. Plain values and their arithmetic; the journal keeps them in one row.
#pragma once

#include "actors/coordinator/placement.hpp"
#include "messages/relocation.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shardyard {

/// Under which name a node keeps, or runs, the state that a group continues.
struct group_origin {
  std::uint32_t id = 0;
  std::uint64_t epoch = 0;
  std::string node;

  bool operator==(const group_origin&) const = default;
};

/// `place` is the wish, written down before anybody is told; `origin` is set until the group runs there.
struct placed_group {
  group_place place;
  std::optional<group_origin> origin;

  bool operator==(const placed_group&) const = default;
};

using placed_groups = std::vector<placed_group>;

/// A new cluster: partitions shared out by weight, one group per node that gets any. Empty when no node has
/// weight.
placed_groups first_groups(std::uint32_t partition_count, const std::vector<node_weight>& nodes);

std::vector<group_place> places_of(const placed_groups& groups);

/// Number of partitions on `node`.
std::uint32_t partitions_on(const placed_groups& groups, const std::string& node);

/// Node of each partition.
placement owners_of(const placed_groups& groups, std::uint32_t partition_count);

/// One step towards `goal`: the first group with a partition that belongs elsewhere is moved, whole or
/// divided, under a raised epoch, its state to be taken from where it is. Nullopt: `goal` is reached, or a
/// group is still on its way.
std::optional<placed_groups> next_step(const placed_groups& groups, const placement& goal);

/// A group whose node is gone continues on `to`, from what is kept of it as `origin`.
placed_groups adopted(const placed_groups& groups, std::uint32_t id, const std::string& to,
                      const group_origin& origin);

/// Shards by weight, each beside the partitions that it feeds as far as the shares allow: with N shards and P
/// partitions shard i feeds the partitions that equal i modulo gcd(N, P). Shards stay where they are while
/// that keeps the shares.
placement place_near(std::uint32_t shard_count, const std::vector<node_weight>& nodes,
                     const placement& partition_owners, const placement& present = {},
                     std::uint64_t salt = 0);

} // namespace shardyard
