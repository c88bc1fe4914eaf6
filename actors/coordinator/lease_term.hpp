// How long a coordinator may believe in its lease: from the moment when the last successful renewal was sent
// until the time to live is over, less a margin. Counted on a clock that runs on while the machine sleeps, so
// that whoever wakes late knows it at once. Plain class; may be asked and renewed from several threads.
#pragma once

#include "actors/coordinator/boot_clock.hpp"

#include <atomic>
#include <cstdint>

namespace shardyard {

class lease_term {
public:
  using time_point = boot_clock::time_point;

  /// `margin`: for clocks that run at different speeds and for orders that are on their way when it ends.
  explicit lease_term(std::chrono::milliseconds margin) : margin_{margin} {}

  /// The store answered a renewal that was sent at `sent` with this time to live.
  void renewed(time_point sent, std::chrono::milliseconds time_to_live) {
    auto end = (sent + time_to_live - margin_).time_since_epoch().count();
    auto old = end_.load();
    while (old < end && !end_.compare_exchange_weak(old, end)) {
    }
  }

  /// The store does not know the lease any more, or somebody else holds it: for ever.
  void lose() { lost_ = true; }

  bool lost() const { return lost_; }
  bool leading(time_point now) const { return !lost_ && now.time_since_epoch().count() < end_.load(); }

  /// Until the belief ends; zero when it has.
  std::chrono::milliseconds left(time_point now) const {
    if (!leading(now))
      return {};
    return std::chrono::duration_cast<std::chrono::milliseconds>(boot_clock::duration{end_.load()} -
                                                                 now.time_since_epoch());
  }

private:
  std::chrono::milliseconds margin_;
  std::atomic<std::int64_t> end_{0};
  std::atomic<bool> lost_{false};
};

} // namespace shardyard
