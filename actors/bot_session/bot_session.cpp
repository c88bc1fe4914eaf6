#include "actors/bot_session/bot_session.hpp"

namespace shardyard {

bool bot_session::pump(net::bot_link& link, delivery_ring& ring, std::size_t high_water, snowflake self) {
  if (next_ < log_.first())
    return false;
  for (; next_ < log_.end() && link.queued() <= high_water; ++next_) {
    if (log_.is_own(next_)) {
      auto& x = log_.own(next_);
      link.dispatch(x.t, next_, x.d);
      continue;
    }
    auto position = log_.position(next_, ring);
    if (!ring.holds(position))
      return false;
    auto event = ring.view(position, mask, self);
    link.dispatch(event.t, next_, event.d);
  }
  return true;
}

} // namespace shardyard
