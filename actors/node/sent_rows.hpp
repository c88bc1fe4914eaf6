// What a node has told its coordinator of the rows of a plan, so that it need not tell them again. A large
// plan has a row for every shard of the cluster and each group of the node, and few change between two
// reports. Plain class; promises that each report is whole or follows the one before.
#pragma once

#include "messages/report.hpp"

#include <chrono>
#include <unordered_map>

namespace shardyard {

class sent_rows {
public:
  using time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t small = 1000;       ///< rows that are always sent whole
  static constexpr std::chrono::seconds whole{30}; ///< so often at least all rows are sent

  /// The next report goes to somebody who knows nothing.
  void begin_anew() { rows_.clear(); }

  /// Numbers `x`, which has all rows, and leaves those that its reader does not know yet.
  void reduce(node_report& x, time now);

private:
  struct sent {
    handover_report row;
    std::uint64_t seen = 0; ///< number of the newest report whose picture had it
  };
  struct hash {
    std::size_t operator()(const row_name& x) const noexcept {
      return std::hash<shard_key>{}(x.shard) ^ (std::uint64_t{x.group} * 0x9E3779B97F4A7C15ull);
    }
  };

  std::unordered_map<row_name, sent, hash> rows_;               ///< empty: the next report is whole
  std::vector<std::pair<std::uint32_t, std::uint64_t>> groups_; ///< of the newest report, with their epochs
  std::uint64_t number_ = 0;
  time last_whole_{};
};

} // namespace shardyard
