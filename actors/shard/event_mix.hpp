// What kinds of events a session brings, counted per stretch of time for the watchdog on the mix
// (actors/coordinator/mix_watch.hpp). Plain class; time is an argument. A count costs one addition per event.
#pragma once

#include "messages/event_block.hpp"
#include "messages/report.hpp"

#include <chrono>

namespace shardyard {

class event_mix {
public:
  using time = std::chrono::steady_clock::time_point;

  explicit event_mix(std::chrono::milliseconds stretch = std::chrono::seconds(10)) : stretch_(stretch) {}

  void count(const event_block& block) {
    for (auto& e : block.entries)
      ++counts_[e.type];
  }

  /// The session is new, or has been away: the present stretch does not count.
  void interrupt() { interrupted_ = true; }

  time due() const { return begun_ + stretch_; }

  /// The stretch that ends now; a new one begins. Nothing while it is not due.
  std::optional<shard_mix> take(const shard_key& shard, std::uint32_t guilds, bool live, time now) {
    if (now < due())
      return {};
    shard_mix result{shard, guilds, 0, {}};
    if (live && !interrupted_) {
      result.window_ms = static_cast<std::uint32_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(now - begun_).count());
      for (event_type_id type = 0; type < counts_.size(); ++type)
        if (counts_[type] != 0)
          result.counts.push_back({type, counts_[type]});
    }
    counts_.assign(event_types().size(), 0);
    begun_ = now;
    interrupted_ = !live;
    return result;
  }

private:
  std::chrono::milliseconds stretch_;
  std::vector<std::uint32_t> counts_ = std::vector<std::uint32_t>(event_types().size());
  time begun_{};
  bool interrupted_ = true; ///< the first stretch began before the session
};

} // namespace shardyard
