// The part of a guild's hand-over that exists only while two sessions cover the guild. Included by
// guild_handover*.cpp alone.
//
// Names of the rules: `shown` is F before a cut and Q after it (what the follower showed, with payload),
// `led` is what the lead delivered meanwhile and D after a cut (marks only), `hold->events` is H. While
// `synced`, both lists begin behind the same event; equal fronts are taken off at once, so that they stay as
// short as the sessions are apart.
//
// Every guild of the bot has one of these during a plan, and nearly all of them have nothing waiting: so it
// is small, and what holds events is allocated when there are some.
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

  /// Bytes per list; they are counted in 32 bits.
  std::size_t most_buffered() const { return std::min<std::size_t>(tuning.max_buffer_bytes, 1u << 30); }

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
  snowflake key = 0; // 0: none
  monotonic at{};
  event_type_id type = unknown_event;
  side shown_by = side::first;
};

/// A part that most guilds do not need at any moment: reading one that is not there finds it empty.
template <class T>
class on_demand {
public:
  const T* operator->() const { return x_ ? x_.get() : &none; }
  T& make() {
    if (!x_)
      x_ = std::make_unique<T>();
    return *x_;
  }
  T* there() { return x_.get(); }
  void reset() { x_.reset(); }

private:
  static inline const T none{};
  std::unique_ptr<T> x_;
};

constexpr monotonic never = monotonic::min();

/// What only some guilds have, and most of them for moments.
struct set_aside {
  std::unique_ptr<anchor_hold> hold;
  std::unique_ptr<odd_events> odd;
  // What the lead showed before the first common anchor and the follower did not. Shown behind it, it is a
  // twin or an inverted copy: nobody can tell. Kept until the next common anchor.
  lane_queue<lane_mark> doubtful;
  lane_queue<held_arrival> held; // after a cut: those of `shown` that were held, in order
  skip_list skip;
  skew_probe probe;
  monotonic next_hold{};         // no hold before
  monotonic chance = never;      // the lead's first fresh anchor since a cut is allowed
  std::uint8_t failed_holds = 0; // in a row

  void trim() {
    doubtful.trim();
    held.trim();
    skip.trim();
  }
  /// Nothing here that anybody will ask for after `now`.
  bool spent(monotonic now) const {
    return !hold && !odd && doubtful.empty() && held.empty() && skip.empty() && probe.key == 0 &&
           next_hold <= now && chance == never && failed_holds == 0;
  }
};

struct guild_handover::overlap {
  lane_queue<lane_event> shown;
  lane_queue<lane_mark> led;
  on_demand<set_aside> aside;
  std::uint64_t last_s[2] = {0, 0};
  monotonic still_since{}; // last event of either side, or last time one of them was not connected
  snowflake newest_anchor[2] = {0, 0}; // of each side, or newer; since the follower was opened
  std::int64_t floor_ms = 0;
  monotonic opened = never; // the follower's snapshot, while nothing has been compared since
  std::uint32_t shown_bytes = 0;
  // Of `shown`: the first `own` share no block, the first `looked` were there at the last tick.
  std::uint32_t own = 0;
  std::uint32_t looked = 0;
  std::uint32_t agreed_of = 0; // sizes of both lists when they were last searched for what they agree about
  // While not synced: all that came, came so soon after the follower's snapshot that the other side need not
  // show it. Of led, the snapshot may contain it; of shown, the lead may have shown it before.
  bool led_in_snapshot = true;
  bool shown_before_opened = true;
  bool floor_known = false;
  bool synced = false; // both lists begin behind the same event
  bool proven = false; // ... and a fresh anchor said so, not a silence

  std::uint64_t& last_s_of(side x) { return last_s[static_cast<int>(x)]; }
  std::uint64_t last_s_of(side x) const { return last_s[static_cast<int>(x)]; }

  snowflake& newest_of(side x) { return newest_anchor[static_cast<int>(x)]; }
  snowflake newest_of(side x) const { return newest_anchor[static_cast<int>(x)]; }

  void push_shown(const lane_event& event) {
    shown_bytes += static_cast<std::uint32_t>(event.bytes());
    shown.push(event);
  }
  void pop_shown(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      shown_bytes -= static_cast<std::uint32_t>(shown[i].bytes());
    shown.pop(count);
    auto gone = static_cast<std::uint32_t>(count);
    own -= std::min(own, gone);
    looked -= std::min(looked, gone);
  }
  void forget_doubtful() {
    if (auto x = aside.there())
      x->doubtful.clear();
  }
  void forget_probe() {
    if (auto x = aside.there())
      x->probe = {};
  }
  // Place of an anchor's first showing by the follower `x`; the list's size when it is not there. Snowflakes
  // grow, so what is new is known to be new without a search, however far the sessions are apart.
  std::size_t find_shown(const lane_mark& anchor, side x) const {
    auto all = shown.all();
    auto same = [&](const lane_event& x) {
      return x.lane == lane::anchor && x.key == anchor.value && x.type == anchor.type;
    };
    auto found = anchor.value > newest_of(x) ? all.end() : std::ranges::find_if(all, same);
    return static_cast<std::size_t>(found - all.begin());
  }
  std::size_t find_led(const lane_mark& anchor, side x) const {
    auto all = led.all();
    auto found = anchor.value > newest_of(x) ? all.end() : std::ranges::find(all, anchor);
    return static_cast<std::size_t>(found - all.begin());
  }
  void clear_lists() {
    shown.clear();
    led.clear();
    if (auto x = aside.there()) {
      x->held.clear();
      x->doubtful.clear();
    }
    shown_bytes = own = looked = agreed_of = 0;
    led_in_snapshot = shown_before_opened = true;
  }
};

} // namespace shardyard
