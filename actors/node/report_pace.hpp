// How often a node sends its picture. A picture has a row for each shard of the node, and during a plan those
// of the cluster's shards that changed, so its rate falls with its size: what the coordinator reads in a
// second stays within bounds.
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
  using std::chrono::microseconds;
  constexpr std::size_t small = 1000; ///< shards or rows that are sent as soon as there is news
  auto beyond = [](std::size_t count, std::size_t free) {
    return static_cast<std::int64_t>(count > small ? count - free : 0);
  };
  auto wait =
      microseconds{200} * beyond(x.shards.size(), 0) + microseconds{50} * beyond(x.handovers.size(), small);
  return {wait, std::max<microseconds>(std::chrono::milliseconds{250}, wait)};
}

} // namespace shardyard
