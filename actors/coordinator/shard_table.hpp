// A value for each shard, in a row by id for each topology: a look at all shards of a plan goes through
// memory in order and hashes nothing. Plain container; a shard that nothing was said of has the default
// value.
#pragma once

#include "actors/coordinator/reshard_plan.hpp"

#include <algorithm>
#include <vector>

namespace shardyard {

template <class T>
class shard_table {
public:
  /// Null: nothing was said of the shard, nor of any with a higher id.
  const T* find(const shard_key& shard) const {
    for (auto& x : rows_) // two or three topologies
      if (x.topology == shard.topology && x.count == shard.count)
        return shard.id < x.shards.size() ? &x.shards[shard.id] : nullptr;
    return nullptr;
  }
  T* find(const shard_key& shard) { return const_cast<T*>(std::as_const(*this).find(shard)); }

  /// `shard` must be possible().
  T& operator[](const shard_key& shard) {
    auto found = std::ranges::find_if(
        rows_, [&](const row& x) { return x.topology == shard.topology && x.count == shard.count; });
    auto& shards = found == rows_.end() ? rows_.emplace_back(row{shard.topology, shard.count, {}}).shards
                                        : found->shards;
    if (shards.size() <= shard.id) {
      shards.reserve(shard.count);
      shards.resize(shard.id + 1);
    }
    return shards[shard.id];
  }

  /// What no peer's mistake may make room for.
  static bool possible(const shard_key& shard) {
    return shard.id < shard.count && shard.count <= max_shard_count;
  }

  void forget_before(std::uint32_t topology) {
    std::erase_if(rows_, [topology](const row& x) { return x.topology < topology; });
  }

private:
  struct row {
    std::uint32_t topology = 0, count = 0;
    std::vector<T> shards;
  };
  std::vector<row> rows_;
};

} // namespace shardyard
