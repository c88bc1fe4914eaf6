#include "actors/shard/outbound_stream.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace shardyard {

namespace {

using block_ptr = std::shared_ptr<const event_block>;

const event_block* block_in(const stream_item& item) {
  auto* block = std::get_if<block_ptr>(&item);
  return block && !(*block)->entries.empty() ? block->get() : nullptr;
}

// Below this a shared buffer is not worth a copy.
constexpr std::size_t small_buffer = 16u << 10;

bool wastes_memory(const event_block& block, std::size_t own_bytes) {
  return block.bytes->size() > small_buffer && block.bytes->size() > 2 * own_bytes;
}

} // namespace

void outbound_stream::push(stream_item item) {
  note_block(item);
  auto next = measured(std::move(item));
  auto waits = sent_ < items_.size() || !credit_left(next);
  if (auto* block = block_in(next.item); block && waits && wastes_memory(*block, next.bytes))
    next.item = repacked(*block);
  if (stuck_ || !overflow_.empty()) {
    overflow_bytes_ += next.bytes;
    overflow_.push_back(std::move(next));
  } else if (spool_.records() == 0 &&
             (items_.empty() || memory_bytes_ + next.bytes <= limits_.memory_bytes)) {
    hold(std::move(next));
  } else if (!to_spool(next)) {
    overflow_bytes_ += next.bytes;
    overflow_.push_back(std::move(next));
  }
}

std::optional<numbered_item> outbound_stream::next_to_send() {
  if (sent_ == items_.size())
    refill();
  if (sent_ == items_.size() || !credit_left(items_[sent_]))
    return std::nullopt;
  auto& next = items_[sent_];
  sent_bytes_ += next.bytes;
  sent_events_ += next.events;
  return numbered_item{base_ + sent_++, next.item};
}

bool outbound_stream::acked(std::uint64_t through) {
  if (through >= base_ + sent_)
    return false;
  while (base_ <= through) {
    auto item = std::move(items_.front());
    items_.pop_front();
    ++base_;
    --sent_;
    sent_bytes_ -= item.bytes;
    sent_events_ -= item.events;
    memory_bytes_ -= item.bytes;
    resync_first_ = false;
    if (block_in(item.item))
      note_acked_block();
  }
  refill();
  return true;
}

void outbound_stream::restart(source_mark resynced) {
  if (resync_first_) {
    memory_bytes_ -= items_.front().bytes;
    items_.pop_front();
  }
  items_.push_front(measured(std::move(resynced)));
  memory_bytes_ += items_.front().bytes;
  resync_first_ = true;
  base_ = 1;
  sent_ = sent_bytes_ = sent_events_ = 0;
}

std::optional<std::uint64_t> outbound_stream::oldest_unacked_s(std::string_view session_id) const {
  for (auto& span : spans_)
    if (span.session_id == session_id)
      return span.first_s;
  return std::nullopt;
}

std::vector<stream_hole> outbound_stream::skip_unreadable() {
  auto holes = drop_unreadable();
  refill();
  return holes;
}

std::vector<stream_item> outbound_stream::take_all(std::vector<stream_hole>& holes) {
  std::vector<stream_item> result;
  if (resync_first_)
    items_.pop_front();
  resync_first_ = false;
  auto take_held = [&result](std::deque<held_item>& from) {
    for (auto& x : from)
      result.push_back(std::move(x.item));
    from.clear();
  };
  take_held(items_);
  while (!stuck_ && spool_.records() > 0) {
    auto item = spool_.take(record_) ? decode_item(record_) : std::nullopt;
    stuck_ = !item;
    if (item) {
      if (auto* span = span_of(*item)) {
        ++span->in_memory;
        span->memory_s = std::get<block_ptr>(*item)->entries.back().s;
      }
      result.push_back(std::move(*item));
    }
  }
  std::ranges::move(drop_unreadable(), std::back_inserter(holes));
  take_held(overflow_);
  spans_.clear();
  problem_.clear();
  sent_ = sent_bytes_ = sent_events_ = memory_bytes_ = overflow_bytes_ = 0;
  base_ = 1;
  return result;
}

