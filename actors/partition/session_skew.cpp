#include "actors/partition/session_skew.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace shardyard {
namespace {

constexpr std::uint64_t enough = 100;       ///< samples that a p99 needs
constexpr std::uint64_t enough_to_lag = 16; ///< samples before a follower is said to lag
constexpr std::uint64_t fading = 4096;      ///< samples at which all are halved

} // namespace

std::size_t skew_estimate::bucket(monotonic by) {
  auto quarters = static_cast<std::uint64_t>(std::max<std::int64_t>(0, by.count())) / 250'000;
  if (quarters < 4)
    return 0;
  auto power = static_cast<std::size_t>(std::bit_width(quarters)) - 3;
  return std::min<std::size_t>(4 * octaves, 1 + 4 * power + ((quarters >> power) & 3));
}

monotonic skew_estimate::upper(std::size_t i) {
  if (i == 0)
    return std::chrono::milliseconds(1);
  auto power = (i - 1) / 4;
  auto quarters = (4 + (i - 1) % 4 + 1) << power;
  return std::chrono::microseconds(250 * static_cast<std::int64_t>(quarters));
}

void skew_estimate::add(side later, monotonic by) {
  ++later_[static_cast<std::size_t>(later)][bucket(by)];
  if (++count_ >= fading)
    fade();
}

void skew_estimate::fade() {
  count_ = 0;
  for (auto& one : later_)
    for (auto& x : one)
      count_ += x /= 2;
}

monotonic skew_estimate::quantile(side x, double q) const {
  auto& mine = later_[static_cast<std::size_t>(x)];
  std::uint64_t seen = count_;
  for (auto n : mine)
    seen -= n; // the other side was later
  auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_)));
  if (count_ == 0 || seen >= rank)
    return monotonic{0};
  std::size_t i = 0;
  for (; i < mine.size(); ++i)
    if ((seen += mine[i]) >= rank)
      break;
  return upper(i);
}

void session_skews::add(pair x, side later, monotonic by) {
  all_.add(later, by);
  if (pairs_.size() < max_pairs || pairs_.contains(x))
    pairs_[x].add(later, by);
}

void session_skews::clear() {
  pairs_.clear();
  all_ = {};
}

bool session_skews::lags(pair x, side follower, const handover_tuning& tuning) const {
  auto found = pairs_.find(x);
  return found != pairs_.end() && found->second.count() >= enough_to_lag &&
         found->second.quantile(follower, .1) > tuning.hold;
}

handover_waits session_skews::waits(pair x, side lead, const handover_tuning& tuning) const {
  handover_waits result{tuning.hold, tuning.quiet};
  auto follower = other(lead);
  auto found = pairs_.find(x);
  auto mine = found == pairs_.end() ? nullptr : &found->second;
  auto& basis = mine && mine->count() >= enough ? *mine : all_;
  if (basis.count() >= enough)
    result.hold =
        std::clamp(2 * basis.quantile(follower, .99), std::min(tuning.least_hold, tuning.hold), tuning.hold);
  if (lags(x, follower, tuning))
    result.hold = monotonic{0};
  if (mine) {
    auto apart = std::max(mine->quantile(side::first, .999), mine->quantile(side::second, .999));
    result.quiet = std::clamp(4 * apart, tuning.quiet, std::max(1, tuning.unclear_quiet) * tuning.quiet);
  }
  return result;
}

session_skews::figures session_skews::of_shard(std::uint32_t id, side at,
                                               const handover_tuning& tuning) const {
  figures result;
  for (auto& [x, estimate] : pairs_) {
    if ((at == side::first ? x.first : x.second) != id)
      continue;
    result.samples += estimate.count();
    result.lagging += lags(x, other(at), tuning);
    result.p99 = std::max(result.p99, estimate.quantile(other(at), .99));
  }
  return result;
}

} // namespace shardyard
