#include "actors/bot_session/session_log.hpp"

namespace shardyard {

void session_log::append(std::string_view t, std::string d, time now) {
  auto number = first_own_ + own_.size();
  own_size_ += d.size();
  own_.push_back({t, std::move(d), now});
  refs_.push_back((static_cast<std::uint32_t>(number) & low) | own_bit);
}

// Own events leave only together with their sequence, so those that are kept lie close together and the low
// bits name one of them.
const session_log::own_event& session_log::own(std::uint64_t s) const {
  auto end = first_own_ + own_.size();
  return own_[full(ref(s) & low, end) - first_own_];
}

// The ring holds far fewer than 2^31 events.
std::uint64_t session_log::position(std::uint64_t s, const delivery_ring& ring) const {
  return full(ref(s), ring.end());
}

bool session_log::alive(std::uint64_t s, const delivery_ring& ring) const {
  return is_own(s) || ring.holds(position(s, ring));
}

bool session_log::whole_from(std::uint64_t s, const delivery_ring& ring) const {
  if (s < first_ || s > end())
    return false;
  for (; s < end(); ++s)
    if (!alive(s, ring))
      return false;
  return true;
}

void session_log::drop_first() {
  if (is_own(first_)) {
    own_size_ -= own_.front().d.size();
    own_.pop_front();
    ++first_own_;
  }
  refs_.pop_front();
  ++first_;
}

void session_log::trim(const delivery_ring& ring, std::uint64_t unsent, time oldest) {
  while (!refs_.empty()) {
    if (is_own(first_)) {
      auto surplus = own_size_ > own_bound_ || own(first_).since < oldest;
      if (first_ >= unsent || !surplus)
        return;
    } else if (ring.holds(position(first_, ring))) {
      // An own event may stand behind events that the ring still holds: the bound comes first.
      if (own_size_ <= own_bound_ || first_ >= unsent)
        return;
    }
    drop_first();
  }
}

} // namespace shardyard
