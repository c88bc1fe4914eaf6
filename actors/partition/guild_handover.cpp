#include "actors/partition/guild_handover_overlap.hpp"

#include <algorithm>

namespace shardyard {

guild_handover::guild_handover(side lead) : lead_{lead} {}
guild_handover::~guild_handover() = default;
guild_handover::guild_handover(guild_handover&&) noexcept = default;
guild_handover& guild_handover::operator=(guild_handover&&) noexcept = default;

void guild_handover::set(std::uint8_t& bits, side x, bool on) {
  auto bit = static_cast<std::uint8_t>(1u << static_cast<int>(x));
  bits = static_cast<std::uint8_t>(on ? bits | bit : bits & ~bit);
}

std::uint64_t guild_handover::undecided() const {
  if (!overlap_ || !cut_made_)
    return 0;
  auto& o = *overlap_;
  if (auto& odd = o.aside->odd; odd && !odd->shown.empty())
    return odd->shown.front().s;
  return o.synced && !o.shown.empty() ? o.shown.front().s : 0;
}

bool guild_handover::shadowed() const {
  return cut_made_ && !cut_allowed_ && is(covered_, other(lead_));
}
bool guild_handover::covered(side from) const {
  return is(covered_, from);
}
bool guild_handover::holding() const {
  return overlap_ && overlap_->aside->hold;
}
monotonic guild_handover::hold_deadline() const {
  return holding() ? overlap_->aside->hold->until : monotonic{};
}
monotonic guild_handover::last_difference() const {
  return last_difference_;
}
void guild_handover::allow_cut(bool allowed) {
  cut_allowed_ = allowed;
}

std::size_t guild_handover::held_events() const {
  return holding() ? overlap_->aside->hold->events.size() : 0;
}

std::uint64_t guild_handover::first_held_s() const {
  return holding() && !overlap_->aside->hold->events.empty() ? overlap_->aside->hold->events.front().s : 0;
}

void guild_handover::opened(side from, const source_views& sources, const handover_tuning& tuning,
                            monotonic now, handover_port& port, handover_counters& counters) {
  step at{sources, tuning, now, port, counters};
  if (from == lead_) {
    set(covered_, from, true);
    set(lost_, from, false);
    if (overlap_)
      overlap_->last_s_of(from) = 0;
    return;
  }
  if (overlap_) {
    settle(at);
    if (is(covered_, from) && holding())
      release_hold(at);
    if (is(covered_, from) && from != lead_)
      drop_follower(at);
  }
  if (from != lead_)
    open_follower(at);
}

void guild_handover::event(side from, const lane_event& event, const source_views& sources,
                           const handover_tuning& tuning, monotonic now, handover_port& port,
                           handover_counters& counters) {
  if (is_alone(from)) {
    note_alone(event.lane, event.key);
    return port.deliver(event, from, false);
  }
  step at{sources, tuning, now, port, counters};
  if (overlap_)
    settle(at);
  if (from != lead_ && !is(covered_, from))
    open_follower(at);
  if (from == lead_) {
    set(lost_, from, false);
    if (!overlap_)
      return deliver(event, from, false, at);
    auto& o = *overlap_;
    o.last_s_of(from) = event.s;
    o.still_since = now;
    if (o.aside->hold && (now >= o.aside->hold->until || !is(covered_, other(lead_))))
      release_hold(at);
  } else {
    overlap_->last_s_of(from) = event.s;
    overlap_->still_since = now;
  }
  if (event.lane == lane::anchor && overlap_)
    sample_skew(from, event, at);
  // Ending a hold may have cut.
  if (from != lead_) {
    follower_event(event, at);
  } else if (overlap_->aside->hold && tuning.use_hold) {
    overlap_->aside->hold->events.push_back(event);
    overlap_->aside->hold->arrivals.push_back(now);
    if (overlap_->aside->hold->events.size() > tuning.max_held_events)
      release_hold(at);
  } else {
    lead_event(event, at, true);
  }
  if (event.lane == lane::anchor)
    overlap_->newest_of(from) = std::max(overlap_->newest_of(from), event.key);
  note_held(at);
  drop_idle_overlap();
}

// One anchor at a time: the first side to show it starts the clock, the other one stops it. An anchor that
// the other side passes over is missing there and measures nothing.
void guild_handover::sample_skew(side from, const lane_event& event, const step& at) {
  auto& o = *overlap_;
  auto live = [&](side x) { return at.sources.of(x) && at.sources.of(x)->connected; };
  if (!live(side::first) || !live(side::second))
    o.forget_probe();
  auto& probe = o.aside->probe;
  if (probe.key != 0 && probe.shown_by != from && event.key >= probe.key) {
    if (event.key == probe.key && event.type == probe.type)
      at.port.skewed(from, at.now - probe.at);
    o.forget_probe();
  } else if (probe.key == 0 && live(other(from)) && is(covered_, other(from)) &&
             event.key > std::max(o.newest_anchor[0], o.newest_anchor[1]) && fresh(event.key, at)) {
    o.aside.make().probe = {event.key, at.now, event.type, from};
  }
}

// What was held and has left the shadow queue was matched with what the new lead delivered, or is odd.
void guild_handover::note_held(const step& at) {
  if (overlap_->aside->held.empty())
    return;
  auto& held = overlap_->aside.there()->held;
  auto& shown = overlap_->shown;
  auto all = held.all();
  auto waiting = [&](const held_arrival& x) { return !shown.empty() && x.s >= shown.front().s; };
  auto done = std::ranges::find_if(all, waiting);
  for (auto i = all.begin(); i != done; ++i)
    at.port.held(at.now - i->at);
  held.pop(static_cast<std::size_t>(done - all.begin()));
}

bool guild_handover::lost(side from, const source_views& sources, const handover_tuning& tuning,
                          monotonic now, handover_port& port, handover_counters& counters) {
  step at{sources, tuning, now, port, counters};
  if (overlap_)
    settle(at);
  if (holding())
    release_hold(at);
  set(covered_, from, false);
  set(lost_, from, true);
  auto kept = true;
  if (from != lead_) {
    if (overlap_)
      drop_follower(at);
  } else if (is(covered_, other(lead_)) && overlap_) {
    take_over(cut_kind::swap_back, at);
  } else {
    kept = false;
    if (overlap_)
      clear_skip_list(at); // its next session will not show what the old one had still to show
  }
  drop_idle_overlap();
  return kept;
}

bool guild_handover::accept(const handover_tuning& tuning, monotonic now, handover_port& port,
                            handover_counters& counters) {
  if (!overlap_ || !is(covered_, other(lead_)))
    return false;
  source_views none;
  step at{none, tuning, now, port, counters};
  auto from = lead_;
  if (holding())
    release_hold(at);
  if (lead_ == from)
    take_over(cut_kind::accepted, at);
  return true;
}

void guild_handover::tick(const source_views& sources, const handover_tuning& tuning, monotonic now,
                          handover_port& port, handover_counters& counters) {
  if (!overlap_)
    return;
  step at{sources, tuning, now, port, counters};
  settle(at);
  if (holding() && (now >= overlap_->aside->hold->until || !is(covered_, other(lead_)) || !cut_allowed_))
    release_hold(at);
  end_silence(at);
  note_held(at);
  drop_idle_overlap();
  if (overlap_)
    slim(at);
}

void guild_handover::silent_since(monotonic since, const source_views& sources, const handover_tuning& tuning,
                                  monotonic now, handover_port& port, handover_counters& counters) {
  if (!overlap_ || !overlap_->shown.empty() || !overlap_->led.empty())
    return;
  overlap_->still_since = since;
  tick(sources, tuning, now, port, counters);
}

void guild_handover::retire(side gone, handover_counters& counters) {
  set(covered_, gone, false);
  set(lost_, gone, gone == lead_);
  cut_allowed_ = false;
  auto judged = std::exchange(cut_made_, false);
  if (!overlap_ || gone == lead_)
    return;
  // Held events and what only the shadow had shown before a common anchor are still owed: the next call
  // delivers them.
  auto& o = *overlap_;
  if (o.aside->odd && !judged) {
    counters.unverifiable += o.aside->odd->shown.size();
    o.aside.there()->odd.reset();
  }
  counters.unverifiable += o.shown.size() + (o.synced ? o.led.size() : 0);
  o.clear_lists();
  drop_idle_overlap();
}

void guild_handover::deliver(const lane_event& event, side from, bool late, const step& at) {
  if (event.lane == lane::anchor && event.key > newest_)
    newest_ = event.key;
  at.port.deliver(event, from, late);
}

// What calls without a port left to do.
void guild_handover::settle(const step& at) {
  auto follower = other(lead_);
  if (!is(covered_, follower)) {
    if (overlap_->aside->odd)
      end_odd(at, true);
  } else if (is(lost_, lead_)) {
    if (holding())
      release_hold(at);
    if (is(lost_, lead_))
      take_over(cut_kind::swap_back, at);
  } else if (!overlap_->floor_known) {
    fix_floor(at);
  }
}

void guild_handover::drop_idle_overlap() {
  if (overlap_ && !is(covered_, other(lead_)) && !overlap_->aside->hold && !overlap_->aside->odd &&
      overlap_->aside->skip.empty())
    overlap_.reset();
}

// Step 1: F := [] with a new floor. A guild whose lead is lost has nobody to follow: the session that comes
// back leads.
void guild_handover::open_follower(const step& at) {
  auto follower = other(lead_);
  set(covered_, follower, true);
  set(lost_, follower, false);
  if (is(lost_, lead_)) {
    if (overlap_)
      clear_skip_list(at);
    move_lead(cut_made_ && !cut_allowed_);
    at.port.cut({cut_kind::swap_back, lead_, true, {}}); // what it shows may have come before the loss
    drop_idle_overlap();
    return;
  }
  if (!overlap_)
    overlap_ = std::make_unique<overlap>();
  overlap_->last_s_of(follower) = 0;
  overlap_->still_since = at.now;
  restart_comparison(at);
  overlap_->opened = at.now;
}

void guild_handover::restart_comparison(const step& at) {
  auto& o = *overlap_;
  o.clear_lists();
  o.synced = o.proven = o.floor_known = false;
  o.opened = never;
  o.forget_probe();
  fix_floor(at);
}

void guild_handover::fix_floor(const step& at) {
  auto follower = at.sources.of(other(lead_));
  auto lead = at.sources.of(lead_);
  if (!follower || follower->newest_ms == 0)
    return;
  // The lead's session counts as a whole, too: it may have begun after events that the follower has still to
  // show.
  auto led = std::max(newest_ != 0 ? created_ms(newest_) : 0, lead ? lead->newest_ms : 0);
  overlap_->floor_ms = std::max(follower->newest_ms, led) + at.tuning.freshness_ms;
  overlap_->floor_known = true;
}

bool guild_handover::fresh(snowflake key, const step& at) const {
  return !at.tuning.use_floor || (overlap_->floor_known && created_ms(key) > overlap_->floor_ms);
}

// Step 2, the lead's side: deliver, then either cut at once (the follower is ahead), or hold.
void guild_handover::lead_event(const lane_event& event, const step& at, bool may_hold) {
  auto& o = *overlap_;
  auto follower = other(lead_);
  auto comparing = is(covered_, follower);
  lane_mark mark;
  if (comparing || !o.aside->skip.empty())
    mark = at.mark_of(event);
  if (!o.aside->skip.empty()) {
    std::uint64_t never_shown = 0;
    auto skipped = o.aside.there()->skip.skips(mark, never_shown);
    at.counters.lead_only += never_shown;
    if (never_shown)
      last_difference_ = at.now;
    if (skipped) {
      // Not compared: a follower that came after the change of lead has this event in its snapshot.
      ++at.counters.skipped;
      return;
    }
  }
  deliver(event, lead_, false, at);
  if (!comparing)
    return;
  auto ready = cut_allowed_ && mark.anchor && o.aside->skip.empty();
  if (ready && o.aside->chance == never && fresh(event.key, at))
    o.aside.make().chance = at.now;
  auto first = ready && o.find_led(mark, lead_) == o.led.size();
  if (append_led(mark, at)) {
    if (ready && o.proven)
      cut(cut_kind::anchor, at);
    return;
  }
  auto source = at.sources.of(follower);
  if (!may_hold || !first || o.aside->hold || at.now < o.aside->next_hold ||
      !(o.proven || fresh(event.key, at)) || !source || !source->connected)
    return;
  if (auto wait = at.port.waits(lead_, at.tuning).hold; wait > monotonic{0})
    o.aside.make().hold = std::make_unique<anchor_hold>(anchor_hold{mark, at.now, at.now + wait, {}, {}});
}

// Step 2, the follower's side, and step 4.
void guild_handover::follower_event(const lane_event& event, const step& at) {
  auto awaited = overlap_->aside->hold && event.lane == lane::anchor &&
                 overlap_->aside->hold->anchor == at.mark_of(event);
  if (append_shown(event, at) && awaited)
    cut(cut_kind::anchor, at);
}

bool guild_handover::soon_after_snapshot(const step& at) const {
  return overlap_->opened != never &&
         at.now - overlap_->opened < std::chrono::milliseconds(at.tuning.freshness_ms);
}

// Both return whether the event is a common anchor: the lists then begin behind it.
bool guild_handover::append_led(const lane_mark& mark, const step& at) {
  auto& o = *overlap_;
  if (o.synced && o.led.empty() && !o.shown.empty() && at.mark_of(o.shown.front()) == mark) {
    if (mark.anchor) {
      o.led.push(mark);
      common_anchor(0, 0, at);
      return true;
    }
    o.pop_shown(1);
    ++at.counters.compared;
    return false;
  }
  auto proof =
      mark.anchor && (o.synced || (fresh(mark.value, at) && o.find_led(mark, lead_) == o.led.size()));
  auto shown = proof ? o.find_shown(mark, other(lead_)) : o.shown.size();
  o.led.push(mark);
  if (shown < o.shown.size()) {
    common_anchor(shown, o.led.size() - 1, at);
    return true;
  }
  if (soon_after_snapshot(at)) {
    if (mark.anchor && fresh(mark.value, at))
      o.opened = never; // too new for any snapshot
  }
  o.led_in_snapshot = o.led_in_snapshot && soon_after_snapshot(at);
  if (o.led.size() * sizeof(lane_mark) > at.most_buffered())
    overflow(at);
  return false;
}

bool guild_handover::append_shown(const lane_event& event, const step& at) {
  auto& o = *overlap_;
  if (o.synced && o.shown.empty() && !o.led.empty() && !o.aside->odd) {
    // The shadow's copy of what the lead delivered next: nearly every event of an overlap.
    auto mark = at.mark_of(event);
    if (o.led.front() == mark) {
      o.led.pop(1);
      ++at.counters.compared;
      if (!mark.anchor)
        return false;
      o.forget_doubtful();
      o.proven = o.proven || fresh(mark.value, at);
      return true;
    }
  }
  auto repeated = event.lane == lane::anchor && !o.synced &&
                  o.find_shown(at.mark_of(event), other(lead_)) < o.shown.size();
  o.push_shown(event);
  if (!o.synced && soon_after_snapshot(at)) {
    if (event.lane == lane::anchor && fresh(event.key, at))
      o.opened = never; // too new for the lead to have shown it before
  }
  o.shown_before_opened = o.shown_before_opened && soon_after_snapshot(at);
  if (event.lane != lane::anchor && !o.synced) {
    if (o.shown_bytes > at.most_buffered())
      overflow(at);
    return false;
  }
  auto mark = at.kept_mark_of(o.shown.all().back());
  if (o.synced && o.shown.size() == 1 && !o.led.empty() && o.led.front() == mark && !mark.anchor) {
    o.pop_shown(1);
    o.led.pop(1);
    ++at.counters.compared;
    return false;
  }
  if (mark.anchor && (o.synced || (fresh(mark.value, at) && !repeated))) {
    if (auto led = o.find_led(mark, lead_); led < o.led.size()) {
      common_anchor(o.shown.size() - 1, led, at);
      return true;
    }
  }
  if (o.shown_bytes > at.most_buffered())
    overflow(at);
  return false;
}

} // namespace shardyard
