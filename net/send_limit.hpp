// The limit on what one connection may send: 120 payloads per 60 s, heartbeats included (Gateway reference,
// "Rate Limiting"). Counts over a sliding window, because Discord's kind of window is unpublished, and keeps
// slots free for heartbeats.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace shardyard::net {

class send_limit {
public:
  using clock = std::chrono::steady_clock;

  explicit send_limit(std::size_t limit = 120, std::chrono::milliseconds window = std::chrono::seconds{60});

  /// Keeps as many slots as beats of this interval fall into one window, plus two for beats that the server
  /// asks for; at most half of all slots.
  void reserve_for(std::chrono::milliseconds heartbeat_interval);

  std::size_t reserved() const { return reserved_; }

  /// Whether a payload other than a heartbeat may be sent now.
  bool may_send(clock::time_point now) const;

  /// Whether a heartbeat may be sent now: reserved slots count.
  bool may_beat(clock::time_point now) const;

  /// Records that something was sent.
  void sent(clock::time_point now);

  /// When may_send will hold next if nothing else is sent; `now` or earlier when it holds already.
  clock::time_point next_slot() const;

private:
  bool slot_free(std::size_t slots, clock::time_point now) const;

  std::size_t limit_;
  std::chrono::milliseconds window_;
  std::size_t reserved_ = 0;
  std::size_t count_ = 0;                 // sends ever recorded
  std::vector<clock::time_point> recent_; // ring of the last `limit_` sends, grown on demand
};

} // namespace shardyard::net
