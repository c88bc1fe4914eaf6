// Counts what a client sends within a sliding window: 120 payloads per 60 s, 5 presences per 20 s (Gateway
// reference, "Rate Limiting"; Discord's own kind of window is unpublished). Owns the times of the last ones.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace shardyard {

class send_window {
public:
  using time = std::chrono::steady_clock::time_point;

  send_window(std::size_t limit, std::chrono::milliseconds window) : limit_(limit), window_(window) {}

  /// One more at `now`: false, and not counted, when `limit` of them lie within the window already.
  bool take(time now) {
    if (recent_.size() < limit_) {
      recent_.push_back(now);
      return true;
    }
    if (now - recent_[oldest_] < window_)
      return false;
    recent_[oldest_] = now;
    oldest_ = (oldest_ + 1) % limit_;
    return true;
  }

private:
  std::size_t limit_;
  std::chrono::milliseconds window_;
  std::size_t oldest_ = 0;
  std::vector<time> recent_; // a ring once it is full, grown on demand
};

} // namespace shardyard
