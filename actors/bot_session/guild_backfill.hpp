// Which guilds a session still has to be sent, asked for batch by batch: how a READY turns into GUILD_CREATEs
// without more than one batch in memory. A guild that is not available is asked for again and again. Plain
// class; what is done with an answer is the caller's business.
#pragma once

#include "messages/ids.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <vector>

namespace shardyard {

class guild_backfill {
public:
  using time = std::chrono::steady_clock::time_point;

  static constexpr std::size_t batch = 50;
  static constexpr std::chrono::milliseconds patience{5'000}; ///< with an answer, or the next part of it
  static constexpr std::chrono::milliseconds pause{3'000};    ///< before a guild is asked for again

  struct wanted {
    snowflake guild = 0;
    time due;
    /// Deliveries up to here are in every snapshot that may still come: the ring's end when it was first
    /// asked for. Meaningless before.
    std::uint64_t since = 0;
    bool asked = false;
    bool told = false; ///< the bot knows that it is unavailable
  };

  void want(snowflake guild, time now) { queue_.push_back({guild, now}); }

  bool may_ask(time now) const { return asked_.empty() && !queue_.empty() && queue_.front().due <= now; }

  /// The next guilds to ask for; the time for their answer runs. `position`: the ring's end.
  std::vector<snowflake> ask(std::uint64_t position, time now);

  /// An answer names this guild: what was wanted, taken out, and the time runs anew for what an answer in
  /// parts still owes. Nothing when it is wanted no more.
  bool take(snowflake guild, wanted& found, time now);

  /// It is to be asked for again, at once or after a pause.
  void again(wanted x, time due);

  /// Those whose answer is overdue, which are from now on waiting to be asked for again.
  std::vector<wanted*> overdue(time now);

  bool asking() const { return !asked_.empty(); }
  bool empty() const { return asked_.empty() && queue_.empty(); }

  /// When may_ask or overdue next have something; time_point::max(): never.
  time deadline() const;

private:
  std::deque<wanted> queue_;
  std::vector<wanted> asked_;
  time asked_at_;
};

} // namespace shardyard
