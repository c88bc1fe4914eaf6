#include "actors/bot_session/guild_backfill.hpp"

#include <algorithm>

namespace shardyard {

std::vector<snowflake> guild_backfill::ask(std::uint64_t position, time now) {
  std::vector<snowflake> result;
  while (asked_.size() < batch && !queue_.empty() && queue_.front().due <= now) {
    auto& x = asked_.emplace_back(queue_.front());
    queue_.pop_front();
    if (!x.asked)
      x.since = position;
    x.asked = true;
    result.push_back(x.guild);
  }
  asked_at_ = now;
  return result;
}

bool guild_backfill::take(snowflake guild, wanted& found, time now) {
  auto is_it = [&](const wanted& x) { return x.guild == guild; };
  if (auto i = std::ranges::find_if(asked_, is_it); i != asked_.end()) {
    found = *i;
    asked_.erase(i);
    asked_at_ = now;
    return true;
  }
  // An answer that came after its time: the guild is waiting to be asked for again.
  if (auto i = std::ranges::find_if(queue_, is_it); i != queue_.end()) {
    found = *i;
    queue_.erase(i);
    return true;
  }
  return false;
}

void guild_backfill::again(wanted x, time due) {
  x.due = due;
  queue_.push_back(x);
}

std::vector<guild_backfill::wanted*> guild_backfill::overdue(time now) {
  std::vector<wanted*> result;
  if (asked_.empty() || now - asked_at_ < patience)
    return result;
  auto late = asked_.size();
  for (auto& x : asked_)
    again(x, now);
  asked_.clear();
  for (auto i = queue_.size() - late; i < queue_.size(); ++i)
    result.push_back(&queue_[i]);
  return result;
}

guild_backfill::time guild_backfill::deadline() const {
  if (!asked_.empty())
    return asked_at_ + patience;
  return queue_.empty() ? time::max() : queue_.front().due;
}

} // namespace shardyard
