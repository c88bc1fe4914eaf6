// Distribution of delays in logarithmic buckets: 8 per power of two, so a quantile is at most 13 % too high.
// Fixed memory.
#pragma once

#include "actors/partition/guild_handover.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace shardyard {

class delay_histogram {
public:
  void add(monotonic delay, std::uint64_t times = 1) {
    auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(0, delay.count() / 1000));
    buckets_[bucket(us)] += times;
    count_ += times;
    max_ = std::max(max_, delay);
  }

  void merge(const delay_histogram& x) {
    for (std::size_t i = 0; i < buckets_.size(); ++i)
      buckets_[i] += x.buckets_[i];
    count_ += x.count_;
    max_ = std::max(max_, x.max_);
  }

  std::uint64_t count() const { return count_; }
  monotonic max() const { return max_; }

  /// Upper end of the bucket that holds the share `q` (0 to 1) of all delays, never beyond max(). Microsecond
  /// grain.
  monotonic quantile(double q) const {
    auto rank = static_cast<std::uint64_t>(q * static_cast<double>(count_));
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      below += buckets_[i];
      if (below > rank || (below == count_ && count_ > 0))
        return std::min(max_, monotonic{std::chrono::microseconds(static_cast<std::int64_t>(upper(i)))});
    }
    return monotonic{0};
  }

  const std::array<std::uint64_t, 256>& buckets() const { return buckets_; }

  /// Greatest microseconds of bucket `i`.
  static std::uint64_t upper(std::size_t i) {
    if (i < 8)
      return i;
    auto power = i / 8 - 1;
    return ((8 + i % 8 + 1) << power) - 1;
  }

private:
  static std::size_t bucket(std::uint64_t us) {
    if (us < 8)
      return us;
    auto power = static_cast<std::size_t>(std::bit_width(us)) - 4;
    return std::min<std::size_t>(255, (power + 1) * 8 + ((us >> power) & 7));
  }
  std::array<std::uint64_t, 256> buckets_{};
  std::uint64_t count_ = 0;
  monotonic max_{0};
};

} // namespace shardyard
