// What a hand-over takes, and how what waits for long takes less.
#include "actors/partition/guild_handover_overlap.hpp"
#include "actors/partition/own_block.hpp"

#include <algorithm>

namespace shardyard {

std::size_t guild_handover::bytes() const {
  if (!overlap_)
    return 0;
  auto& o = *overlap_;
  auto sum = sizeof(overlap) + o.shown.reserved_bytes() + o.led.reserved_bytes();
  sum += o.shown_bytes - o.shown.size() * sizeof(lane_event);
  if (o.aside.there())
    sum += sizeof(set_aside);
  sum += o.aside->skip.reserved_bytes() + o.aside->held.reserved_bytes() + o.aside->doubtful.reserved_bytes();
  auto queued = [&](const std::vector<lane_event>& events) {
    sum += (events.capacity() - events.size()) * sizeof(lane_event);
    for (auto& event : events)
      sum += event.bytes();
  };
  if (o.aside->hold) {
    sum += sizeof(anchor_hold) + o.aside->hold->arrivals.capacity() * sizeof(monotonic);
    queued(o.aside->hold->events);
  }
  if (o.aside->odd) {
    sum += sizeof(odd_events) + o.aside->odd->led.capacity() * sizeof(lane_mark);
    queued(o.aside->odd->shown);
  }
  return sum;
}

// Most events find their partner between two ticks. What does not must keep neither the block that brought
// it, which may be a megabyte, nor the room that its queue once needed.
void guild_handover::slim(const step& at) {
  auto& o = *overlap_;
  release_agreed(at);
  for (auto i = o.own; i < o.looked; ++i)
    detach(o.shown[i]);
  o.own = std::max(o.own, o.looked);
  o.looked = static_cast<std::uint32_t>(o.shown.size());
  o.shown.trim();
  o.led.trim();
  if (auto x = o.aside.there()) {
    if (x->odd)
      for (auto& event : x->odd->shown)
        detach(event);
    if (x->spent(at.now))
      o.aside.reset();
    else
      x->trim();
  }
}

// Before the lists are lined up, most of what the follower shows the lead has delivered, too, and nothing of
// that is ever delivered from here: a later common anchor drops it, and so does a change of lead.
void guild_handover::release_agreed(const step& at) {
  auto& o = *overlap_;
  if (o.synced || o.aside->odd || !at.tuning.discard_follower_at_quiet_cut)
    return;
  auto sum = static_cast<std::uint32_t>(o.shown.size() + o.led.size());
  auto fresh = sum - std::min(sum, o.agreed_of);
  if (fresh == 0 || fresh < o.agreed_of / 8 || o.shown.empty() || o.led.empty())
    return; // so that a long wait costs little more than sorting once
  o.agreed_of = sum;
  auto marks = at.marks_of(o.shown.all());
  for (auto place : never_needed(marks, o.led.all())) {
    auto& event = o.shown[place];
    if (event.lane != lane::anchor && event.content == 0)
      continue; // its hash happens to be 0, which would be computed again
    o.shown_bytes -= static_cast<std::uint32_t>(event.bytes());
    event.block.reset();
    event.index = lane_event::mark_only;
    o.shown_bytes += static_cast<std::uint32_t>(event.bytes());
  }
}

} // namespace shardyard
