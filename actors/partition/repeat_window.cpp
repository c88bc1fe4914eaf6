#include "actors/partition/repeat_window.hpp"

#include <algorithm>

namespace shardyard {

void repeat_window::sweep(monotonic now) {
  if (now - swept_ < window_)
    return;
  swept_ = now;
  std::erase_if(seen_, [&](auto& x) { return now - x.second.delivered.back() >= window_; });
}

bool repeat_window::insert(event_key key, std::uint32_t source, monotonic started, monotonic now) {
  sweep(now);
  auto& x = seen_[key];
  auto mine = std::ranges::find(x.shown, source, &std::pair<std::uint32_t, std::size_t>::first);
  if (mine == x.shown.end()) {
    // A session does not show what happened before it began.
    auto before = std::ranges::count_if(x.delivered, [&](monotonic at) { return at < started; });
    mine = x.shown.insert(mine, {source, static_cast<std::size_t>(before)});
  }
  if (++mine->second <= x.delivered.size())
    return false;
  x.delivered.push_back(now);
  return true;
}

void repeat_window::restore(event_key key, monotonic now) {
  seen_[key].delivered.push_back(now);
}

std::vector<event_key> repeat_window::keys() const {
  std::vector<event_key> result;
  for (auto& [key, x] : seen_)
    result.insert(result.end(), x.delivered.size(), key);
  return result;
}

} // namespace shardyard
