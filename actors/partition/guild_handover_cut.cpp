// Every way in which the lead of a guild changes: cuts (steps 2 and 3), swap back and accepted exceptions
// (step 5).
#include "actors/partition/guild_handover_overlap.hpp"

#include <algorithm>

namespace shardyard {

namespace {

/// Takes `mark` out of the part of `marks` before its first anchor; false when it is not there.
bool take_before_anchor(std::vector<lane_mark>& marks, const lane_mark& mark) {
  for (auto i = marks.begin(); i != marks.end() && !i->anchor; ++i) {
    if (*i == mark) {
      marks.erase(i);
      return true;
    }
  }
  return false;
}

} // namespace

// A swap that undoes a cut leaves the wish of the plan in force.
void guild_handover::move_lead(bool undoes_cut) {
  lead_ = other(lead_);
  cut_made_ = !cut_made_;
  cut_allowed_ = undoes_cut;
}

// The hold ends without the follower's anchor: what was held is delivered in order. An anchor among it that
// the follower has shown already may still cut, then the rest of what was held belongs to the shadow.
void guild_handover::release_hold(const step& at) {
  auto holder = lead_;
  auto hold = std::move(overlap_->hold);
  ++at.counters.holds_released;
  auto& o = *overlap_;
  auto spacing = at.tuning.hold_spacing << std::min(o.failed_holds++, 8);
  o.next_hold = at.now + std::min(spacing, at.tuning.longest_hold_spacing) * (at.now - hold->since);
  for (std::size_t i = 0; i < hold->events.size(); ++i) {
    auto& event = hold->events[i];
    if (lead_ == holder) {
      lead_event(event, at, false);
      at.port.held(at.now - hold->arrivals[i]);
    } else {
      o.held.push_back({event.s, hold->arrivals[i]});
      follower_event(event, at);
    }
  }
  note_held(at);
}

// Both lists begin behind the same event, or nothing is under way: the follower goes on where the lead
// stands.
void guild_handover::cut(cut_kind kind, const step& at) {
  auto& o = *overlap_;
  end_odd(at, cut_made_);
  auto rest = o.shown.take();
  auto marks = at.marks_of(rest);
  auto hold = std::move(o.hold);
  auto chance = kind == cut_kind::quiet ? o.still_since + at.port.waits(lead_, at.tuning).quiet : at.now;
  chance = std::min(chance, o.chance.value_or(chance));
  o.clear_lists();
  o.chance.reset();
  o.next_hold = {};
  o.failed_holds = 0;
  move_lead(false);
  at.port.cut({kind, lead_, false, rest, chance});
  for (std::size_t i = 0; i < rest.size(); ++i) {
    deliver(rest[i], lead_, false, at);
    o.push_led(marks[i]);
  }
  if (hold) {
    for (std::size_t i = 0; i < hold->events.size(); ++i) {
      o.held.push_back({hold->events[i].s, hold->arrivals[i]});
      follower_event(hold->events[i], at);
    }
    note_held(at);
  }
}

// Odd events that turn up beyond the last common anchor of the other side were inverted; the rest of the
// follower's is late.
void guild_handover::settle_odd(std::vector<lane_event>& shown, std::vector<lane_mark>& led, const step& at) {
  auto odd = overlap_->odd.get();
  if (!odd)
    return;
  auto crossed =
      std::erase_if(odd->shown, [&](const lane_event& x) { return take_before_anchor(led, at.mark_of(x)); });
  auto marks = at.marks_of(shown);
  std::erase_if(odd->led, [&](const lane_mark& x) {
    auto before = marks.size();
    for (std::size_t i = 0; i < marks.size() && !marks[i].anchor; ++i) {
      if (marks[i] == x) {
        marks.erase(marks.begin() + static_cast<std::ptrdiff_t>(i));
        shown.erase(shown.begin() + static_cast<std::ptrdiff_t>(i));
        break;
      }
    }
    crossed += before - marks.size();
    return before != marks.size();
  });
  at.counters.compared += crossed;
  at.counters.inversions += crossed;
  end_odd(at, true);
}

// The lead is lost, or the operator accepts not to have a proof: everything the follower alone has shown is
// delivered, and what only the old lead had delivered is skipped when the new one shows it.
void guild_handover::take_over(cut_kind kind, const step& at) {
  auto& o = *overlap_;
  auto shown = o.shown.take();
  auto led = o.led.take();
  settle_odd(shown, led, at);
  auto marks = at.marks_of(shown);
  auto succession = succeed(marks, led, o.synced, newest_);
  at.counters.unverifiable += succession.unverifiable;
  at.counters.lead_only += succession.lead_only;
  if (succession.lead_only)
    last_difference_ = at.now;
  clear_skip_list(at);
  auto held = std::exchange(o.held, {});
  auto doubtful = std::exchange(o.doubtful, {});
  o.clear_lists();
  o.proven = o.floor_known = false;
  o.synced =
      kind ==
      cut_kind::accepted; // the old lead lives on: what it has shown is delivered, the rest below it has not
  o.next_hold = {};
  move_lead(kind == cut_kind::swap_back && cut_made_ && !cut_allowed_);
  std::vector<lane_event> rest;
  for (auto place : succession.to_deliver) {
    // Perhaps the copy of an event that the old lead delivered on the other side of the first common anchor.
    if (auto twin = std::ranges::find(doubtful, marks[place]); twin != doubtful.end()) {
      doubtful.erase(twin);
      ++at.counters.unverifiable;
    }
    rest.push_back(std::move(shown[place]));
  }
  at.port.cut({kind, lead_, succession.weak, rest});
  for (std::size_t i = 0; i < rest.size(); ++i) {
    deliver(rest[i], lead_, false, at);
    if (o.synced)
      o.push_led(marks[succession.to_deliver[i]]);
  }
  for (auto& x : held)
    at.port.held(at.now - x.at);
  o.skip = skip_list{std::move(succession.to_skip)};
}

} // namespace shardyard
