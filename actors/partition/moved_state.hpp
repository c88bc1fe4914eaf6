// The state of some partitions on its way to another host: what of a group's log belongs to them, and how it
// is told apart there from what the old host may still have delivered.
#pragma once

#include "actors/partition/log_record.hpp"

#include <span>

namespace shardyard {

/// What `kept`, a position log or the final state of a group, says about `partitions`, under guild epochs
/// raised by `raise`, the difference of the group's epochs: every delivery of the new host carries a higher
/// one than any of an old one. The sinks' offsets stay behind; the new host has sinks of its own. A torn end
/// of `kept` is left out.
std::string state_to_move(std::string_view kept, std::span<const std::uint32_t> partitions,
                          std::uint32_t partition_count, std::uint64_t raise = 1);

} // namespace shardyard
