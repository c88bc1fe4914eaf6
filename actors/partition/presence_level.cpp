#include "actors/partition/presence_level.hpp"

#include "actors/partition/content_hash.hpp"

#include <algorithm>

namespace shardyard {

std::unique_ptr<presence_level::copy> presence_level::copy_of(const lane_event& event) {
  auto& block = *event.block;
  auto& e = block.entries[event.index];
  auto result = std::make_unique<copy>();
  auto source = std::ranges::find(sources_, block.from);
  result->source = static_cast<std::size_t>(source - sources_.begin());
  if (source == sources_.end())
    sources_.push_back(block.from);
  result->event = {event.lane, event.type, event.key, event.content, event.s, nullptr, 0};
  result->entry = e;
  result->received_ns = block.received_ns;
  result->newest_ms = block.newest_ms;
  auto name = block.name(e);
  auto d = block.data(e);
  result->bytes.reserve(name.size() + d.size());
  result->bytes.append(name).append(d);
  result->entry.t_offset = 0;
  result->entry.d_offset = static_cast<std::uint32_t>(name.size());
  kept_bytes_ += sizeof(copy) + result->bytes.size();
  return result;
}

lane_event presence_level::restored(const copy& x) const {
  auto block = std::make_shared<event_block>();
  block->from = sources_[x.source];
  block->received_ns = x.received_ns;
  block->newest_ms = x.newest_ms;
  block->bytes = std::make_shared<const std::string>(x.bytes);
  block->entries.push_back(x.entry);
  auto result = x.event;
  result.block = std::move(block);
  return result;
}

void presence_level::forget(std::unique_ptr<copy>& x) {
  if (x)
    kept_bytes_ -= sizeof(copy) + x->bytes.size();
  x.reset();
}

/// Whether both sides' last presences are equal; `d` is that of `me`. Without the other side's bytes or
/// content they count as different: it has shown nothing, or something older that this side had shown as
/// well.
bool presence_level::agree(user_state& x, std::size_t me, std::string_view d) const {
  if (x.bytes[0] == x.bytes[1])
    return true;
  auto you = 1 - me;
  if (x.content[you] == 0 && x.last[you])
    x.content[you] = content_hash(x.last[you]->data());
  if (x.content[you] == 0)
    return false;
  x.content[me] = content_hash(d);
  return x.content[me] == x.content[you];
}

void presence_level::seen(side from, snowflake user, const lane_event& event) {
  auto found = users_.find(user);
  if (found == users_.end()) {
    if (users_.size() >= max_users_) {
      ++dropped_;
      return;
    }
    found = users_.emplace(user, user_state{}).first;
  }
  auto& x = found->second;
  auto me = static_cast<std::size_t>(from);
  auto d = event.block->data(event.block->entries[event.index]);
  forget(x.last[me]);
  x.bytes[me] = bytes_hash(d);
  x.content[me] = 0;
  if (agree(x, me, d))
    forget(x.last[1 - me]);
  else
    x.last[me] = copy_of(event);
}

std::vector<lane_event> presence_level::take_differences(side to) {
  std::vector<lane_event> result;
  for (auto& [user, x] : users_)
    if (auto& last = x.last[static_cast<std::size_t>(to)])
      result.push_back(restored(*last));
  users_.clear();
  sources_.clear();
  kept_bytes_ = 0;
  return result;
}

std::size_t presence_level::bytes() const {
  return kept_bytes_ + users_.size() * sizeof(user_state);
}

} // namespace shardyard
