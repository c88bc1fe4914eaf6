// The part of a guild's hand-over that exists only while two sessions cover the guild. Included by
// guild_handover*.cpp alone.
//
// Names of the rules: `shown` is F before a cut and Q after it (what the follower showed, with payload),
// `led` is what the lead delivered meanwhile and D after a cut (marks only), `hold->events` is H. While
// `synced`, both lists begin behind the same event; equal fronts are taken off at once, so that they stay as
// short as the sessions are apart.
#pragma once

#include "actors/partition/guild_handover.hpp"
#include "actors/partition/lane_comparison.hpp"

#include <algorithm>

namespace shardyard {

/// The arguments of one call.
struct guild_handover::step {
  const source_views& sources;
  const handover_tuning& tuning;
  monotonic now;
  handover_port& port;
  handover_counters& counters;

  lane_mark mark_of(const lane_event& event) const {
    if (event.lane == lane::anchor)
      return {event.key, event.type, true};
    return {event.content ? event.content : port.content_hash(event), event.type, false};
  }

  /// The mark of a queued event; a computed hash stays with it.
  lane_mark kept_mark_of(lane_event& event) const {
    if (event.lane != lane::anchor && event.content == 0)
      event.content = port.content_hash(event);
    return mark_of(event);
  }

  std::vector<lane_mark> marks_of(std::span<lane_event> events) const {
    std::vector<lane_mark> marks;
    marks.reserve(events.size());
    for (auto& event : events)
      marks.push_back(kept_mark_of(event));
    return marks;
  }
};

/// An anchor was delivered by the lead and the follower has not shown it yet: what the lead brings waits
/// here.
struct anchor_hold {
  lane_mark anchor;
  monotonic since{};
  monotonic until{};
  std::vector<lane_event> events;
  std::vector<monotonic> arrivals; ///< of `events`
};

/// A held event whose hold ended with a cut: the follower's copy is what the consumer gets.
struct held_arrival {
  std::uint64_t s = 0;
  monotonic at{};
};

/// What a stretch left unmatched; it gets one more stretch to turn up on the other side.
struct odd_events {
  std::vector<lane_event> shown;
  std::vector<lane_mark> led;
};

/// An anchor that one side has shown and the other owes: what the skew is measured by.
struct skew_probe {
  snowflake key = 0;
  event_type_id type = unknown_event;
  side shown_by = side::first;
  monotonic at{};
};

struct guild_handover::overlap {
  lane_queue<lane_event> shown;
  lane_queue<lane_mark> led;
  std::size_t shown_bytes = 0;
  snowflake newest_shown = 0; // greatest anchor in `shown`, or greater
  snowflake newest_led = 0;   // ... in `led`
  std::unique_ptr<anchor_hold> hold;
  std::unique_ptr<odd_events> odd;
  // What the lead showed before the first common anchor and the follower did not. Shown behind it, it is a
  // twin or an inverted copy: nobody can tell. Kept until the next common anchor.
  std::vector<lane_mark> doubtful;
  std::vector<held_arrival> held; // after a cut: those of `shown` that were held, in order
  skip_list skip;
  std::uint64_t last_s[2] = {0, 0};
  monotonic still_since{}; // last event of either side, or last time one of them was not connected
  monotonic next_hold{};   // no hold before
  int failed_holds = 0;    // in a row
  std::optional<skew_probe> probe;
  snowflake newest_anchor[2] = {0, 0}; // anchors of each side, since the follower was opened
  std::int64_t floor_ms = 0;
  bool floor_known = false;
  std::optional<monotonic> opened; // the follower's snapshot, while nothing has been compared since
  // While not synced, how many came so soon after the follower's snapshot that the other side need not show
  // them: of led, the snapshot may contain them; of shown, the lead may have shown them before.
  std::size_t in_snapshot = 0;
  std::size_t before_opened = 0;
  std::optional<monotonic> chance; // the lead's first fresh anchor since a cut is allowed
  bool synced = false;             // both lists begin behind the same event
  bool proven = false;             // ... and a fresh anchor said so, not a silence

  std::uint64_t& last_s_of(side x) { return last_s[static_cast<int>(x)]; }
  std::uint64_t last_s_of(side x) const { return last_s[static_cast<int>(x)]; }

  snowflake& newest_of(side x) { return newest_anchor[static_cast<int>(x)]; }

  void push_shown(const lane_event& event) {
    if (event.lane == lane::anchor)
      newest_shown = std::max(newest_shown, event.key);
    shown_bytes += event.bytes();
    shown.push(event);
  }
  void pop_shown(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      shown_bytes -= shown[i].bytes();
    shown.pop(count);
  }
  void push_led(const lane_mark& mark) {
    if (mark.anchor)
      newest_led = std::max(newest_led, mark.value);
    led.push(mark);
  }
  // Place of an anchor's first showing; the list's size when it is not there. Snowflakes grow, so what is new
  // is known to be new without a search, however far the sessions are apart.
  std::size_t find_shown(const lane_mark& anchor) const {
    auto all = shown.all();
    auto same = [&](const lane_event& x) {
      return x.lane == lane::anchor && x.key == anchor.value && x.type == anchor.type;
    };
    auto found = anchor.value > newest_shown ? all.end() : std::ranges::find_if(all, same);
    return static_cast<std::size_t>(found - all.begin());
  }
  std::size_t find_led(const lane_mark& anchor) const {
    auto all = led.all();
    auto found = anchor.value > newest_led ? all.end() : std::ranges::find(all, anchor);
    return static_cast<std::size_t>(found - all.begin());
  }
  void clear_lists() {
    newest_shown = newest_led = 0;
    shown.clear();
    led.clear();
    held.clear();
    doubtful.clear();
    in_snapshot = before_opened = 0;
    shown_bytes = 0;
  }
};

} // namespace shardyard
