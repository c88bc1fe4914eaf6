#include "actors/partition/asked_upstream.hpp"

#include <algorithm>

namespace shardyard {

asked_upstream::step asked_upstream::next(const desk_port& port, snowflake guild, const desk_tuning& tuning,
                                          monotonic again, monotonic not_before, monotonic now) {
  for (auto& x : tries_)
    if (x.session != 0 && !port.lives(x.session))
      x.session = 0;
  if (answering_ && tries_[*answering_].session == 0)
    answering_.reset();
  if (answering_)
    return step::wait;
  auto lead = port.lead(guild);
  if (!lead)
    return step::drop;
  auto somewhere = std::ranges::any_of(tries_, [](auto& x) { return x.session != 0; });
  auto there =
      lead->number != 0 && std::ranges::any_of(tries_, [&](auto& x) { return x.session == lead->number; });
  auto silent = again != monotonic{0} && !tries_.empty() &&
                now - tries_.back().at >= static_cast<std::int64_t>(tries_.size()) * again;
  if ((there && !silent) || now < not_before || tries_.size() >= most_tries)
    return step::wait;
  if (lead->number != 0 && lead->connected) {
    held_since_.reset();
    return step::ask;
  }
  if (somewhere)
    return step::wait;
  if (!held_since_)
    held_since_ = now;
  return now - *held_since_ >= tuning.hold ? step::give_up : step::wait;
}

std::size_t asked_upstream::asked(std::uint32_t session, monotonic now) {
  tries_.push_back({session, now});
  return tries_.size() - 1;
}

bool asked_upstream::answers(std::size_t which) {
  if (which >= tries_.size() || (answering_ && *answering_ != which))
    return false;
  answering_ = which;
  return true;
}

} // namespace shardyard
