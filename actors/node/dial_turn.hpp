// When a node dials one of the others. Two nodes that dial each other at the same moment are in each other's
// way (net/link_table.hpp sorts it out under TLS, nobody does without), and after a loss, which both see at
// the same moment, equal waits would make them cross again and again. So of two nodes the one with the lesser
// name dials; the other one waits to be reached, for a while. Plain class; time is an argument.
#pragma once

#include <chrono>
#include <string>

namespace shardyard {

class dial_turn {
public:
  using time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds redial_after{500};
  static constexpr std::chrono::milliseconds yield_for{1000};

  dial_turn() = default;
  dial_turn(const std::string& own_name, const std::string& peer) : first_{own_name < peer} {}

  bool due(time now) const { return !under_way_ && now >= next_; }
  void begin() { under_way_ = true; }
  bool under_way() const { return under_way_; }

  /// The peer is to be found from now on: it is new, or was lost.
  void wanted(time now) { next_ = first_ ? now : now + yield_for; }
  /// An attempt has come to its end without finding it.
  void failed(time now) {
    under_way_ = false;
    wanted(now + redial_after);
  }
  void found() { under_way_ = false; }

private:
  bool first_ = true;
  bool under_way_ = false;
  time next_{};
};

} // namespace shardyard
