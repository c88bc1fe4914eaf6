// De-duplication of rare events that have neither guild nor channel (entitlements, subscriptions,
// USER_UPDATE) or that a session shows although the guild belongs to another shard. Each session's k-th copy
// of one content pairs with the other's k-th, so that genuine repeats of one session survive. Owns counts of
// at least the last window.
#pragma once

#include "actors/partition/keyed_window.hpp"

#include <unordered_map>

namespace shardyard {

class repeat_window {
public:
  explicit repeat_window(monotonic window) : window_(window) {}

  /// True when session `source`, READY since `started`, shows `key` more often than it was delivered: deliver
  /// it.
  bool insert(event_key key, std::uint32_t source, monotonic started, monotonic now);

  /// One delivery known from the log of an earlier run.
  void restore(event_key key, monotonic now);

  /// Each delivery inside the window, as often as it happened.
  std::vector<event_key> keys() const;

private:
  struct copies {
    std::vector<monotonic> delivered;
    std::vector<std::pair<std::uint32_t, std::size_t>> shown; ///< per session: how many
  };
  void sweep(monotonic now);

  monotonic window_;
  monotonic swept_{0};
  std::unordered_map<event_key, copies> seen_;
};

} // namespace shardyard
