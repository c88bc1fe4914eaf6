// The hand-over of one guild between two sessions: who leads, when the lead may change, what the shadow had
// to add. Rules of docs/architecture.md ("Hand-over of a guild"); only the guild lane (anchor, plain) passes
// through here. Plain class: time is an argument, effects go to a port. Not thread-safe; a partition owns it.
#pragma once

#include "actors/partition/lane_queue.hpp"
#include "messages/event_block.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

namespace shardyard {

using monotonic = std::chrono::nanoseconds; ///< since an arbitrary start; one clock per process

/// The two sessions that can carry one guild. Sides are symmetric; which topology is which is the partition's
/// business.
enum class side : std::uint8_t { first, second };
constexpr side other(side x) {
  return x == side::first ? side::second : side::first;
}

/// One event of the guild lane. Copies share the block.
struct lane_event {
  /// `index` of an event of which only the mark is kept: whatever happens, it is not delivered from here.
  static constexpr std::uint32_t mark_only = ~std::uint32_t{0};

  shardyard::lane lane = lane::plain; ///< anchor or plain
  event_type_id type = unknown_event;
  std::uint32_t index = 0;
  snowflake key = 0; ///< anchors: the new snowflake. (type, key) names the anchor
  std::uint64_t content =
      0;               ///< plain: canonical content hash; 0 = not computed yet (handover_port::content_hash)
  std::uint64_t s = 0; ///< sequence in its session
  std::shared_ptr<const event_block> block; ///< null in tests that only need `index`, and with `mark_only`

  /// What it takes in a block of its own; one that still shares a block is counted as if it did not.
  std::size_t bytes() const {
    constexpr auto of_own_block = sizeof(event_block) + sizeof(event_entry) + sizeof(std::string);
    return sizeof(lane_event) + (block ? of_own_block + block->entries[index].d_size : 0);
  }
};
static_assert(sizeof(lane_event) <= 48);

/// What is known of the session behind a side, kept by the partition for all its guilds and read at each
/// call.
struct source_view {
  bool connected = false;      ///< socket live, not paused for credit, session READY or RESUMED
  std::uint64_t flushed_s = 0; ///< a heartbeat sent after this sequence was received has been acknowledged
  std::int64_t newest_ms = 0;  ///< newest snowflake time seen anywhere on the session, Unix ms; 0 = none
  /// Not later than the sending of the newest acknowledged heartbeat, for example the arrival of the flushed
  /// mark before the newest one; 1 ns = none yet on this session. Silences are proven by it. 0 = not filled
  /// in: then silences after which the two sessions have not shown the same last events wait `unclear_quiet`
  /// times longer.
  monotonic flushed_at{};
};
struct source_views {
  const source_view* first = nullptr; ///< null: no such session
  const source_view* second = nullptr;
  const source_view* of(side x) const { return x == side::first ? first : second; }
};

/// How a lead changed. `swap_back`: the leading session died or lost the guild and the shadow took over.
enum class cut_kind : std::uint8_t { anchor, quiet, accepted, swap_back };

/// Why silence had to cut, there being no fresh anchor. `silent`: neither session brought an event since the
/// new one knows the guild. `alike`: what they brought ends in the same events. `unclear`: it does not, and
/// the silence was waited for accordingly.
enum class quiet_reason : std::uint8_t { none, silent, alike, unclear };

struct handover_tuning {
  monotonic hold = std::chrono::milliseconds(500);      ///< T_hold at most, and while the skew is not known
  monotonic least_hold = std::chrono::milliseconds(50); ///< T_hold at least
  monotonic quiet = std::chrono::seconds(5);            ///< T_q at least
  std::int64_t freshness_ms = 2000;  ///< an anchor must be newer than the snapshot by this much
  std::size_t max_held_events = 256; ///< |H| beyond which a hold is released at once
  int unclear_quiet =
      12; ///< silences after which the two sessions do not agree are cut only after this many times `quiet`
  /// A hold that failed blocks the next for this many times its length, doubled with each further failure in
  /// a row up to `longest_hold_spacing`, so that in the long run holding costs less than 1 % of the time.
  int hold_spacing = 10;
  int longest_hold_spacing = 100;
  std::size_t max_buffer_bytes =
      8u << 20; ///< per guild and list (F, Q, D); overflow drops the list, never the lead
  // Switches of the mutation check; true in production. Each one off must make the property tests fail.
  bool use_hold = true;
  bool use_floor = true;
  bool use_live_sockets = true;
  bool discard_follower_at_quiet_cut = true;
};

/// How long to wait for a pair of sessions, from their skew (actors/partition/session_skew.hpp).
struct handover_waits {
  monotonic hold{};  ///< T_hold; 0: the follower lags, a hold would be for nothing
  monotonic quiet{}; ///< T_q
};

/// Sums over all guilds of a partition.
struct handover_counters {
  std::uint64_t compared = 0;       ///< events compared between lead and shadow, both sides agreeing
  std::uint64_t late = 0;           ///< shadow-only events delivered late
  std::uint64_t lead_only = 0;      ///< delivered by the lead, never shown by the shadow
  std::uint64_t unverifiable = 0;   ///< differences nobody can judge, dropped comparisons included
  std::uint64_t inversions = 0;     ///< pairs that the two sessions showed in a different order
  std::uint64_t holds_released = 0; ///< holds that ended without the follower showing the anchor
  std::uint64_t skipped = 0; ///< after a swap back: events of the new lead that the old one had delivered
};

/// A change of lead, told before the first event of the new lead is delivered. `rest` is what the new session
/// had shown beyond the cut and is delivered right after; whoever logs the cut must log it too, since these
/// events were acknowledged already.
struct cut_record {
  cut_kind kind = cut_kind::anchor;
  side to = side::first;
  bool weak =
      false; ///< swap back or accepted without proof of the position: a double or a hole cannot be ruled out
  std::span<const lane_event> rest;
  monotonic
      chance{}; ///< anchor, quiet: when the traffic first allowed this cut; what came after is our own delay
  quiet_reason why = quiet_reason::none; ///< quiet: anything but none
};

/// Effects of a hand-over, called synchronously and in order.
class handover_port {
public:
  virtual ~handover_port() = default;
  virtual void deliver(const lane_event& event, side from, bool late) = 0;
  virtual void cut(const cut_record& record) = 0;
  virtual std::uint64_t content_hash(const lane_event& event) = 0;
  /// An event of the lead that was held has come to the consumer, from the lead itself or as the copy of the
  /// session that took over, `delay` after it arrived. Called once for each, after its delivery.
  virtual void held(monotonic delay) { static_cast<void>(delay); }
  /// `later` showed an anchor this long after the other side, both sockets being live.
  virtual void skewed(side later, monotonic by) {
    static_cast<void>(later);
    static_cast<void>(by);
  }
  /// What the skew of the present lead and its follower asks for.
  virtual handover_waits waits(side lead, const handover_tuning& tuning) {
    static_cast<void>(lead);
    return {tuning.hold, tuning.quiet};
  }
};

class guild_handover {
public:
  explicit guild_handover(side lead = side::first);
  ~guild_handover();
  guild_handover(guild_handover&&) noexcept;
  guild_handover& operator=(guild_handover&&) noexcept;

