// One fixed slice of guilds: decides for every event of its guilds whether and when it is delivered, and
// under which number. The only writer of its guilds; shares nothing with other partitions but the table of
// sessions. Plain class, time is an argument.
#pragma once

#include "actors/partition/command_desk.hpp"
#include "actors/partition/content_memo.hpp"
#include "actors/partition/delivery_outbox.hpp"
#include "actors/partition/group_report.hpp"
#include "actors/partition/guild_cache.hpp"
#include "actors/partition/presence_level.hpp"
#include "actors/partition/repeat_window.hpp"
#include "actors/partition/source_table.hpp"
#include "actors/partition/stream_ledger.hpp"
#include "actors/partition/voice_watch.hpp"
#include "messages/bots.hpp"

#include <deque>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>

namespace shardyard {

struct partition_settings {
  std::string node;
  std::uint32_t group = 0;
  std::uint64_t first_epoch = 1;         ///< of guilds that nobody delivered before: the group's own epoch
  std::vector<std::uint32_t> partitions; ///< those of the group
  std::uint32_t partition_count = 64;
  handover_tuning tuning;
  monotonic keyed_window = std::chrono::minutes(15); ///< an interaction is delivered once within it, at least
  std::size_t max_keyed_ids = 1u << 16;              ///< per partition and half window
  std::size_t max_presence_users = 2048;             ///< per guild in overlap
  monotonic exceptions_after = std::chrono::minutes(10);
  std::optional<cache_policy> cache; ///< none: guilds are not remembered
  std::size_t most_described =
      256 << 10; ///< bytes of an answer about guilds, then the rest is asked for again
  voice_tuning voice;
  bool guilds_intent = true; ///< false: no GUILD_CREATE follows a READY, so READY itself opens the coverage
};

/// Hand-over and delivery state of a guild, of a channel outside guilds, or of the rest without guild.
struct scope_state {
  guild_handover handover;
  scope at;
  std::uint64_t n = 0;
  std::uint64_t epoch = 1;
  struct per_side {
    std::uint32_t session = 0;
    std::uint64_t lane_s = 0;      ///< newest received in the guild lane: the replay filter
    std::uint64_t other_s = 0;     ///< newest received in the other lanes
    std::uint64_t delivered_s = 0; ///< newest delivered in the guild lane
  };
  std::array<per_side, 2> sides;
  change_slot change;
  std::unique_ptr<presence_level> presences; ///< null: nothing to level
  std::optional<guild_cache> cache;          ///< as of delivery n; none: no snapshot yet, or no policy
  side last = side::first;                   ///< side of the newest delivery
  bool known = false;                        ///< the bot is in this guild (channels: always)
  bool left = false;                         ///< the bot has left the guild; kept for its numbers
  bool recovered = false;                    ///< from an earlier run, the lead has not resynced yet
  std::uint32_t blind = 0; ///< session that led when an earlier run ended with a shadow queue nobody has now
  std::array<bool, 2> outage{};  ///< the guild is not available at that side's session
  bool held = false;             ///< holds back an acknowledgement
  bool watched = false;          ///< listed for ticks because of a hold
  std::uint8_t lead_changes = 0; ///< changes of lead recorded in the present call

  per_side& of(side x) { return sides[static_cast<std::size_t>(x)]; }
  const per_side& of(side x) const { return sides[static_cast<std::size_t>(x)]; }
};

class partition {
public:
  partition(std::uint32_t id, const partition_settings& settings, source_table& sources, delivery_outbox& out,
            stream_ledger& streams, command_desk& desk);
  partition(partition&&) noexcept = default;

  /// State of an earlier run. Rests of accepted cuts are delivered at once.
  void restore(const position& x);
  void restore(const logged_cut& x, monotonic now);
  void restore(const logged_key& x, monotonic now);

  void restore(const logged_outage& x);
  void restore(const std::vector<logged_cache>& steps);
  /// After all restores: what has lost its session meanwhile is a gap.
  void restored(monotonic now);

