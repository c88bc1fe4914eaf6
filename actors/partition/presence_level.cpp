#include "actors/partition/presence_level.hpp"

namespace shardyard {
namespace {

// A copy of the one event: the block it came in may be a megabyte and must not live as long as a difference
// does.
lane_event alone(const lane_event& event) {
  auto& e = event.block->entries[event.index];
  auto copy = std::make_shared<event_block>();
  copy->from = event.block->from;
  copy->received_ns = event.block->received_ns;
  copy->newest_ms = event.block->newest_ms;
  auto bytes = std::string{event.block->name(e)};
  auto entry = e;
  entry.t_offset = 0;
  entry.d_offset = static_cast<std::uint32_t>(bytes.size());
  bytes += event.block->data(e);
  copy->bytes = std::make_shared<const std::string>(std::move(bytes));
  copy->entries.push_back(entry);
  auto result = event;
  result.block = std::move(copy);
  result.index = 0;
  return result;
}

} // namespace

void presence_level::seen(side from, snowflake user, std::uint64_t content, const lane_event& event) {
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
  auto forget = [this](lane_event& event) {
    if (event.block)
      kept_bytes_ -= event.block->bytes->size();
    event = {};
  };
  forget(x.last[me]);
  x.content[me] = content;
  if (x.content[0] == x.content[1]) {
    forget(x.last[0]);
    forget(x.last[1]);
    return;
  }
  x.last[me] = alone(event);
  kept_bytes_ += x.last[me].block->bytes->size();
}

std::vector<lane_event> presence_level::take_differences(side to) {
  std::vector<lane_event> result;
  for (auto& [user, x] : users_)
    if (auto& event = x.last[static_cast<std::size_t>(to)]; event.block)
      result.push_back(std::move(event));
  users_.clear();
  kept_bytes_ = 0;
  return result;
}

std::size_t presence_level::bytes() const {
  return kept_bytes_ + users_.size() * sizeof(user_state);
}

} // namespace shardyard
