#include "actors/partition/presence_level.hpp"

#include "actors/partition/content_hash.hpp"
#include "actors/partition/own_block.hpp"

namespace shardyard {

/// Both sides have shown the user last with the same content, in whatever form.
bool presence_level::agree(const user_state& x) {
  return x[0].block && x[1].block && content_hash(x[0].data()) == content_hash(x[1].data());
}

void presence_level::forget(last_shown& x) {
  if (!x.block)
    return;
  kept_bytes_ -= x.size;
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

void presence_level::detach_all() {
  for (auto& [_, both] : users_)
    for (auto& x : both)
      detach(x);
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
  if (others.block && others.hash == hash && others.size == d.size()) {
    forget(others);
    users_.erase(found);
    return;
  }
  mine = {event.block, event.index, static_cast<std::uint32_t>(d.size()), 0, hash};
  kept_bytes_ += d.size();
  if (++sharing_ > most_blocks)
    detach_all();
}

void presence_level::let_blocks_go() {
  if (sharing_ == 0)
    return;
  auto waited = [](last_shown& x) { return x.block && x.looks != own_bytes && ++x.looks > 1; };
  for (auto i = users_.begin(); i != users_.end();) {
    auto& both = i->second;
    bool ripe[] = {waited(both[0]), waited(both[1])};
    if ((ripe[0] || ripe[1]) && agree(both)) {
      forget(both[0]);
      forget(both[1]);
      i = users_.erase(i);
      continue;
    }
    for (auto one : {0, 1})
      if (ripe[one])
        detach(both[one]);
    ++i;
  }
}

std::vector<presence_level::shown_event> presence_level::take_differences(side to) {
  std::vector<shown_event> result;
  for (auto& [_, both] : users_)
    if (auto& x = both[static_cast<std::size_t>(to)]; x.block && !agree(both))
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
