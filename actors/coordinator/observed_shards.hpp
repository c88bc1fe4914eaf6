// Shards of a plan with what is observed of each, and what follows for all of them together. Points into the
// observations.
#pragma once

#include "actors/coordinator/plan_step.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace shardyard {

class observed_shards {
public:
  struct shard {
    shard_key key;
    const shard_view* view = nullptr;
  };

  observed_shards(const std::vector<shard_key>& keys, const plan_observations& seen) {
    static const shard_view unknown;
    shards_.reserve(keys.size());
    for (const auto& key : keys) {
      auto* view = seen.find(key);
      shards_.push_back({key, view ? view : &unknown});
    }
  }

  auto begin() const { return shards_.begin(); }
  auto end() const { return shards_.end(); }
  std::size_t size() const { return shards_.size(); }

  /// Sum of `led`; unknown as soon as one is.
  std::optional<std::uint64_t> led() const {
    std::uint64_t sum = 0;
    for (const auto& x : shards_) {
      if (!x.view->led)
        return std::nullopt;
      sum += *x.view->led;
    }
    return sum;
  }

  std::uint64_t exceptions() const { return sum(&shard_view::exceptions); }
  std::uint64_t calls() const { return sum(&shard_view::voice); }

  bool any(bool shard_view::*what) const { return lacking(what) < size(); }
  bool all(bool shard_view::*what) const { return lacking(what) == 0; }
  std::size_t lacking(bool shard_view::*what) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(shards_, [what](const shard& x) { return !(x.view->*what); }));
  }

private:
  std::uint64_t sum(std::uint64_t shard_view::*what) const {
    std::uint64_t result = 0;
    for (const auto& x : shards_)
      result += x.view->*what;
    return result;
  }

  std::vector<shard> shards_;
};

/// The two sides of one unit.
struct unit_shards {
  observed_shards leaving; ///< the old ones
  observed_shards coming;  ///< the new ones
};

/// Then nothing starts the old shard again.
inline bool known_closed(const plan_unit& unit, const shard_key& old_shard) {
  return std::ranges::count(unit.closed, old_shard.id) > 0;
}

} // namespace shardyard
