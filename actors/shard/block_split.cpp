#include "actors/shard/block_split.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace shardyard {

block_splitter::block_splitter(std::vector<group_index> group_of_partition)
    : groups_(std::move(group_of_partition)), partition_count_(static_cast<std::uint32_t>(groups_.size())) {
  if (groups_.empty())
    throw std::invalid_argument("a cluster has at least one partition");
  auto group_count = std::size_t{*std::max_element(groups_.begin(), groups_.end())} + 1;
  counts_.resize(group_count);
  selected_.resize(group_count);
}

std::span<group_part> block_splitter::split(std::shared_ptr<const event_block> block) {
  parts_.clear();
  auto& entries = block->entries;
  if (entries.empty())
    return {};
  entry_groups_.resize(entries.size());
  auto first = group_of(entries.front().guild);
  bool all_alike = true;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entry_groups_[i] = group_of(entries[i].guild);
    all_alike &= entry_groups_[i] == first;
  }
  if (all_alike)
    parts_.push_back({first, std::move(block)});
  else
    split_by_count(*block);
  return parts_;
}

void block_splitter::split_by_count(const event_block& block) {
  for (auto group : entry_groups_)
    ++counts_[group];
  for (std::size_t group = 0; group < counts_.size(); ++group)
    if (auto count = std::exchange(counts_[group], 0); count > 0)
      selected_[group].reserve(count);
  for (std::size_t i = 0; i < entry_groups_.size(); ++i)
    selected_[entry_groups_[i]].push_back(block.entries[i]);
  for (std::size_t group = 0; group < selected_.size(); ++group) {
    if (selected_[group].empty())
      continue;
    auto part = std::make_shared<event_block>();
    part->from = block.from;
    part->received_ns = block.received_ns;
    part->newest_ms = block.newest_ms;
    part->bytes = block.bytes;
    part->entries = std::exchange(selected_[group], {});
    parts_.push_back({static_cast<group_index>(group), std::move(part)});
  }
}

} // namespace shardyard
