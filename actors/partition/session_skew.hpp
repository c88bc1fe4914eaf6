// How far two sessions are apart: for anchors that both showed, how much later the second one did. Owned per
// pair of sessions; from it follow how long a hold may last, how long a silence must, and whether a follower
// is too late to be waited for. Plain class of a few hundred bytes; old samples fade out.
#pragma once

#include "actors/partition/guild_handover.hpp"

#include <array>
#include <map>

namespace shardyard {

class skew_estimate {
public:
  /// `later` showed an anchor this long after the other side had.
  void add(side later, monotonic by);

  std::uint64_t count() const { return count_; }

  /// How much later than the other side `x` shows the share `q` (0 to 1) of all anchors; those that it showed
  /// first count as 0. Upper end of a logarithmic bucket, four per power of two; 0 without samples.
  monotonic quantile(side x, double q) const;

private:
  static constexpr std::size_t octaves = 17; ///< from 1 ms to two minutes
  using buckets = std::array<std::uint16_t, 1 + 4 * octaves>;

  static std::size_t bucket(monotonic by);
  static monotonic upper(std::size_t i);
  void fade();

  std::array<buckets, 2> later_{};
  std::uint64_t count_ = 0;
};

/// The estimates of all pairs of shards of two topologies, and one over all of them.
class session_skews {
public:
  /// Shard ids on the first and the second side.
  struct pair {
    std::uint32_t first = 0, second = 0;
    auto operator<=>(const pair&) const = default;
  };

  void add(pair x, side later, monotonic by);
  void clear();

  /// T_hold = clamp(2 * p99, least_hold, hold), of the pair, or of all pairs while the pair has too few
  /// samples, or `tuning.hold` while those are too few, too; 0 while the follower lags. T_q = max(quiet,
  /// 4 * p99.9 of the pair), never beyond `unclear_quiet` times `quiet`.
  handover_waits waits(pair x, side lead, const handover_tuning& tuning) const;

  /// Nearly all anchors come later at `follower` than the longest hold: no hold can end in a cut.
  bool lags(pair x, side follower, const handover_tuning& tuning) const;

  /// Over the pairs of a shard that stands on side `at`.
  struct figures {
    std::uint64_t samples = 0;
    std::uint64_t lagging = 0; ///< pairs whose other session lags
    monotonic p99{};           ///< of the other session being later; the greatest over the pairs
  };
  figures of_shard(std::uint32_t id, side at, const handover_tuning& tuning) const;

private:
  static constexpr std::size_t max_pairs = 4096; ///< further ones count in the sum only

  std::map<pair, skew_estimate> pairs_;
  skew_estimate all_;
};

} // namespace shardyard
