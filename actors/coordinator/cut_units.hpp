// The independent parts of a reshard N -> M. Guild key k = id >> 22 lives on old shard k mod N and new shard
// k mod M; both are congruent to k modulo g = gcd(N, M), so each residue class mod g is a unit whose shards
// share guilds with no other unit.
#pragma once

#include "messages/ids.hpp"

#include <cstdint>
#include <numeric>
#include <vector>

namespace shardyard {

/// Units of old_count -> new_count; both at least 1.
class cut_units {
public:
  constexpr cut_units(std::uint32_t old_count, std::uint32_t new_count)
      : old_count_{old_count}, new_count_{new_count}, count_{std::gcd(old_count, new_count)} {}

  constexpr std::uint32_t count() const { return count_; }

  /// The unit of an old or new shard id.
  constexpr std::uint32_t of_shard(std::uint32_t shard_id) const { return shard_id % count_; }
  constexpr std::uint32_t of_guild(snowflake guild) const { return shard_of(guild, count_); }

  /// Shard ids of `unit`, ascending.
  std::vector<std::uint32_t> old_shards(std::uint32_t unit) const { return residues(unit, old_count_); }
  std::vector<std::uint32_t> new_shards(std::uint32_t unit) const { return residues(unit, new_count_); }

private:
  std::vector<std::uint32_t> residues(std::uint32_t unit, std::uint32_t shards) const {
    std::vector<std::uint32_t> result;
    result.reserve(shards / count_);
    for (auto id = unit; id < shards; id += count_)
      result.push_back(id);
    return result;
  }

  std::uint32_t old_count_;
  std::uint32_t new_count_;
  std::uint32_t count_;
};

} // namespace shardyard