std::vector<stream_hole> outbound_stream::drop_unreadable() {
  std::vector<stream_hole> holes;
  if (!stuck_)
    return holes;
  spool_.clear();
  std::erase_if(overflow_, [this](const held_item& x) {
    auto dropped = block_in(x.item) != nullptr;
    overflow_bytes_ -= dropped ? x.bytes : 0;
    return dropped;
  });
  for (auto& span : spans_)
    if (std::exchange(span.blocks, span.in_memory) > span.in_memory)
      holes.push_back({span.session_id, span.memory_s, std::exchange(span.last_s, span.memory_s)});
  std::erase_if(spans_, [](const session_span& x) { return x.blocks == 0; });
  stuck_ = false;
  problem_.clear();
  return holes;
}

outbound_stream::held_item outbound_stream::measured(stream_item item) const {
  held_item result{std::move(item)};
  result.bytes = bytes_of(result.item);
  result.events = static_cast<std::uint32_t>(events_of(result.item));
  return result;
}

void outbound_stream::note_block(const stream_item& item) {
  auto* block = block_in(item);
  if (!block)
    return;
  if (spans_.empty() || spans_.back().session_id != block->from.session_id) {
    auto first = block->entries.front().s;
    spans_.push_back({block->from.session_id, first, first == 0 ? 0 : first - 1});
  }
  ++spans_.back().blocks;
  spans_.back().last_s = block->entries.back().s;
}

void outbound_stream::note_acked_block() {
  auto& span = spans_.front();
  --span.in_memory;
  if (--span.blocks == 0) {
    spans_.pop_front();
    return;
  }
  // The next block is nearly always right behind. If only marks are in memory, the old value stays: too low
  // is safe.
  for (auto& held : items_) {
    if (auto* block = block_in(held.item)) {
      span.first_s = block->entries.front().s;
      return;
    }
  }
}

bool outbound_stream::credit_left(const held_item& next) const {
  return sent_ == 0 || (sent_events_ + next.events <= limits_.credit_events &&
                        sent_bytes_ + next.bytes <= limits_.credit_bytes);
}

void outbound_stream::hold(held_item item) {
  if (auto* span = span_of(item.item)) {
    ++span->in_memory;
    span->memory_s = std::get<block_ptr>(item.item)->entries.back().s;
  }
  memory_bytes_ += item.bytes;
  items_.push_back(std::move(item));
}

bool outbound_stream::to_spool(const held_item& item) {
  auto taken = spool_.append(encode_item(item.item));
  if (!taken)
    problem_ = spool_.problem();
  return taken;
}

void outbound_stream::refill() {
  while (!stuck_ && spool_.records() > 0 && (items_.empty() || memory_bytes_ < limits_.memory_bytes)) {
    if (!refill_from_spool()) {
      stuck_ = true;
      problem_ =
          spool_.problem().empty() ? "the spool returned a record that is no stream item" : spool_.problem();
    }
  }
  refill_from_overflow();
}

bool outbound_stream::refill_from_spool() {
  if (!spool_.take(record_))
    return false;
  auto item = decode_item(record_);
  if (!item)
    return false;
  hold(measured(std::move(*item)));
  return true;
}

void outbound_stream::refill_from_overflow() {
  auto room_on_disk = [this] { return spool_.bytes() < spool_.max_bytes() / 4 * 3; };
  while (!stuck_ && !overflow_.empty()) {
    auto& next = overflow_.front();
    auto bytes = next.bytes;
    if (spool_.records() == 0 && (items_.empty() || memory_bytes_ + bytes <= limits_.memory_bytes))
      hold(std::move(next));
    else if (!room_on_disk() || !to_spool(next))
      return;
    overflow_bytes_ -= bytes;
    overflow_.pop_front();
    if (overflow_.empty())
      problem_.clear();
  }
}

outbound_stream::session_span* outbound_stream::span_of(const stream_item& item) {
  auto* block = block_in(item);
  if (!block)
    return nullptr;
  auto found = std::find_if(spans_.begin(), spans_.end(),
                            [&](const session_span& x) { return x.session_id == block->from.session_id; });
  return found == spans_.end() ? nullptr : &*found;
}

} // namespace shardyard
