#include "sim/identify_limiter.hpp"

#include <algorithm>

namespace shardyard::sim {

void identify_limiter::renew(moment now) {
  if (window_start_ && now - *window_start_ >= limits_.window) {
    window_start_.reset();
    remaining_ = limits_.budget;
  }
}

identify_limiter::verdict identify_limiter::identify(std::uint32_t shard_id, moment now) {
  renew(now);
  if (!window_start_)
    window_start_ = now;
  ++used_;
  if (remaining_ == 0)
    return verdict::exhausted;
  --remaining_;
  auto key = shard_id % std::max(1u, limits_.max_concurrency);
  auto [last, first] = granted_.try_emplace(key, now);
  if (!first && now - last->second < limits_.spacing) {
    last_gap_ = std::chrono::floor<std::chrono::milliseconds>(now - last->second);
    return verdict::too_soon;
  }
  last->second = now;
  return verdict::granted;
}

std::uint32_t identify_limiter::remaining(moment now) {
  renew(now);
  return remaining_;
}

std::chrono::milliseconds identify_limiter::reset_after(moment now) {
  renew(now);
  if (!window_start_)
    return std::chrono::milliseconds{0};
  return std::chrono::ceil<std::chrono::milliseconds>(limits_.window - (now - *window_start_));
}

} // namespace shardyard::sim
