#include "actors/coordinator/identify_budget.hpp"

#include <algorithm>

namespace shardyard {

void identify_budget::update_from_discord(const session_start_limit& limit,
                                          std::vector<std::uint64_t> pending) {
  limit_ = limit;
  not_yet_ = std::move(pending);
}

void identify_budget::count(std::uint64_t permit, unix_time at) {
  auto place = std::upper_bound(entries_.begin(), entries_.end(), at,
                                [](unix_time t, const entry& x) { return t < x.at; });
  entries_.insert(place, {permit, at});
  not_yet_.push_back(permit);
  // `at` may lie ahead of the present, so entries are kept well beyond the window.
  while (entries_.front().at + window + std::chrono::hours{1} < at)
    entries_.pop_front();
}

void identify_budget::uncount(std::uint64_t permit) {
  std::erase_if(entries_, [permit](const entry& x) { return x.permit == permit; });
  std::erase(not_yet_, permit);
}

std::uint32_t identify_budget::counted(unix_time now) const {
  auto first = std::partition_point(entries_.begin(), entries_.end(),
                                    [now](const entry& x) { return x.at + window <= now; });
  return static_cast<std::uint32_t>(entries_.end() - first);
}

std::vector<std::uint64_t> identify_budget::counted_after(unix_time at) const {
  std::vector<std::uint64_t> result;
  for (const auto& x : entries_)
    if (x.at > at)
      result.push_back(x.permit);
  return result;
}

unix_time identify_budget::reset_at() const {
  auto after = limit_->reset_after > std::chrono::milliseconds{0} ? limit_->reset_after : window;
  return limit_->fetched + after;
}

std::uint32_t identify_budget::left(unix_time now) const {
  if (!limit_)
    return 0;
  auto minus = [](std::uint64_t a, std::uint64_t b) { return static_cast<std::uint32_t>(a > b ? a - b : 0); };
  auto own = minus(limit_->total, counted(now));
  if (now >= reset_at())
    return own;
  return std::min(own, minus(limit_->remaining, not_yet_.size()));
}

unix_time identify_budget::left_exceeds(std::uint32_t floor, unix_time now) const {
  if (!limit_ || left(now) > floor)
    return now;
  auto result = std::max(now, reset_at());
  auto found = left(result) > floor;
  for (const auto& x : entries_) {
    auto at = x.at + window;
    if (at > now && left(at) > floor)
      return found ? std::min(at, result) : at;
  }
  return result;
}

} // namespace shardyard
