// Divides a block by the partition groups that its events belong to. Owns the map partition -> group and
// scratch space; the parts share the block's bytes, only entries are selected. Promises: each event is in one
// part, in the order received.
#pragma once

#include "messages/event_block.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace shardyard {

/// Index into the shard's list of streams: one group per node that hosts partitions.
using group_index = std::uint16_t;

struct group_part {
  group_index group = 0;
  std::shared_ptr<const event_block> block;
};

/// Not thread-safe; a shard owns one.
class block_splitter {
public:
  /// `group_of_partition[p]` hosts partition p; its size is the cluster's partition count. Throws
  /// std::invalid_argument when empty.
  explicit block_splitter(std::vector<group_index> group_of_partition);

  /// Parts in order of group; valid until the next call, so move the pointers out. A block of one group comes
  /// back as it is, not copied; otherwise there are two allocations per part and none per event. Events
  /// without guild belong to partition 0.
  std::span<group_part> split(std::shared_ptr<const event_block> block);

  group_index group_of(snowflake guild) const { return groups_[partition_of(guild, partition_count_)]; }

private:
  void split_by_count(const event_block& block);

  std::vector<group_index> groups_;
  std::uint32_t partition_count_;
  std::vector<group_index> entry_groups_; ///< group of each entry of the block at hand
  std::vector<std::uint32_t> counts_;     ///< entries per group; all zero between calls
  std::vector<std::vector<event_entry>> selected_;
  std::vector<group_part> parts_;
};

} // namespace shardyard
