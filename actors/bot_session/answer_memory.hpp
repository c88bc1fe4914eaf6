// Which answers to bots' commands have come: they have no delivery number, and a feed that is opened again
// repeats those that the group's ring still holds. An answer is named by the session and sequence that
// brought it (a group's own by a number of that life of the group) and by its asker. Bounded by age and
// count, both beyond what rings keep; time is an argument. Not thread-safe.
#pragma once

#include "messages/event_block.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <set>
#include <tuple>

namespace shardyard {

class answer_memory {
public:
  using time = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::minutes longest{10};
  static constexpr std::size_t most = 1u << 16;

  /// Notes the answer; true when it has come before.
  bool repeated(const event_source& from, const event_entry& e, time now) {
    while (!order_.empty() && (now - order_.front().first > longest || order_.size() >= most)) {
      known_.erase(order_.front().second);
      order_.pop_front();
    }
    name x{e.guild, e.asker, e.s, std::hash<std::string_view>{}(from.session_id)};
    if (!known_.insert(x).second)
      return true;
    order_.emplace_back(now, x);
    return false;
  }

private:
  using name = std::tuple<snowflake, std::uint32_t, std::uint64_t, std::size_t>;
  std::set<name> known_;
  std::deque<std::pair<time, name>> order_;
};

} // namespace shardyard
