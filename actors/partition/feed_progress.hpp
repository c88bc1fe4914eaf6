// How far one endpoint has come with what it was given. Its answers may come in any order. Plain class.
#pragma once

#include "actors/partition/guild_handover.hpp"

#include <cstdint>
#include <deque>

namespace shardyard {

class feed_progress {
public:
  /// Something was given to it; until it is answered, the endpoint has batches up to `before` only. Returns
  /// what the answer is to be recognised by.
  std::uint64_t sent(std::uint64_t before, monotonic now) {
    open_.push_back({++tickets_, before, now, false});
    return tickets_;
  }

  void answered(std::uint64_t ticket) {
    for (auto& x : open_)
      x.done = x.done || x.ticket == ticket;
    while (!open_.empty() && open_.front().done)
      open_.pop_front();
  }

  /// Newest batch that the endpoint has, all up to `given` having been given to it.
  std::uint64_t accepted(std::uint64_t given) const { return open_.empty() ? given : open_.front().before; }

  /// The oldest that is not answered waits for longer than `patience`.
  bool silent(monotonic now, monotonic patience) const {
    return !open_.empty() && now - open_.front().at > patience;
  }

private:
  struct gift {
    std::uint64_t ticket = 0;
    std::uint64_t before = 0;
    monotonic at{};
    bool done = false;
  };
  std::deque<gift> open_;
  std::uint64_t tickets_ = 0;
};

} // namespace shardyard
