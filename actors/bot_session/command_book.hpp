// Commands of bots that may still be answered: kept so that they can be sent again when the group of their
// guild moves. An entry lives until its answer is whole, or 30 s. Not thread-safe.
#pragma once

#include "messages/bots.hpp"
#include "messages/event_type.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <string_view>

namespace shardyard {

class command_book {
public:
  using time = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::milliseconds patience{30'000};

  /// Remembers it and returns it with its number. A later op 4 for a guild takes the place of the earlier.
  const bot_command& add(bot_command x, time now);

  /// An event that answers a command of `asker`: `d` tells whether the answer is whole.
  void answered(std::uint32_t asker, event_type_id type, snowflake guild, std::string_view d);

  void forget(std::uint32_t asker);
  void expire(time now);

  /// `f(command)` for each that is under way, oldest first.
  template <class F>
  void each(F f) const {
    for (auto& x : open_)
      f(x.command);
  }

  time deadline() const { return open_.empty() ? time::max() : open_.front().since + patience; }
  std::size_t size() const { return open_.size(); }

private:
  struct entry {
    bot_command command;
    time since;
    std::size_t guilds = 1; // answers still to come: op 31 is answered once per guild
  };

  std::deque<entry> open_; // in the order of time
  std::uint64_t last_number_ = 0;
};

} // namespace shardyard
