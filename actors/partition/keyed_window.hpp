// Which keyed events (interactions) were delivered lately: the union of both sessions of a guild without
// doubles. Owns the ids of at least the last window; memory is bounded, and an id forgotten early because of
// the bound is counted.
#pragma once

#include "actors/partition/guild_handover.hpp"

#include <unordered_set>
#include <vector>

namespace shardyard {

struct event_key {
  event_type_id type = unknown_event;
  std::uint64_t id = 0;

  auto operator<=>(const event_key&) const = default;
};

} // namespace shardyard

template <>
struct std::hash<shardyard::event_key> {
  std::size_t operator()(const shardyard::event_key& x) const noexcept {
    return static_cast<std::size_t>((x.id ^ (std::uint64_t{x.type} << 48)) * 0x9E3779B97F4A7C15ULL >> 7);
  }
};

namespace shardyard {

class keyed_window {
public:
  /// `window`: an id is remembered at least that long; `max_ids`: per half, beyond it the older half is
  /// forgotten early.
  keyed_window(monotonic window, std::size_t max_ids) : window_(window), max_ids_(max_ids) {}

  /// True when `key` is new within the window; it is remembered from now on.
  bool insert(event_key key, monotonic now);
  bool contains(event_key key) const { return young_.contains(key) || old_.contains(key); }

  std::vector<event_key> keys() const;
  std::uint64_t forgotten_early() const { return forgotten_early_; }

private:
  void turn(monotonic now);

  monotonic window_;
  std::size_t max_ids_;
  monotonic turned_{0};
  std::unordered_set<event_key> young_, old_;
  std::uint64_t forgotten_early_ = 0;
};

} // namespace shardyard
