// When a shard tells its node how it is. A change of state is told soon; what every event changes, the counts
// and the cursor, is told less often while nothing moves: waking the node, its checkpoints and CAF's clock
// for it costs more than the events. Not thread-safe.
#pragma once

#include <chrono>
#include <optional>

namespace shardyard {

class news_pace {
public:
  using time = std::chrono::steady_clock::time_point;

  static constexpr auto after_change = std::chrono::milliseconds(100);
  static constexpr auto after_count = std::chrono::milliseconds(500);

  void changed() { changed_ = true; }
  void counted() { counted_ = true; }
  /// All there is was told at `at`.
  void told(time at) {
    told_ = at;
    changed_ = counted_ = false;
  }

  /// When news are to leave, in the past if at once; none: nothing is to be told. `moving`: a plan runs,
  /// which looks at the counts.
  std::optional<time> due(bool moving) const {
    if (!changed_ && !counted_)
      return {};
    if (!told_)
      return time{};
    return *told_ + (changed_ || moving ? after_change : after_count);
  }

private:
  bool changed_ = false;
  bool counted_ = false;
  std::optional<time> told_;
};

} // namespace shardyard
