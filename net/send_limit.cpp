#include "net/send_limit.hpp"

#include <algorithm>

namespace shardyard::net {

send_limit::send_limit(std::size_t limit, std::chrono::milliseconds window)
    : limit_(std::max<std::size_t>(limit, 1)), window_(window) {}

void send_limit::reserve_for(std::chrono::milliseconds heartbeat_interval) {
  auto interval = std::max(heartbeat_interval, std::chrono::milliseconds{1});
  auto beats = static_cast<std::size_t>((window_ + interval - std::chrono::milliseconds{1}) / interval);
  reserved_ = std::min(beats + 2, limit_ / 2);
}

// True when fewer than `slots` sends lie within the window, that is, when the slots-th last one has left it.
bool send_limit::slot_free(std::size_t slots, clock::time_point now) const {
  return count_ < slots || recent_[(count_ - slots) % limit_] + window_ <= now;
}

bool send_limit::may_send(clock::time_point now) const {
  return slot_free(limit_ - reserved_, now);
}

bool send_limit::may_beat(clock::time_point now) const {
  return slot_free(limit_, now);
}

void send_limit::sent(clock::time_point now) {
  if (recent_.size() < limit_)
    recent_.push_back(now);
  else
    recent_[count_ % limit_] = now;
  ++count_;
}

send_limit::clock::time_point send_limit::next_slot() const {
  auto slots = limit_ - reserved_;
  return count_ < slots ? clock::time_point::min() : recent_[(count_ - slots) % limit_] + window_;
}

} // namespace shardyard::net