  /// `known`: what find() has found for its guild.
  void event(source& from, const std::shared_ptr<const event_block>& block, std::uint32_t index,
             monotonic now, scope_state* known = nullptr);

  /// A session begins (READY), or goes on under a restarted group (`resynced`); `guilds` are those of this
  /// partition.
  void session_opened(const source& from, std::span<const snowflake> guilds, std::uint64_t s, bool resynced,
                      monotonic now);
  /// A session is gone for good. The table shows no session for its shard any more.
  void session_lost(const source& from, std::string_view why, monotonic now);
  /// `transfer` or `retract` has changed what the table allows for the guilds of this shard.
  void permissions_changed(const shard_key& shard, side at);
  /// The plan closed the shard: what it still leads goes to the other side.
  void shard_closed(const shard_key& shard, side at, monotonic now);
  std::uint64_t led_by(const shard_key& shard, side at) const;
  /// The session is about to end: what of it waits for a claimed number waits no longer.
  void forget_claims_behind(const source& from, monotonic now);

  /// Null: nothing has come of it. What is found stays where it is.
  scope_state* find(snowflake guild) {
    auto found = scopes_.find({scope_kind::guild, guild});
    return found == scopes_.end() ? nullptr : &found->second;
  }

  /// An event that only this shard has shown, while it is still open whether it has to be delivered.
  struct undecided_event {
    scope at;
    std::uint64_t s = 0; ///< in the shard's session
  };
  std::vector<undecided_event> undecided_of(const shard_key& shard, side at) const;
  bool undecided(const undecided_event& x) const;

  /// `calls`: also where the bot speaks.
  void accept(const shard_key& shard, side at, bool calls, monotonic now);

  /// Of a guild that the bot is in.
  std::optional<leading_session> lead_of(snowflake guild) const;
  /// `members` of a chunk for these users of the guild; nothing: not all are kept, or not kept current.
  std::optional<std::string> members(snowflake guild, std::span<const snowflake> users) const;
  /// What the desk says itself reaches its asker behind all that was delivered so far.
  void tell(const desk_answer& x);

  /// The bot's own user id.
  void set_self(snowflake user);
  /// A bot has asked to join or leave a voice channel there.
  void voice_asked(snowflake guild);
  /// Shards whose guilds wait for the end of a call, with how many there are.
  void count_voice_waits(std::map<std::pair<shard_key, side>, std::uint64_t>& sums) const;
  /// Guilds of `shard` whose time has come may be cut; `others_cut`: those that wait are all that it leads.
  void let_voice_go(const shard_key& shard, bool others_cut, monotonic now);

  void tick(monotonic now);
  monotonic next_tick(monotonic now) const;

  /// Adds this partition's figures. `shards` is indexed as source_table::slots().
  void report(group_report& x, monotonic now) const;
  void restart_delays();
  /// All that outlives a run but caches.
  void snapshot(recovered_state& x) const;
  void list_caches(std::vector<snowflake>& guilds) const;
  /// The guild's cache as a record; nothing when it has none.
  void write_cache(snowflake guild, std::string& log) const;

  /// Adds the guilds that the bot is in.
  bool has_left(snowflake guild) const;
  void list(const guild_filter& which, std::vector<snowflake>& guilds) const;
  /// Appends the guild's GUILD_CREATE to `bytes`.
  guild_snapshot describe(snowflake guild, const guild_view& view, std::string& bytes) const;

  /// What of the session's strays up to `s` needs not be sent again after a crash.
  std::uint64_t strays_through(std::uint32_t session, std::uint64_t s) const;

