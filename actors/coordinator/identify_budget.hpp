// How many IDENTIFYs the bot may still send in 24 hours: the smaller of our own count over a rolling window
// and Discord's `remaining` (Gateway reference, "Session Start Limit"). Going over it ends every session of
// the bot and resets its token.
#pragma once

#include "actors/coordinator/unix_time.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace shardyard {

/// `session_start_limit` of GET /gateway/bot, and when it was fetched.
struct session_start_limit {
  std::uint32_t total = 1000;
  std::uint32_t remaining = 1000;
  std::chrono::milliseconds reset_after{0}; ///< 0: no IDENTIFY used yet, a full window lies ahead
  std::uint32_t max_concurrency = 1;
  unix_time fetched{};
};

class identify_budget {
public:
  static constexpr std::chrono::hours window{24};

  /// `pending`: permits that Discord's answer may not count yet, because they are unused or were used a
  /// moment ago.
  void update_from_discord(const session_start_limit& limit, std::vector<std::uint64_t> pending);

  bool known() const { return limit_.has_value(); }
  const std::optional<session_start_limit>& limit() const { return limit_; }

  /// A permit counts from `at` on for 24 hours.
  void count(std::uint64_t permit, unix_time at);
  /// The permit was given back unused.
  void uncount(std::uint64_t permit);

  /// IDENTIFYs left at `now`, never negative; 0 while nothing is known of the limit.
  std::uint32_t left(unix_time now) const;
  /// IDENTIFYs of ours inside the window.
  std::uint32_t counted(unix_time now) const;
  /// Permits that count from a moment after `at`.
  std::vector<std::uint64_t> counted_after(unix_time at) const;
  /// When `left` will exceed `floor` unless more is used; `now` if it does already.
  unix_time left_exceeds(std::uint32_t floor, unix_time now) const;

private:
  struct entry {
    std::uint64_t permit;
    unix_time at;
  };

  unix_time reset_at() const;

  std::optional<session_start_limit> limit_;
  std::deque<entry> entries_;          // ascending by `at`
  std::vector<std::uint64_t> not_yet_; // permits that limit_->remaining does not contain
};

} // namespace shardyard
