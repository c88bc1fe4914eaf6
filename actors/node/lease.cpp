#include "actors/node/lease.hpp"

#include <algorithm>
#include <functional>
#include <vector>

namespace shardyard {

lease::time lease::believed(time sent, std::chrono::milliseconds ttl) {
  return sent + std::chrono::duration_cast<time>(ttl * (1 - 2 * drift));
}

void lease::granted(time sent, std::chrono::milliseconds ttl) {
  granted_until_ = std::max(granted_until_, believed(sent, ttl));
  last_grant_ = std::max(last_grant_, sent);
}

void lease::vouched(const std::string& peer, time sent, std::chrono::milliseconds ttl) {
  auto& until = vouched_until_[peer];
  until = std::max(until, believed(sent, ttl));
}

lease::time lease::until() const {
  auto peers_needed = hosts_ / 2; // with this host itself: a majority
  if (peers_needed == 0)
    return time::max();
  if (vouched_until_.size() < peers_needed)
    return granted_until_;
  std::vector<time> vouches;
  for (auto& [_, until] : vouched_until_)
    vouches.push_back(until);
  std::ranges::nth_element(vouches, vouches.begin() + static_cast<std::ptrdiff_t>(peers_needed - 1),
                           std::greater{});
  return std::max(granted_until_, vouches[peers_needed - 1]);
}

} // namespace shardyard