  std::uint32_t id() const { return id_; }
  bool isolated() const { return isolated_; }
  std::uint64_t delivered() const { return delivered_; }

private:
  class lane_port;
  struct arrival {
    source& from;
    const std::shared_ptr<const event_block>& block;
    std::uint32_t index;
    monotonic now;
    const event_entry& entry() const { return block->entries[index]; }
  };
  /// A keyed event of the shadow that waits for the lead.
  struct kept_event {
    event_key key;
    side from = side::first;
    std::uint32_t index = 0;
    std::shared_ptr<const event_block> block;
    item_hold hold;
  };
  /// A stray that waits for those which came before it in an earlier run.
  struct waiting_stray {
    event_key key;
    bool repeat = false;
    std::uint32_t session = 0;
    std::uint32_t index = 0;
    std::shared_ptr<const event_block> block;
    item_hold hold;
  };
  /// A number that a stray had in an earlier run; consumers may know it.
  struct number_claim {
    event_key key;
    bool repeat = false;
    std::optional<waiting_stray> stray; ///< it has come, and others are before it
  };
  struct waiting_event {
    source* from = nullptr;
    std::shared_ptr<const event_block> block;
    std::uint32_t index = 0;
    item_hold hold;
  };
  /// Numbers beyond the log's position that keyed events of a guild had in an earlier run. Consumers may know
  /// them, and what else had the numbers around them.
  struct guild_claims {
    std::map<std::uint64_t, event_key> numbers;
    std::map<std::uint64_t, waiting_event> early; ///< by number: come, but others are before it
    std::deque<waiting_event> waiting;            ///< come, but a number is before it whose event has not
  };
  struct gap_border {
    std::string session_id;
    std::uint64_t s = 0;
    std::uint64_t n = 0;
    std::string why;
  };

  scope_state& at(const scope& x, side seen, monotonic now);
  bool belongs(const scope_state& x, const shard_key& shard, side at) const;
  template <class F>
  void each(const shard_key& shard, side at, F f);

  void bind(scope_state& g, const source& from);
  void stray(const arrival& in);
  void deliver_stray(scope_state& g, const waiting_stray& x);
  void await_turn(waiting_stray x, monotonic now);
  void let_strays_go(monotonic now);
  void leave_waiting_out(std::vector<logged_key>& delivered) const;
  template <class F>
  void each_waiting(F f) const;
  void handle(scope_state& g, const arrival& in);
  void claim(const logged_key& x);
  waiting_event waiting(const arrival& in);
  bool await_claimed(scope_state& g, const arrival& in);
  void go_on(scope_state& g, monotonic now);
  void deliver_claimed(scope_state& g, const waiting_event& x, monotonic now);
  void forget_claims(scope_state& g, monotonic now);
  bool has_more_to_show(const scope_state& g, monotonic now) const;
  bool waits_for_claimed(const scope& x) const;
  void look_at_claims(monotonic now);
  void guild_lane(scope_state& g, const arrival& in);
  void keyed(scope_state& g, const arrival& in);
  void deliver_keyed(scope_state& g, event_key key, const event_block& block, std::uint32_t index,
                     monotonic now);
  bool lead_is_behind(const scope_state& g, monotonic now) const;
  void keep(scope_state& g, event_key key, const arrival& in);
  void let_shown_go(const scope_state& g, event_key key);
  void let_kept_go(scope_state& g, monotonic now);
  void look_at_kept(monotonic now);
  std::uint64_t other_s(const scope_state& g, side at) const;
  void state(scope_state& g, const arrival& in);
  void local(scope_state& g, const arrival& in);
  bool answer(scope_state& g, const arrival& in);
  bool speaks(const scope_state& g) const;
  bool voice_allows_cut(const scope_state& g, bool wanted);
  void note_voice(scope_state& g, std::string_view d);
  void carry_voice_over(const scope_state& g, const cut_record& record);
  void guild_created(scope_state& g, const arrival& in);
  void guild_deleted(scope_state& g, const arrival& in);