  side lead() const { return lead_; }

  /// True while lead and shadow are compared after a cut; false while the lead awaits one, or there is only
  /// one session.
  bool shadowed() const;

  /// `from`'s coverage of the guild begins: its GUILD_CREATE (or READY without the GUILDS intent), or after
  /// an overflow or a restart of the partition its next event. On a follower: opens F with a new floor. On
  /// the lead: an outage is over.
  void opened(side from, const source_views& sources, const handover_tuning& tuning, monotonic now,
              handover_port& port, handover_counters& counters);

  /// The lead, and nobody else has shown anything: events are delivered as they come, by the caller, who need
  /// not ask event() but notes them.
  bool is_alone(side from) const { return !overlap_ && from == lead_; }
  void note_alone(shardyard::lane in, snowflake key) {
    lost_ &= static_cast<std::uint8_t>(~(1u << static_cast<int>(lead_)));
    if (in == lane::anchor && key > newest_)
      newest_ = key;
  }

  /// One event of the guild lane, already past the replay filter. From a follower that was never opened it is
  /// buffered, too.
  void event(side from, const lane_event& event, const source_views& sources, const handover_tuning& tuning,
             monotonic now, handover_port& port, handover_counters& counters);

  /// `from`'s session is gone for good, or the guild has an outage there. A lead whose follower covers the
  /// guild swaps; a lead without follower keeps the lead (the caller reports the gap when coverage returns)
  /// and false is returned.
  bool lost(side from, const source_views& sources, const handover_tuning& tuning, monotonic now,
            handover_port& port, handover_counters& counters);

