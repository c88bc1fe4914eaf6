// Waiting times between attempts that keep failing: 1, 2, 4 .. 60 s, each drawn uniformly below that bound
// ("full jitter"), so that many shards do not come back in step. Plain value; the seed makes it repeatable.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace shardyard::net {

class backoff {
public:
  using milliseconds = std::chrono::milliseconds;

  explicit backoff(std::uint64_t seed, milliseconds first = milliseconds{1000},
                   milliseconds most = milliseconds{60'000})
      : random_(spread(seed)), first_(first), most_(most), bound_(std::min(first, most)) {}

  /// The bound of the next waiting time.
  milliseconds bound() const { return bound_; }

  /// How long to wait before the next attempt; doubles the bound of the one after it.
  milliseconds next() {
    auto bound = bound_;
    bound_ = std::min(bound_ * 2, most_);
    return milliseconds{std::uniform_int_distribution<milliseconds::rep>{0, bound.count()}(random_)};
  }

  /// After a success.
  void reset() { bound_ = std::min(first_, most_); }

private:
  // Neighbouring seeds, such as shard ids, would make a small generator draw neighbouring numbers.
  static std::uint32_t spread(std::uint64_t seed) {
    seed = (seed ^ seed >> 30) * 0xBF58476D1CE4E5B9;
    seed = (seed ^ seed >> 27) * 0x94D049BB133111EB;
    return static_cast<std::uint32_t>(seed >> 32);
  }

  std::minstd_rand random_;
  milliseconds first_;
  milliseconds most_;
  milliseconds bound_;
};

} // namespace shardyard::net
