// The delivery numbers seen for one guild or channel, as closed ranges: nearly always a single one, whatever
// the number of events.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace shardyard {

struct delivery_numbers {
  struct range {
    std::uint64_t first, last;
  };
  std::vector<range> seen;     ///< ascending, apart from each other or touching
  std::uint64_t last_n = 0;    ///< within `file`
  std::uint64_t epoch = 0;     ///< highest guild epoch
  std::uint64_t cut_epoch = 0; ///< of the newest cut line
  std::uint32_t file = 0;
  bool several_files = false;

  /// True when `n` was not seen before.
  bool add(std::uint64_t n) {
    auto after = std::ranges::upper_bound(seen, n, {}, &range::first);
    if (after != seen.begin() && n <= std::prev(after)->last)
      return false;
    if (after != seen.begin() && n == std::prev(after)->last + 1)
      std::prev(after)->last = n;
    else
      seen.insert(after, {n, n});
    return true;
  }

  /// Numbers left out between the first and the last one seen.
  std::uint64_t missing() const {
    std::uint64_t result = 0;
    for (std::size_t i = 1; i < seen.size(); ++i)
      result += seen[i].first - seen[i - 1].last - 1;
    return result;
  }
};

} // namespace shardyard
