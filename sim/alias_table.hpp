// Draws an index with given weights in constant time (Walker's alias method): activity of guilds and the mix
// of events.
#pragma once

#include "sim/random.hpp"

#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace shardyard::sim {

class alias_table {
public:
  alias_table() = default;

  explicit alias_table(std::span<const double> weights) : cells_(weights.size()) {
    auto total = std::accumulate(weights.begin(), weights.end(), 0.0);
    if (total <= 0) {
      cells_.clear();
      return;
    }
    std::vector<double> scaled;
    std::vector<std::uint32_t> small, large;
    for (std::uint32_t i = 0; i < weights.size(); ++i) {
      scaled.push_back(weights[i] * static_cast<double>(weights.size()) / total);
      (scaled[i] < 1 ? small : large).push_back(i);
    }
    while (!small.empty() && !large.empty()) {
      auto low = small.back(), high = large.back();
      small.pop_back();
      cells_[low] = {scaled[low], high};
      scaled[high] -= 1 - scaled[low];
      if (scaled[high] < 1) {
        large.pop_back();
        small.push_back(high);
      }
    }
    for (auto rest : {&small, &large})
      for (auto i : *rest)
        cells_[i] = {1.0, i};
  }

  bool empty() const { return cells_.empty(); }

  std::uint32_t draw(random_source& rng) const {
    auto i = rng.below(static_cast<std::uint32_t>(cells_.size()));
    return rng.unit() < cells_[i].keep ? i : cells_[i].other;
  }

private:
  struct cell {
    double keep = 1;
    std::uint32_t other = 0;
  };
  std::vector<cell> cells_;
};

} // namespace shardyard::sim
