#include "actors/bot_session/delivery_ring.hpp"

#include "actors/bot_session/content_mask.hpp"

namespace shardyard {

std::uint64_t delivery_ring::push(const event_block& block, const event_entry& e, time now) {
  if (sources_.empty() || sources_.back().bytes != block.bytes) {
    sources_.push_back({block.bytes, now});
    bytes_ += block.bytes->size();
  }
  ++sources_.back().entries;
  auto number = first_source_ + static_cast<std::uint32_t>(sources_.size()) - 1;
  entries_.push_back({e.guild, e.n, number, e.d_offset, e.d_size, e.t_offset, e.asker, e.t_size, e.type, {}});
  return end() - 1;
}

void delivery_ring::drop_first() {
  if (auto& edits = entries_.front().edits)
    for (auto& x : *edits)
      bytes_ -= x.d ? x.d->size() : 0;
  entries_.pop_front();
  ++first_;
  if (--sources_.front().entries > 0)
    return;
  bytes_ -= sources_.front().bytes->size();
  sources_.pop_front();
  ++first_source_;
}

void delivery_ring::evict(time now) {
  while (!entries_.empty() && (entries_.size() > bounds_.events || bytes_ > bounds_.bytes ||
                               now - sources_.front().since >= bounds_.age))
    drop_first();
}

std::string_view delivery_ring::data(std::uint64_t position) const {
  auto& e = at(position);
  return std::string_view{*source_of(e).bytes}.substr(e.d_offset, e.d_size);
}

std::string_view delivery_ring::data(std::uint64_t position, std::uint8_t mask, snowflake self) {
  auto& e = entries_[position - first_];
  mask = mask_for(e.type, mask);
  if (mask == 0 || e.guild == 0)
    return data(position);
  if (!e.edits)
    e.edits = std::make_unique<std::vector<edit>>();
  for (auto& x : *e.edits)
    if (x.mask == mask)
      return x.d ? std::string_view{*x.d} : data(position);
  // A view of an earlier edit is not used any more when the next one is asked for.
  auto& made = e.edits->emplace_back(edit{mask, masked(e.type, e.guild, data(position), mask, self)});
  bytes_ += made.d ? made.d->size() : 0;
  return made.d ? std::string_view{*made.d} : data(position);
}

} // namespace shardyard
