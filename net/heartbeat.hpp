// When a connection has to beat, and whether it still lives (Gateway reference, "Sending Heartbeats"). A
// plain class: time comes in, decisions go out. Knows which sequence each unacknowledged heartbeat carried.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace shardyard::net {

class heartbeat {
public:
  using clock = std::chrono::steady_clock;

  /// From HELLO: the first beat falls due after interval * jitter, jitter in [0, 1).
  void start(std::chrono::milliseconds interval, double jitter, clock::time_point now);

  std::chrono::milliseconds interval() const { return interval_; }

  /// When the next scheduled beat is to be sent.
  clock::time_point due() const { return due_; }

  /// A scheduled beat is sent now with this `s`; the next falls due one interval later.
  void beat(std::uint64_t s, clock::time_point now);

  /// A beat out of turn (asked for by the server or the owner) is sent now.
  void extra_beat(std::uint64_t s, clock::time_point now);

  /// An ACK arrived. Returns the `s` of the heartbeat it answers; nothing when none is outstanding.
  std::optional<std::uint64_t> acknowledged();

  /// Any other sign of life, for owners that accept it in place of an ACK.
  void sign_of_life();

  /// To be asked when a beat is due: no ACK has come since the beat before it, so the connection is a zombie.
  bool overdue() const;

  /// The socket was not read for a while, so that missing ACKs prove nothing until the next scheduled beat.
  void forgive() { last_scheduled_.reset(); }

private:
  struct sent_beat {
    clock::time_point at;
    std::uint64_t s;
  };

  std::chrono::milliseconds interval_{0};
  clock::time_point due_{};
  std::optional<clock::time_point> last_scheduled_; // the beat whose ACK decides; none: nothing to decide yet
  std::vector<sent_beat> outstanding_;              // oldest first; seldom more than one
};

} // namespace shardyard::net
