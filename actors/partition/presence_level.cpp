#include "actors/partition/presence_level.hpp"

#include "actors/partition/content_hash.hpp"

namespace shardyard {
namespace {

/// The one event in a block of its own.
presence_level::shown_event alone(const presence_level::shown_event& x) {
  auto& e = x.block->entries[x.index];
  auto copy = std::make_shared<event_block>();
  copy->from = x.block->from;
  copy->received_ns = x.block->received_ns;
  copy->newest_ms = x.block->newest_ms;
  std::string bytes;
  bytes.reserve(std::size_t{e.t_size} + e.d_size);
  bytes.append(x.block->name(e)).append(x.data());
  copy->entries = {e};
  copy->entries[0].t_offset = 0;
  copy->entries[0].d_offset = e.t_size;
  copy->bytes = std::make_shared<const std::string>(std::move(bytes));
  return {std::move(copy), 0};
}

} // namespace

void presence_level::forget(last_shown& x) {
  if (!x.event.block)
    return;
  kept_bytes_ -= x.event.data().size();
  sharing_ -= x.looks != own_bytes;
  x = {};
}

void presence_level::detach(last_shown& x) {
  if (!x.event.block || x.looks == own_bytes)
    return;
  x.event = alone(x.event);
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
  if (others.event.block && (others.hash == hash || content_hash(others.event.data()) == content_hash(d))) {
    forget(others);
    users_.erase(found);
    return;
  }
  mine = {event, 0, hash};
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
      if (x.event.block && x.looks != own_bytes && ++x.looks > 1)
        detach(x);
}

std::vector<presence_level::shown_event> presence_level::take_differences(side to) {
  std::vector<shown_event> result;
  for (auto& [_, both] : users_)
    if (auto& x = both[static_cast<std::size_t>(to)]; x.event.block)
      result.push_back(std::move(x.event));
  users_ = {};
  kept_bytes_ = sharing_ = 0;
  return result;
}

std::size_t presence_level::bytes() const {
  constexpr auto of_own_block = sizeof(event_block) + sizeof(event_entry) + sizeof(std::string);
  auto kept = users_.size() * of_own_block + kept_bytes_;
  return sizeof *this + users_.bucket_count() * sizeof(std::pair<snowflake, user_state>) + kept;
}

} // namespace shardyard
