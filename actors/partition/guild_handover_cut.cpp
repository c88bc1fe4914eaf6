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
  auto& o = *overlap_;
  auto& aside = o.aside.make();
  auto hold = std::move(aside.hold);
  ++at.counters.holds_released;
  auto spacing = at.tuning.hold_spacing << aside.failed_holds;
  aside.failed_holds = static_cast<std::uint8_t>(std::min(aside.failed_holds + 1, 8));
  aside.next_hold = at.now + std::min(spacing, at.tuning.longest_hold_spacing) * (at.now - hold->since);
  for (std::size_t i = 0; i < hold->events.size(); ++i) {
    auto& event = hold->events[i];
    if (lead_ == holder) {
      lead_event(event, at, false);
      at.port.held(at.now - hold->arrivals[i]);
    } else {
      aside.held.push({event.s, hold->arrivals[i]});
      follower_event(event, at);
    }
  }
  note_held(at);
}

// Both lists begin behind the same event, or nothing is under way: the follower goes on where the lead
// stands.
void guild_handover::cut(cut_kind kind, const step& at, quiet_reason why) {
  auto& o = *overlap_;
  end_odd(at, cut_made_);
  auto rest = o.shown.take();
  auto marks = at.marks_of(rest);
  auto& aside = o.aside.make();
  auto hold = std::move(aside.hold);
  auto chance = kind == cut_kind::quiet ? o.still_since + at.port.waits(lead_, at.tuning).quiet : at.now;
  if (aside.chance != never)
    chance = std::min(chance, aside.chance);
  o.clear_lists();
  aside.chance = never;
  aside.next_hold = {};
  aside.failed_holds = 0;
  move_lead(false);
  at.port.cut({kind, lead_, false, rest, chance, why});
  for (std::size_t i = 0; i < rest.size(); ++i) {
    deliver(rest[i], lead_, false, at);
    o.led.push(marks[i]);
  }
  if (hold) {
    for (std::size_t i = 0; i < hold->events.size(); ++i) {
      aside.held.push({hold->events[i].s, hold->arrivals[i]});
      follower_event(hold->events[i], at);
    }
    note_held(at);
  }
}

// Odd events that turn up beyond the last common anchor of the other side were inverted; the rest of the
// follower's is late.
void guild_handover::settle_odd(std::vector<lane_event>& shown, std::vector<lane_mark>& led, const step& at) {
  auto odd = overlap_->aside->odd.get();
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
  auto& aside = o.aside.make();
  auto held = aside.held.take();
  auto doubtful = std::exchange(aside.doubtful, {});
  o.clear_lists();
  o.proven = o.floor_known = false;
  o.synced =
      kind ==
      cut_kind::accepted; // the old lead lives on: what it has shown is delivered, the rest below it has not
  aside.next_hold = {};
  move_lead(kind == cut_kind::swap_back && cut_made_ && !cut_allowed_);
  std::vector<lane_event> rest;
  for (auto place : succession.to_deliver) {
    // Perhaps the copy of an event that the old lead delivered on the other side of the first common anchor.
    auto twins = doubtful.all();
    if (auto twin = std::ranges::find(twins, marks[place]); twin != twins.end()) {
      doubtful.erase(static_cast<std::size_t>(twin - twins.begin()));
      ++at.counters.unverifiable;
    }
    rest.push_back(std::move(shown[place]));
  }
  at.port.cut({kind, lead_, succession.weak, rest});
  for (std::size_t i = 0; i < rest.size(); ++i) {
    deliver(rest[i], lead_, false, at);
    if (o.synced)
      o.led.push(marks[succession.to_deliver[i]]);
  }
  for (auto& x : held)
    at.port.held(at.now - x.at);
  aside.skip = skip_list{std::move(succession.to_skip)};
}

} // namespace shardyard
