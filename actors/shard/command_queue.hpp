// What bots want sent on one session: a queue per bot, taken in turn, so that none uses up the connection's
// limit for the others (Gateway reference, "Rate Limiting"). Op 4 goes before the rest; of op 3 only the
// newest counts. Keeps everything over a reconnect. Plain class, time is an argument.
#pragma once

#include "actors/shard/session.hpp"
#include "messages/bots.hpp"

#include <array>
#include <deque>
#include <list>
#include <optional>
#include <string>

namespace shardyard {

struct command_queue_limits {
  std::size_t most_of_bot = 64;
  std::size_t most = 1024;
  std::size_t presences = 5; ///< of op 3 within `presence_window` (Gateway reference, "Update Presence")
  monotonic presence_window = std::chrono::seconds(20);
};

class command_queue {
public:
  explicit command_queue(command_queue_limits limits = {}) : limits_(limits) {}

  /// Where a queue is full its oldest command is dropped, in all of them that of the longest.
  void add(upstream_command x, monotonic now);

  /// The next to be sent; it has left the queue. What has lost patience is dropped on the way.
  std::optional<upstream_command> next(monotonic now);

  /// When next() may give something that it does not give yet: a presence that has to wait.
  std::optional<monotonic> due() const;

  /// The connection is gone. A presence that may not have arrived is sent once more.
  void disconnected(monotonic now);
  /// The session is gone, and with it whatever was asked of it; its successor says the presence in IDENTIFY.
  void session_lost();

  /// IDENTIFY says the newest presence.
  void identified() { presence_due_ = false; }

  /// The newest presence of all; empty: none.
  const std::string& presence() const { return presence_; }

  std::size_t size() const { return size_; }
  std::uint64_t dropped() const { return dropped_; } ///< for lack of room or patience

private:
  struct waiting {
    upstream_command command;
    monotonic until{};
  };
  struct bot_queue {
    std::string bot;
    std::deque<waiting> urgent; ///< op 4
    std::deque<waiting> rest;
    std::size_t size() const { return urgent.size() + rest.size(); }
  };

  void drop_oldest(bot_queue& x);
  void forget_impatient(bot_queue& x, monotonic now);
  std::optional<upstream_command> take(std::deque<waiting> bot_queue::*which);

  command_queue_limits limits_;
  std::list<bot_queue> turns_; ///< whose turn it is stands first
  std::size_t size_ = 0;
  std::uint64_t dropped_ = 0;
  std::string presence_;
  bool presence_due_ = false;
  std::deque<monotonic> shown_at_; ///< the last presences sent in this session
};

} // namespace shardyard
