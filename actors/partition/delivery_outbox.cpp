#include "actors/partition/delivery_outbox.hpp"

#include <algorithm>

namespace shardyard {

namespace {

/// Positions that may wait besides the newest of each scope.
constexpr std::size_t most_repeated = 4096;
constexpr std::size_t most_spare = 256; ///< positions; larger batches are rare enough for the allocator

/// Bytes are those of one session, whichever blocks share them.
bool goes_on(const event_block& x, const event_block& with) {
  return x.bytes == with.bytes && (x.bytes || x.from == with.from);
}

} // namespace

void delivery_outbox::event(const event_block& block, std::uint32_t index, std::uint64_t n,
                            std::uint64_t epoch, std::uint16_t flags) {
  if (blocks_.empty() || !goes_on(blocks_.back(), block)) {
    auto& fresh = blocks_.emplace_back();
    fresh.from = block.from;
    fresh.received_ns = block.received_ns;
    fresh.newest_ms = block.newest_ms;
    fresh.bytes = block.bytes;
    fresh.entries.reserve(block.entries.size() - index);
  }
  auto& e = blocks_.back().entries.emplace_back(block.entries[index]);
  e.n = n;
  e.epoch = epoch;
  e.flags |= flags;
  ++events_;
  ++current_.events;
}

void delivery_outbox::answer(const event_block& block, std::uint32_t index, std::uint64_t n,
                             std::uint64_t epoch, std::uint32_t asker, const std::optional<std::string>& d) {
  if (!d) {
    event(block, index, n, epoch, 0);
  } else {
    auto& e = block.entries[index];
    event_block edited;
    edited.from = block.from;
    edited.received_ns = block.received_ns;
    edited.newest_ms = block.newest_ms;
    edited.entries = {e};
    edited.entries[0].d_offset = e.t_size;
    edited.entries[0].d_size = static_cast<std::uint32_t>(d->size());
    edited.entries[0].t_offset = 0;
    edited.bytes = std::make_shared<const std::string>(std::string{block.name(e)} + *d);
    event(edited, 0, n, epoch, 0);
  }
  blocks_.back().entries.back().asker = asker;
}

void delivery_outbox::control(std::string_view name, std::string d, const event_source& from, const scope& at,
                              std::uint64_t n, std::uint64_t epoch, std::uint16_t flag) {
  auto& block = blocks_.emplace_back();
  block.from = from;
  event_entry e;
  if (at.kind == scope_kind::guild)
    e.guild = at.id;
  if (at.kind == scope_kind::channel)
    e.channel = at.id;
  e.n = n;
  e.epoch = epoch;
  e.d_size = static_cast<std::uint32_t>(d.size());
  e.t_offset = e.d_size;
  e.t_size = static_cast<std::uint16_t>(name.size());
  e.flags = flag;
  e.lane = lane::local;
  d += name;
  block.bytes = std::make_shared<const std::string>(std::move(d));
  block.entries.push_back(e);
  ++events_;
  ++current_.events;
}

position& delivery_outbox::change(change_slot& x) {
  if (x.batch != open_) {
    x = {open_, static_cast<std::uint32_t>(current_.positions.size())};
    current_.positions.emplace_back();
  }
  return current_.positions[x.index];
}

void delivery_outbox::stray(std::uint32_t session, std::uint64_t s) {
  if (!current_.strays.empty() && current_.strays.back().first == session)
    current_.strays.back().second = s;
  else
    current_.strays.push_back({session, s});
}

delivery_batch delivery_outbox::take() {
  delivery_batch result;
  if (blocks_.empty())
    return result;
  result = {open_, std::move(blocks_)};
  blocks_.clear();
  current_.number = open_++;
  sent_.push_back(std::exchange(current_, {}));
  current_.positions = std::move(spare_);
  return result;
}

void delivery_outbox::delivered(std::uint64_t through) {
  while (!sent_.empty() && sent_.front().number <= through) {
    auto& batch = sent_.front();
    dirty_.insert(dirty_.end(), batch.positions.begin(), batch.positions.end());
    if (batch.positions.capacity() <= most_spare && batch.positions.capacity() > spare_.capacity()) {
      spare_ = std::move(batch.positions);
      spare_.clear();
    }
    for (auto [session, s] : batch.strays)
      strays_[session] = std::max(strays_[session], s);
    accepted_ = batch.number;
    accepted_events_ += batch.events;
    unlogged_events_ += batch.events;
    sent_.pop_front();
  }
  if (dirty_.size() > 2 * scopes_at_least_ + most_repeated)
    forget_older_positions();
}

void delivery_outbox::forget_older_positions() {
  order_.clear();
  for (auto& x : dirty_)
    order_.emplace_back(x.at, static_cast<std::uint32_t>(order_.size()));
  std::ranges::sort(order_);
  std::vector<position> newest;
  newest.reserve(dirty_.size());
  for (std::size_t i = 0; i < order_.size(); ++i)
    if (i + 1 == order_.size() || order_[i + 1].first != order_[i].first)
      newest.push_back(dirty_[order_[i].second]);
  dirty_ = std::move(newest);
  scopes_at_least_ = dirty_.size();
}

void delivery_outbox::checkpoint(monotonic now, bool force) {
  if (!force && unlogged_events_ < 256 && now - checked_ < std::chrono::milliseconds(100))
    return;
  forget_older_positions();
  for (auto& x : dirty_)
    write_record(log_, x);
  dirty_.clear();
  scopes_at_least_ = 0;
  unlogged_events_ = 0;
  checked_ = now;
}

} // namespace shardyard
