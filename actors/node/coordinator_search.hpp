// Where a node looks for the coordinator, and when: first where somebody has said that it lives, else at the
// seeds and at every member that was ever heard of, one after another. One attempt is under way at a time,
// and one that hangs is not waited for. Plain class; time is an argument.
#pragma once

#include "messages/control.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace shardyard {

class coordinator_search {
public:
  using time = std::chrono::steady_clock::time_point;
  using place = std::pair<std::string, std::uint16_t>;            ///< host and port; port 0: none
  static constexpr std::chrono::milliseconds look_after{200};     ///< at the next place
  static constexpr std::chrono::milliseconds look_patience{1000}; ///< with one, before the next is tried
  static constexpr std::chrono::milliseconds rejoin_after{500};

  /// `seed` of the waits between attempts.
  explicit coordinator_search(unsigned seed) : dice_(seed) {}

  /// Every place where a node may know it: whoever has found it names it.
  static std::vector<place> places(const std::vector<place>& seeds, const std::vector<node_card>& members,
                                   const node_card& own);

  bool due(time now) const { return (!under_way_ || now >= patient_until_) && now >= next_; }
  /// Begins an attempt at the place that this returns; nothing: there is none to try.
  std::optional<place> begin(time now, const std::vector<place>& places);
  /// The coordinator is found and asked to let this node in, which is waited for this long.
  void joining(time now, std::chrono::milliseconds patience);

  bool under_way() const { return under_way_; }
  /// The attempt is over; another one is due after a while.
  void ended(time now);
  /// What came of it is known elsewhere, or joining has been answered.
  void over() { under_way_ = false; }
  /// The coordinator is said to live there: tried at once, whatever is under way. Port 0: forgets what was
  /// said.
  void hint(place there);
  void hurry() { next_ = {}; }

private:
  bool under_way_ = false;
  time patient_until_{}; ///< with the attempt under way
  time next_{};
  std::size_t next_place_ = 0;
  place hint_;
  std::minstd_rand dice_;
};

} // namespace shardyard
