// One event in a block of its own: what waits for long must not keep the block that brought it.
#pragma once

#include "actors/partition/guild_handover.hpp"

namespace shardyard {

/// A block with event `index` of `x` alone and its bytes.
std::shared_ptr<const event_block> own_block(const event_block& x, std::uint32_t index);

/// Gives `x` a block of its own unless it has nearly one.
void detach(lane_event& x);

} // namespace shardyard
