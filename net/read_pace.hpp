// Whether reads of a connection follow each other closely enough for what one needs to be kept for the next.
// For one thread.
#pragma once

#include <chrono>

namespace shardyard::net {

class read_pace {
public:
  using duration = std::chrono::nanoseconds;

  /// Longest pause between two reads of a steady row: what is read more seldom costs little either way.
  static constexpr duration longest_pause = std::chrono::milliseconds{100};
  /// READY and a few hundred guilds are over in fewer reads than that.
  static constexpr int row_of_reads = 64;

  /// Tells of a read at `now`, of a monotonic clock; true while reads come in a steady row.
  bool steady(duration now) {
    in_row_ = now - last_ > longest_pause ? 1 : in_row_ + (in_row_ < row_of_reads ? 1 : 0);
    last_ = now;
    return in_row_ == row_of_reads;
  }

private:
  duration last_{};
  int in_row_ = 0;
};

} // namespace shardyard::net
