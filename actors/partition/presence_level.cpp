#include "actors/partition/presence_level.hpp"

#include "actors/partition/content_hash.hpp"
#include "actors/partition/own_block.hpp"

namespace shardyard {
void presence_level::forget(last_shown& x) {
  if (!x.block)
    return;
  kept_bytes_ -= x.data().size();
  sharing_ -= x.looks != own_bytes;
  x = {};
}

void presence_level::detach(last_shown& x) {
  if (!x.block || x.looks == own_bytes)
    return;
  x.block = own_block(*x.block, x.index);
  x.index = 0;
  x.looks = own_bytes;
  --sharing_;
}

void presence_level::seen(side from, snowflake user, const shown_event& event) {
  auto me = static_cast<std::size_t>(from);
  auto d = event.data();
  auto hash = bytes_hash(d);
  auto found = users_.find(user);
  if (found == users_.end()) {
    if (users_.size() >= max_users_) {
      ++dropped_;
      return;
    }
    found = users_.emplace(user, user_state{}).first;
  }
  auto& mine = found->second[me];
  auto& others = found->second[1 - me];
  forget(mine);
  if (others.block && (others.hash == hash || content_hash(others.data()) == content_hash(d))) {
    forget(others);
    users_.erase(found);
    return;
  }
  mine = {event.block, event.index, 0, hash};
  kept_bytes_ += d.size();
  if (++sharing_ > most_blocks)
    for (auto& [_, both] : users_)
      for (auto& x : both)
        detach(x);
}

void presence_level::let_blocks_go() {
  if (sharing_ == 0)
    return;
  for (auto& [_, both] : users_)
    for (auto& x : both)
      if (x.block && x.looks != own_bytes && ++x.looks > 1)
        detach(x);
}

std::vector<presence_level::shown_event> presence_level::take_differences(side to) {
  std::vector<shown_event> result;
  for (auto& [_, both] : users_)
    if (auto& x = both[static_cast<std::size_t>(to)]; x.block)
      result.push_back({std::move(x.block), x.index});
  users_ = {};
  kept_bytes_ = sharing_ = 0;
  return result;
}

std::size_t presence_level::bytes() const {
  constexpr auto of_own_block = sizeof(event_block) + sizeof(event_entry) + sizeof(std::string);
  auto kept = users_.size() * of_own_block + kept_bytes_;
  return sizeof *this + users_.capacity() * sizeof(std::pair<snowflake, user_state>) + kept;
}

} // namespace shardyard
