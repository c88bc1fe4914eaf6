#include "actors/partition/moved_state.hpp"

#include <algorithm>
#include <vector>

namespace shardyard {

std::string state_to_move(std::string_view kept, std::span<const std::uint32_t> partitions,
                          std::uint32_t partition_count, std::uint64_t raise) {
  std::vector<bool> wanted(partition_count);
  for (auto x : partitions)
    if (x < partition_count)
      wanted[x] = true;
  auto moves = [&](const scope& x) {
    auto partition = x.kind == scope_kind::guild   ? partition_of(x.id, partition_count)
                     : x.kind == scope_kind::other ? static_cast<std::uint32_t>(x.id)
                                                   : 0u;
    return partition < partition_count && wanted[partition];
  };
  std::size_t used = 0;
  auto state = decode_log(kept, used);
  state.settle();
  std::erase_if(state.positions, [&](auto& x) { return !moves(x.first); });
  std::erase_if(state.keys, [&](auto& x) { return !moves(x.at); });
  std::erase_if(state.outages, [&](auto& x) { return !moves(x.first.first); });
  std::erase_if(state.caches, [&](auto& x) { return !moves({scope_kind::guild, x.first}); });
  for (auto& [_, x] : state.positions)
    x.epoch += raise;
  std::map<std::pair<scope, std::uint64_t>, logged_cut> cuts;
  for (auto& [at, x] : state.cuts) {
    if (!moves(x.at))
      continue;
    // A guild without position counts from epoch 1 on the new host too.
    x.epoch += state.positions.contains(x.at) ? raise : 0;
    cuts[{x.at, x.epoch}] = std::move(x);
  }
  state.cuts = std::move(cuts);
  return state.encode();
}

} // namespace shardyard