  void open(scope_state& g, side from, const std::string& session_id, std::uint64_t s, monotonic now);
  void open_channel(scope_state& g, monotonic now);
  void cut_silent(scope_state& g, monotonic now);
  void lose(scope_state& g, side from, std::string_view why, monotonic now);
  void permit(scope_state& g);
  void after_call(scope_state& g, side lead_before, monotonic now);
  void watch_hold(scope_state& g);
  void sweep(scope_state& g, monotonic now);
  monotonic next_sweep() const;
  void swap_to(scope_state& g, side to, cut_kind kind);
  void lead_changed(scope_state& g, const cut_record& record);

  void follow(scope_state& g, const event_block& block, std::uint32_t index);
  void take_snapshot(scope_state& g, const arrival& in, bool join);
  void tell_difference(scope_state& g, const arrival& in, const guild_cache& newer);
  void keep_cache(scope_state& g, guild_cache x);
  void drop_cache(scope_state& g);
  void leave_untold(scope_state& g, const source& from, std::uint64_t s);
  bool away(const scope_state& g) const;

  bool overlapped(const scope_state& g) const;
  bool leads(const scope_state& g) const;
  void deliver(scope_state& g, const event_block& block, std::uint32_t index, std::uint16_t flags);
  void deliver_lane(scope_state& g, const event_block& block, std::uint32_t index, side from, bool late);
  void note_held(monotonic delay);
  void deliver_rest(scope_state& g, const logged_cut& cut);
  void set_outage(scope_state& g, side at, bool on);
  void note_position(scope_state& g);
  void note_gap(scope_state& g, std::string_view why);
  void note_blind_gap(scope_state& g, side dead);
  void note_guildless_gap(const source& from, std::string_view why);
  void tell_guildless_gap(const source& to, std::uint64_t s);
  void tell_gap(scope_state& g, side first_of, std::string_view session_id, std::uint64_t s);
  void cut_line(scope_state& g, const cut_record& record);
  void level_presences(scope_state& g, side to);
  void forget_presences(scope_state& g);
  void breach();

  std::uint32_t id_;
  const partition_settings* settings_;
  source_table* sources_;
  delivery_outbox* out_;
  stream_ledger* streams_;
  command_desk* desk_;
  voice_watch voice_;

  std::unordered_map<scope, scope_state> scopes_;
  std::optional<gap_border>
      guildless_gap_; ///< no session of a shard 0: channels that nobody knows yet miss events, too
  std::uint64_t guildless_s_ = 0;              ///< newest event without guild, of any session
  std::unordered_map<scope, gap_border> gaps_; ///< coverage is away
  std::unordered_map<scope, logged_cut>
      pending_cuts_; ///< swaps of an earlier run, to be redone when their cause comes again
  std::unordered_map<scope, item_hold>
      watches_; ///< holds, and what keeps their streams from being acknowledged
  std::unordered_map<scope, monotonic>
      unclaimed_; ///< the lead never showed the guild, the follower does: since when
  std::unordered_map<scope, std::vector<kept_event>> kept_; ///< in the order in which they came
  std::unordered_map<scope, guild_claims> guild_claims_;
  std::map<std::uint64_t, number_claim> claims_; ///< by number, of the scope without guild
  std::vector<waiting_stray> unnumbered_;        ///< come behind all claims, in their order
  monotonic patient_until_{0};                   ///< how long leads of an earlier run are waited for
  keyed_window keyed_;
  repeat_window repeats_;
  content_memo contents_;
  handover_counters counters_;
  delay_histogram delay_, held_delay_;
  std::uint64_t undelayed_ = 0;
  monotonic swept_{0};
  /// Names own answers, of which endpoints may see some twice: no other life of this partition gives the
  /// same.
  std::uint64_t told_ = std::uint64_t{std::random_device{}()} << 32;
  std::uint64_t delivered_ = 0, replayed_ = 0, keyed_doubles_ = 0, gap_count_ = 0, breaches_ = 0,
                presences_dropped_ = 0;
  bool isolated_ = false;
};

} // namespace shardyard