  /// Whether the lead may be cut from its present side to the other (`transfer`), or not yet / no longer. A
  /// cut sets it back to false; a swap back that undoes a cut sets it to true again, since the plan still
  /// wants the guild there. True while shadowed() asks for the way back (abort): the comparison goes on and
  /// proves that cut, too.
  void allow_cut(bool allowed);

  /// Operator's accepted exception: cut now. Ordered compare with what the lead delivered since F was opened;
  /// nothing that F alone has is dropped silently. False when the follower does not cover the guild.
  bool accept(const handover_tuning& tuning, monotonic now, handover_port& port, handover_counters& counters);

  /// Neither session has shown anything of this scope between `since` and now: both covered it from before
  /// that on. Makes the quiet cut that ticks would have made, had the scope been known.
  void silent_since(monotonic since, const source_views& sources, const handover_tuning& tuning,
                    monotonic now, handover_port& port, handover_counters& counters);

  /// Ends holds, makes quiet cuts, ends quiet stretches, and gives back memory that what waits from one tick
  /// to the next does not need. Cheap when nothing is due.
  void tick(const source_views& sources, const handover_tuning& tuning, monotonic now, handover_port& port,
            handover_counters& counters);

  /// The side `gone` is retired by its plan: forgets all comparison state; the guild has one session again.
  void retire(side gone, handover_counters& counters);

  bool holding() const;            ///< events of the lead are being held
  std::size_t held_events() const; ///< how many of them have not reached the consumer
  monotonic hold_deadline() const; ///< when `tick` must end the hold at the latest; 0 = not holding
  std::uint64_t
  first_held_s() const; ///< sequence of the oldest held event; only while holding() and one is held, else 0
  bool covered(side from) const; ///< `opened` and not lost since
  monotonic
  last_difference() const;   ///< time of the last unexplained difference (late or lead-only event), 0 = none
  std::size_t bytes() const; ///< memory of F, H, Q, D and the skip list
  /// Sequence of the oldest event that only the shadow has shown and that is delivered late unless the lead
  /// shows it, too, before the stretch ends; 0: none.
  std::uint64_t undecided() const;

private:
  struct overlap; // exists only while a second session covers the guild, or what it left is not worked off
  struct step;    // the arguments of one call

  bool is(std::uint8_t bits, side x) const { return (bits >> static_cast<int>(x)) & 1; }
  void set(std::uint8_t& bits, side x, bool on);
  void deliver(const lane_event& event, side from, bool late, const step& at);
  void lead_event(const lane_event& event, const step& at, bool may_hold);
  void follower_event(const lane_event& event, const step& at);
  void open_follower(const step& at);
  void restart_comparison(const step& at);
  void fix_floor(const step& at);
  bool fresh(snowflake key, const step& at) const;
  bool soon_after_snapshot(const step& at) const;
  bool append_led(const lane_mark& mark, const step& at);
  bool append_shown(const lane_event& event, const step& at);
  void common_anchor(std::size_t shown, std::size_t led, const step& at);
  void end_stretch(std::size_t shown, std::size_t led, const step& at);
  void end_odd(const step& at, bool deliver_late);
  void overflow(const step& at);
  void drop_follower(const step& at);
  void release_hold(const step& at);
  void note_held(const step& at);
  void sample_skew(side from, const lane_event& event, const step& at);
  void move_lead(bool undoes_cut);
  void cut(cut_kind kind, const step& at, quiet_reason why = quiet_reason::none);
  quiet_reason why_quiet(const step& at) const;
  void settle_odd(std::vector<lane_event>& shown, std::vector<lane_mark>& led, const step& at);
  void take_over(cut_kind kind, const step& at);
  void end_silence(const step& at);
  bool answered(side x, bool timed, const step& at) const;
  bool silence_is_real(const step& at);
  void clear_skip_list(const step& at);
  void settle(const step& at);
  void drop_idle_overlap();
  void slim(const step& at);
  void release_agreed(const step& at);

  side lead_;
  bool cut_allowed_ = false;
  bool cut_made_ = false; // the lead stands where a cut put it: what only the shadow shows is delivered late
  std::uint8_t covered_ = 0; // bit per side
  std::uint8_t lost_ = 0;
  snowflake newest_ = 0; // newest anchor delivered
  monotonic last_difference_{};
  std::unique_ptr<overlap> overlap_;
};

static_assert(sizeof(guild_handover) <= 32);

} // namespace shardyard
