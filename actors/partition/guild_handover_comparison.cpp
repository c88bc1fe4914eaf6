// Step 4: lead and shadow compared in the stretches between common anchors, and what a silence proves.
#include "actors/partition/guild_handover_overlap.hpp"

#include <algorithm>

namespace shardyard {

namespace {

/// Takes `mark` out of `marks`; false when it is not there.
bool take_one(std::vector<lane_mark>& marks, const lane_mark& mark) {
  auto found = std::ranges::find(marks, mark);
  if (found == marks.end())
    return false;
  marks.erase(found);
  return true;
}

} // namespace

// `shown[i]` and `led[j]` are the same event, the first of its key at both sides since the lists began.
void guild_handover::common_anchor(std::size_t shown, std::size_t led, const step& at) {
  auto& o = *overlap_;
  auto key = o.led[led].value;
  if (o.synced) {
    end_stretch(shown, led, at);
    o.forget_doubtful();
  } else {
    // Nobody can tell an event that only the follower had from the follower's own history.
    auto marks = at.marks_of(o.shown.all().first(shown));
    auto pairing = pair_off(marks, o.led.all().first(led));
    at.counters.unverifiable += pairing.only_left.size();
    o.forget_doubtful();
    for (auto place : pairing.only_right)
      o.aside.make().doubtful.push(o.led[place]);
    o.synced = true;
  }
  o.proven = o.proven || fresh(key, at);
  ++at.counters.compared;
  o.pop_shown(shown + 1);
  o.led.pop(led + 1);
}

// Compares the first `shown` and `led` events; what has no partner stays odd for one more stretch. The caller
// takes them off.
void guild_handover::end_stretch(std::size_t shown, std::size_t led, const step& at) {
  auto& o = *overlap_;
  if (shown == 0 && led == 0 && !o.aside->odd)
    return;
  auto marks = at.marks_of(o.shown.all().first(shown));
  auto pairing = pair_off(marks, o.led.all().first(led));
  at.counters.compared += pairing.pairs;
  at.counters.inversions += pairing.inversions;
  auto odd = std::make_unique<odd_events>();
  for (auto place : pairing.only_right)
    odd->led.push_back(o.led[place]);
  if (o.aside->odd) {
    auto crossed = [&](std::uint64_t pairs) {
      at.counters.compared += pairs;
      at.counters.inversions += pairs;
    };
    crossed(std::erase_if(o.aside->odd->shown,
                          [&](const lane_event& x) { return take_one(odd->led, at.mark_of(x)); }));
    crossed(std::erase_if(pairing.only_left,
                          [&](auto place) { return take_one(o.aside->odd->led, marks[place]); }));
    end_odd(at, cut_made_);
  }
  for (auto place : pairing.only_left)
    odd->shown.push_back(o.shown[place]);
  if (!odd->shown.empty() || !odd->led.empty())
    o.aside.make().odd = std::move(odd);
}

// The odd events have had their stretch.
void guild_handover::end_odd(const step& at, bool deliver_late) {
  if (!overlap_->aside->odd)
    return;
  auto odd = std::move(overlap_->aside.there()->odd);
  if (!odd->led.empty() || (deliver_late && !odd->shown.empty()))
    last_difference_ = at.now;
  at.counters.lead_only += odd->led.size();
  if (!deliver_late) {
    at.counters.unverifiable += odd->shown.size();
    return;
  }
  at.counters.late += odd->shown.size();
  for (auto& event : odd->shown)
    deliver(event, other(lead_), true, at);
}

// The comparison is dropped and begins anew at a fresh anchor; the lead never notices.
void guild_handover::overflow(const step& at) {
  end_odd(at, cut_made_);
  auto& o = *overlap_;
  at.counters.unverifiable += std::max(o.shown.size(), o.led.size());
  restart_comparison(at);
}

// The follower is gone: what one had shown beyond the last common anchor might still have come from the
// other; nobody can tell.
void guild_handover::drop_follower(const step& at) {
  auto& o = *overlap_;
  auto marks = at.marks_of(o.shown.all());
  auto pairing = pair_off(marks, o.led.all());
  if (o.aside->odd) {
    std::vector<lane_mark> led{o.led.all().begin(), o.led.all().end()};
    std::erase_if(o.aside->odd->shown, [&](const lane_event& x) { return take_one(led, at.mark_of(x)); });
    o.aside->odd->led.clear();
    end_odd(at, cut_made_);
  }
  at.counters.unverifiable += pairing.only_left.size() + (o.synced ? pairing.only_right.size() : 0);
  o.clear_lists();
  o.synced = o.proven = o.floor_known = false;
}

void guild_handover::clear_skip_list(const step& at) {
  if (overlap_->aside->skip.empty())
    return;
  at.counters.lead_only += overlap_->aside->skip.size();
  last_difference_ = at.now;
  overlap_->aside.there()->skip.clear();
}

// A stalled session looks silent. So each must have answered a heartbeat sent after the last event of either;
// without times of heartbeats, at least one sent after its own last event.
bool guild_handover::answered(side x, bool timed, const step& at) const {
  auto source = at.sources.of(x);
  return source && source->connected && source->flushed_s >= overlap_->last_s_of(x) &&
         (!timed || source->flushed_at > overlap_->still_since);
}

// Where the two have not shown the same last events, more time is given than a heartbeat takes: the fan-out
// at Discord may be slower than the socket, and without times of heartbeats a session may have stalled.
bool guild_handover::silence_is_real(const step& at) {
  auto& o = *overlap_;
  auto has_times = [&](side x) { return at.sources.of(x) && at.sources.of(x)->flushed_at != monotonic{}; };
  auto timed = has_times(side::first) || has_times(side::second);
  auto compared = is(covered_, other(lead_));
  if (!answered(lead_, timed, at) || (compared && !answered(other(lead_), timed, at)))
    return false;
  if (timed && (cut_made_ || !compared))
    return true;
  if (compared && o.shown.empty() && o.led.empty())
    return true;
  // What the lead brought right after the follower's snapshot is in the snapshot: the follower never shows
  // it. What the follower brought right after its snapshot the lead has shown before, when its session is the
  // faster one.
  if (compared && !o.synced && o.shown_before_opened && o.led_in_snapshot)
    return true;
  if (at.now - o.still_since >= at.tuning.unclear_quiet * at.tuning.quiet)
    return true;
  return compared && !o.synced && share_a_tail(at.marks_of(o.shown.all()), o.led.all());
}

quiet_reason guild_handover::why_quiet(const step& at) const {
  auto& o = *overlap_;
  auto empty = o.shown.empty() && o.led.empty();
  if (empty || (!o.synced && o.shown_before_opened && o.led_in_snapshot))
    return o.synced ? quiet_reason::alike : quiet_reason::silent;
  return share_a_tail(at.marks_of(o.shown.all()), o.led.all()) ? quiet_reason::alike : quiet_reason::unclear;
}

// Step 3, and the end of a stretch without anchors.
void guild_handover::end_silence(const step& at) {
  auto& o = *overlap_;
  auto live = [&](side x) { return at.sources.of(x) && at.sources.of(x)->connected; };
  if (!is(covered_, other(lead_))) {
    if (!live(lead_))
      o.still_since = at.now;
    if (at.now - o.still_since >= at.tuning.quiet && silence_is_real(at))
      clear_skip_list(at);
    return;
  }
  if (at.tuning.use_live_sockets && (!live(side::first) || !live(side::second)))
    o.still_since = at.now;
  auto silent = at.now - o.still_since;
  if (silent < at.tuning.quiet || o.aside->hold)
    return;
  auto at_rest = o.synced && o.shown.empty() && o.led.empty();
  if (at_rest && !cut_allowed_ && !o.aside->odd && o.aside->skip.empty())
    return;
  if (silent < at.port.waits(lead_, at.tuning).quiet)
    return;
  if (at.tuning.use_live_sockets && !silence_is_real(at))
    return;
  auto why = cut_allowed_ ? why_quiet(at) : quiet_reason::none;
  clear_skip_list(at);
  if (o.synced) {
    end_stretch(o.shown.size(), o.led.size(), at);
    end_odd(at, cut_made_);
  } else {
    auto marks = at.marks_of(o.shown.all());
    at.counters.unverifiable += pair_off(marks, o.led.all()).only_left.size();
  }
  if (!cut_allowed_ || at.tuning.discard_follower_at_quiet_cut) {
    o.clear_lists();
  }
  if (!at_rest) {
    // Nothing is under way, so the lists begin at the same place; but only a new fresh anchor proves it.
    o.synced = true;
    o.proven = false;
    fix_floor(at);
  }
  if (cut_allowed_)
    cut(cut_kind::quiet, at, why);
}

} // namespace shardyard
