// How often a node sends its whole picture. A picture is a row for each shard of the node and one for each
// shard of the cluster during a plan, so its rate falls with its size: what the coordinator reads in a second
// stays the same.
#pragma once

#include "messages/report.hpp"

#include <algorithm>
#include <chrono>

namespace shardyard {

struct report_pace {
  std::chrono::microseconds after_change; ///< at the earliest, when there is news
  std::chrono::microseconds at_latest;    ///< without news
};

/// Until the picture after `x`.
inline report_pace pace_after(const node_report& x) {
  constexpr std::chrono::microseconds per_row{50};
  constexpr std::size_t small = 1000; ///< rows that are sent as soon as there is news
  auto rows = x.shards.size() + x.handovers.size();
  auto wait = static_cast<std::int64_t>(rows > small ? rows - small : 0) * per_row;
  return {wait, std::max<std::chrono::microseconds>(std::chrono::milliseconds{250}, wait)};
}

} // namespace shardyard
