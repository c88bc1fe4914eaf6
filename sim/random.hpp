// A small seeded generator (splitmix64). The standard's distributions differ between libraries; the same seed
// must give the same world everywhere.
#pragma once

#include <cstdint>
#include <utility>

namespace shardyard::sim {

class random_source {
public:
  explicit random_source(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    auto z = state_ += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, bound); 0 when `bound` is 0.
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
  }

  /// Uniform in [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return high <= low ? low
                       : low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }

  /// Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  bool chance(double probability) { return unit() < probability; }

private:
  std::uint64_t state_;
};

template <class Range>
void shuffle(Range& range, random_source& rng) {
  for (auto n = static_cast<std::uint32_t>(range.size()); n > 1; --n)
    std::swap(range[n - 1], range[rng.below(n)]);
}

} // namespace shardyard::sim
