#include "actors/partition/keyed_window.hpp"

namespace shardyard {

// Two halves that turn once per window: an id lives between one and two windows, without a queue of times.
void keyed_window::turn(monotonic now) {
  if (young_.empty()) {
    turned_ = now;
  } else if (now - turned_ >= window_) {
    old_ = now - turned_ >= 2 * window_ ? decltype(old_){} : std::move(young_);
    young_.clear();
    turned_ = now;
  } else if (young_.size() >= max_ids_) {
    forgotten_early_ += old_.size();
    old_ = std::move(young_);
    young_.clear();
    turned_ = now;
  }
}

bool keyed_window::insert(event_key key, monotonic now) {
  turn(now);
  if (contains(key))
    return false;
  young_.insert(key);
  return true;
}

std::vector<event_key> keyed_window::keys() const {
  std::vector<event_key> result(old_.begin(), old_.end());
  result.insert(result.end(), young_.begin(), young_.end());
  return result;
}

} // namespace shardyard
