// The adversarial rows of docs/architecture.md that concern one guild, each as a short scene.
#include "actors/partition/guild_handover.hpp"
#include "tests/partition/guild_handover_world.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

using namespace std::chrono_literals;
constexpr auto old_session = side::first;
constexpr auto new_session = side::second;

/// One guild, led by the old session since long ago. `told` reads as what a consumer would see: "m5" a
/// message made at second 5, "p3" the plain payload 3, "p3~" late, "|anchor>" a cut.
class guild : public ::testing::Test, public handover_port {
protected:
  guild() {
    for (auto* view : {&old_view, &new_view}) {
      view->connected = true;
      view->newest_ms = world_epoch_ms;
    }
    handover.opened(old_session, views(), tuning, now, *this, counters);
  }

  void deliver(const lane_event& event, side, bool late) override {
    ASSERT_NE(event.index, lane_event::mark_only);
    if (event.block)
      delivered_d = event.block->data(event.block->entries[event.index]);
    told += event.lane == lane::anchor ? "m" + std::to_string((created_ms(event.key) - world_epoch_ms) / 1000)
                                       : "p" + std::to_string(event.index);
    told += late ? "~ " : " ";
  }
  void cut(const cut_record& record) override {
    static constexpr const char* names[] = {"anchor", "quiet", "accepted", "swap_back"};
    told += std::string{"|"} + names[static_cast<int>(record.kind)] + "> ";
    weak = record.weak;
    why = record.why;
  }
  std::uint64_t content_hash(const lane_event& event) override {
    ++hashes;
    return 1000 + event.index;
  }

  void held(monotonic delay) override { delays.push_back(delay / 1ms); }

  source_views views() { return {&old_view, &new_view}; }

  void message(side from, int second) {
    lane_event e;
    e.lane = lane::anchor;
    e.type = 1;
    e.key = snowflake_at(second * 1000);
    send(from, e);
  }
  void plain(side from, std::uint32_t payload) {
    lane_event e;
    e.type = 2;
    e.index = payload;
    send(from, e);
  }
  std::weak_ptr<const event_block> plain_in_great_block(side from) {
    auto block = std::make_shared<event_block>();
    block->bytes = std::make_shared<const std::string>("waits" + std::string(100'000, ' '));
    block->entries.resize(30);
    block->entries[0].d_size = 5;
    lane_event e;
    e.type = 2;
    e.block = block;
    send(from, e);
    return block;
  }
  void send(side from, lane_event e) {
    auto& view = from == old_session ? old_view : new_view;
    e.s = ++s[static_cast<int>(from)];
    if (e.lane == lane::anchor)
      view.newest_ms = std::max(view.newest_ms, created_ms(e.key));
    handover.event(from, e, views(), tuning, now, *this, counters);
  }
  void new_session_shows_the_guild() { handover.opened(new_session, views(), tuning, now, *this, counters); }
  bool lost(side from) { return handover.lost(from, views(), tuning, now, *this, counters); }

  /// Time passes in small ticks; live sockets answer heartbeats.
  void pass(monotonic time) {
    for (auto end = now + time; now < end;) {
      now += 50ms;
      flush(old_session);
      flush(new_session);
      handover.tick(views(), tuning, now, *this, counters);
    }
  }
  void flush(side x) {
    auto& view = x == old_session ? old_view : new_view;
    if (!view.connected || stalled[static_cast<int>(x)])
      return;
    view.flushed_s = s[static_cast<int>(x)];
    view.flushed_at = now;
  }

  /// Both sessions show message `second`: the lead is cut there.
  void cut_at(int second) {
    handover.allow_cut(true);
    auto lead = handover.lead();
    message(lead, second);
    message(other(lead), second);
    ASSERT_EQ(handover.lead(), other(lead));
    told.clear();
  }

  source_view old_view, new_view;
  std::uint64_t s[2] = {0, 0};
  bool stalled[2] = {false, false};
  handover_tuning tuning;
  handover_counters counters;
  monotonic now = 1h;
  guild_handover handover;
  std::string told;
  std::string delivered_d; ///< payload of the newest delivery that had one
  bool weak = false;
  quiet_reason why = quiet_reason::none; ///< of the newest cut
  int hashes = 0;
  std::vector<std::int64_t> delays; ///< of held events, ms
};

TEST_F(guild, one_session_alone_costs_no_memory_and_no_hash) {
  for (int i = 0; i < 1000; ++i)
    plain(old_session, 1);
  message(old_session, 10);
  EXPECT_EQ(handover.bytes(), 0u);
  EXPECT_EQ(hashes, 0);
  EXPECT_FALSE(handover.shadowed());
}

TEST_F(guild, the_lead_is_cut_at_an_anchor_that_both_sessions_show) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 10);
  EXPECT_TRUE(handover.holding());
  plain(old_session, 1);
  EXPECT_EQ(handover.first_held_s(), 2u);
  message(new_session, 10);
  plain(new_session, 1);
  plain(new_session, 2);
  plain(old_session, 2);
  EXPECT_EQ(told, "m10 |anchor> p1 p2 ");
  EXPECT_TRUE(handover.shadowed());
  EXPECT_EQ(counters.compared, 3u);
}

TEST_F(guild, a_follower_that_is_ahead_needs_no_hold) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(new_session, 10);
  plain(new_session, 1);
  message(old_session, 10);
  EXPECT_EQ(told, "m10 |anchor> p1 ");
}

TEST_F(guild, nothing_is_cut_before_the_plan_allows_it) {
  new_session_shows_the_guild();
  message(old_session, 10);
  message(new_session, 10);
  pass(1min);
  EXPECT_EQ(handover.lead(), old_session);
  EXPECT_EQ(counters.holds_released, 0u);
}

TEST_F(guild, a_hold_ends_in_time_and_the_next_one_waits_ten_times_as_long) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 10);
  plain(old_session, 1);
  EXPECT_EQ(told, "m10 ");
  pass(tuning.hold);
  EXPECT_EQ(told, "m10 p1 ");
  message(old_session, 11);
  EXPECT_FALSE(handover.holding());
  pass(10 * tuning.hold - 50ms);
  message(old_session, 15);
  EXPECT_FALSE(handover.holding());
  pass(50ms);
  message(old_session, 16);
  EXPECT_TRUE(handover.holding());
  EXPECT_EQ(counters.holds_released, 1u);
}

TEST_F(guild, holds_that_fail_in_a_row_cost_less_than_one_percent_of_the_time) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  monotonic holding{};
  for (int i = 0; i < 36'000; ++i) {
    if (i % 10 == 0)
      message(old_session, 10 + i);
    pass(100ms);
    holding += handover.holding() ? 100ms : 0ms;
  }
  EXPECT_GT(holding, 10s);
  EXPECT_LT(holding, 40s);
}

TEST_F(guild, held_events_are_told_with_their_delay_when_the_hold_fails) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 10);
  pass(200ms);
  plain(old_session, 1);
  pass(100ms);
  plain(old_session, 2);
  EXPECT_EQ(handover.held_events(), 2u);
  EXPECT_TRUE(delays.empty());
  pass(1s);
  EXPECT_EQ(delays, (std::vector<std::int64_t>{300, 200}));
  EXPECT_EQ(handover.held_events(), 0u);
}

TEST_F(guild, held_events_are_told_with_their_delay_when_the_new_session_delivers_their_copies) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 10);
  plain(old_session, 1);
  pass(100ms);
  plain(old_session, 2);
  pass(100ms);
  message(new_session, 10);
  EXPECT_TRUE(delays.empty());
  plain(new_session, 1);
  pass(50ms);
  plain(new_session, 2);
  EXPECT_EQ(told, "m10 |anchor> p1 p2 ");
  EXPECT_EQ(delays, (std::vector<std::int64_t>{200, 150}));
}

TEST_F(guild, held_events_are_told_once_when_the_lead_is_lost_before_their_copies_come) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 10);
  plain(old_session, 1);
  message(new_session, 10);
  pass(100ms);
  lost(new_session);
  EXPECT_EQ(told, "m10 |anchor> |swap_back> p1 ");
  EXPECT_EQ(delays, std::vector<std::int64_t>{100});
  pass(1min);
  EXPECT_EQ(delays.size(), 1u);
}

TEST_F(guild, a_hold_that_grows_too_long_is_released_at_once) {
  tuning.max_held_events = 3;
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 10);
  for (std::uint32_t i = 1; i <= 4; ++i)
    plain(old_session, i);
  EXPECT_EQ(told, "m10 p1 p2 p3 p4 ");
  EXPECT_FALSE(handover.holding());
}

TEST_F(guild, what_the_lead_shows_right_after_the_snapshot_does_not_delay_a_quiet_cut) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  pass(500ms);
  plain(old_session, 1); // in the new session's snapshot, so it never comes there
  pass(2 * tuning.quiet);
  EXPECT_EQ(told, "p1 |quiet> ");
  EXPECT_EQ(why, quiet_reason::silent) << "the snapshot has it, so nothing happened since";
}

TEST_F(guild, what_the_follower_shows_right_after_its_snapshot_does_not_delay_a_quiet_cut) {
  plain(old_session, 1);
  new_session_shows_the_guild(); // the slower one: the same event is on its way behind the snapshot
  handover.allow_cut(true);
  pass(100ms);
  plain(new_session, 1);
  pass(2 * tuning.quiet);
  EXPECT_EQ(told, "p1 |quiet> ");
}

TEST_F(guild, a_message_too_new_for_the_lead_to_have_shown_before_does_delay_a_quiet_cut) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(new_session, 10); // the old session owes it
  pass(2 * tuning.quiet);
  EXPECT_EQ(handover.lead(), old_session);
}

TEST_F(guild, what_only_the_follower_shows_later_does_delay_a_quiet_cut) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  pass(3s);
  plain(new_session, 1);
  pass(2 * tuning.quiet);
  EXPECT_EQ(handover.lead(), old_session);
  pass(tuning.unclear_quiet * tuning.quiet);
  EXPECT_EQ(handover.lead(), new_session);
  EXPECT_EQ(why, quiet_reason::unclear);
  EXPECT_EQ(counters.unverifiable, 1u);
}

TEST_F(guild, a_silence_from_before_the_scope_was_known_is_a_quiet_cut) {
  pass(1s);
  new_session_shows_the_guild();
  handover.silent_since(now - 1min, views(), tuning, now, *this, counters);
  EXPECT_EQ(handover.lead(), old_session) << "the plan has not allowed it";
  handover.allow_cut(true);
  handover.silent_since(now - 4s, views(), tuning, now, *this, counters);
  EXPECT_EQ(handover.lead(), old_session) << "too short";
  handover.silent_since(now - 6s, views(), tuning, now, *this, counters);
  EXPECT_EQ(told, "|quiet> ");
}

TEST_F(guild, what_only_the_lead_shows_later_does_delay_a_quiet_cut) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  pass(3s);
  plain(old_session, 1); // the new session owes it
  pass(2 * tuning.quiet);
  EXPECT_EQ(told, "p1 ");
}

// Row 1.
TEST_F(guild, a_follower_five_seconds_late_is_not_cut_while_events_flow_and_nothing_is_harmed) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    message(old_session, 10 + i);
    expected += "m" + std::to_string(10 + i) + " ";
    pass(1s);
    if (i >= 5)
      message(new_session, 10 + i - 5);
  }
  EXPECT_EQ(told, expected);
  EXPECT_GT(counters.holds_released, 0u);
}

// Row 2.
TEST_F(guild, no_cut_before_the_lead_has_passed_the_snapshot_of_the_follower) {
  new_view.newest_ms = world_epoch_ms + 100'000;
  new_session_shows_the_guild();
  handover.allow_cut(true);
  for (int i = 0; i < 50; ++i)
    message(old_session, 50 + i);
  EXPECT_FALSE(handover.holding());
  message(old_session, 103);
  EXPECT_TRUE(handover.holding());
}

TEST_F(guild, without_anything_seen_on_the_follower_there_is_no_floor_and_no_cut) {
  new_view.newest_ms = 0;
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 10);
  EXPECT_FALSE(handover.holding());
  new_view.newest_ms = world_epoch_ms + 12'000;
  message(old_session, 13);
  EXPECT_FALSE(handover.holding());
  message(old_session, 16);
  EXPECT_TRUE(handover.holding());
}

// Row 3.
TEST_F(guild, a_thousand_equal_toggles_are_cut_at_the_one_message) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  for (int i = 0; i < 500; ++i) {
    plain(old_session, 1);
    if (i > 2)
      plain(new_session, 1);
  }
  message(old_session, 10);
  for (int i = 0; i < 3; ++i)
    plain(new_session, 1);
  EXPECT_EQ(handover.lead(), old_session);
  message(new_session, 10);
  EXPECT_EQ(handover.lead(), new_session);
  EXPECT_EQ(std::ranges::count(told, 'p'), 500);
  EXPECT_EQ(counters.unverifiable, 0u);
}

// Row 4.
TEST_F(guild, genuine_twins_are_delivered_as_often_as_they_came) {
  new_session_shows_the_guild();
  cut_at(10);
  for (auto from : {new_session, old_session}) {
    plain(from, 7);
    plain(from, 7);
  }
  EXPECT_EQ(told, "p7 p7 ");
  EXPECT_EQ(counters.late + counters.lead_only, 0u);
}

// Row 5.
TEST_F(guild, an_anchor_id_seen_before_the_snapshot_proves_nothing) {
  message(old_session, 5);
  new_view.newest_ms = world_epoch_ms + 5000;
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 5);
  message(new_session, 5);
  EXPECT_EQ(handover.lead(), old_session);
}

TEST_F(guild, an_anchor_id_that_comes_twice_is_cut_first_to_first) {
  new_session_shows_the_guild();
  message(old_session, 10);
  plain(old_session, 1);
  handover.allow_cut(true);
  message(old_session, 10);
  EXPECT_FALSE(handover.holding()) << "not the first sight";
  message(new_session, 10);
  plain(new_session, 1);
  message(new_session, 10);
  EXPECT_EQ(handover.lead(), old_session);
  EXPECT_EQ(told, "m10 p1 m10 ");
}

// Row 6.
TEST_F(guild, what_the_new_session_lacks_is_delivered_late_by_the_shadow) {
  new_session_shows_the_guild();
  cut_at(10);
  plain(old_session, 1);
  message(old_session, 11);
  for (int i = 12; i <= 14; ++i) {
    message(old_session, i);
    message(new_session, i);
  }
  EXPECT_EQ(told, "m12 m13 p1~ m11~ m14 ");
  EXPECT_EQ(counters.late, 2u);
  EXPECT_EQ(handover.last_difference(), now);
}

TEST_F(guild, an_anchor_that_the_follower_lacks_only_delays_the_cut) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 10);
  pass(tuning.hold);
  message(new_session, 11);
  message(old_session, 11);
  EXPECT_EQ(told, "m10 m11 |anchor> ");
}

// Row 7.
TEST_F(guild, what_the_old_session_lacks_is_delivered_once_after_the_cut_and_counted_before) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  plain(new_session, 1);
  message(old_session, 10);
  message(new_session, 10);
  EXPECT_EQ(counters.unverifiable, 1u);
  plain(new_session, 2);
  for (int i = 12; i <= 14; ++i) {
    message(new_session, i);
    message(old_session, i);
  }
  EXPECT_EQ(told, "m10 |anchor> p2 m12 m13 m14 ");
  EXPECT_EQ(counters.lead_only, 1u);
  EXPECT_EQ(handover.last_difference(), now);
}

TEST_F(guild, an_inversion_across_an_anchor_is_counted_and_nothing_is_late) {
  new_session_shows_the_guild();
  cut_at(10);
  plain(new_session, 1);
  for (int i = 12; i <= 14; ++i) {
    message(new_session, i);
    message(old_session, i);
    if (i == 12)
      plain(old_session, 1);
  }
  EXPECT_EQ(counters.inversions, 1u);
  EXPECT_EQ(counters.late + counters.lead_only, 0u);
}

TEST_F(guild, an_inversion_across_the_first_common_anchor_is_counted_when_the_lead_is_lost_there) {
  new_session_shows_the_guild();
  plain(old_session, 1);
  message(old_session, 10);
  message(new_session, 10);
  plain(new_session, 1);
  EXPECT_EQ(counters.unverifiable, 0u);
  lost(old_session);
  EXPECT_EQ(told, "p1 m10 |swap_back> p1 ") << "a twin looks the same";
  EXPECT_EQ(counters.unverifiable, 1u);
}

// Row 8.
TEST_F(guild, a_follower_lost_before_the_cut_leaves_the_lead_alone) {
  new_session_shows_the_guild();
  plain(new_session, 1);
  EXPECT_TRUE(lost(new_session));
  message(old_session, 10);
  EXPECT_EQ(told, "m10 ");
  EXPECT_EQ(handover.bytes(), 0u);
}

TEST_F(guild, a_follower_lost_during_a_hold_releases_it) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 10);
  plain(old_session, 1);
  lost(new_session);
  EXPECT_EQ(told, "m10 p1 ");
}

TEST_F(guild, a_new_session_lost_after_the_cut_gives_the_lead_back_without_loss_or_double) {
  new_session_shows_the_guild();
  cut_at(10);
  plain(new_session, 1);
  plain(new_session, 2);
  plain(old_session, 1);
  lost(new_session);
  plain(old_session, 2);
  plain(old_session, 3);
  EXPECT_EQ(told, "p1 p2 |swap_back> p3 ");
  EXPECT_EQ(counters.skipped, 1u);
  EXPECT_FALSE(weak);
}

TEST_F(guild, what_the_shadow_alone_had_shown_is_delivered_at_the_swap_back) {
  new_session_shows_the_guild();
  cut_at(10);
  plain(old_session, 1);
  message(old_session, 11);
  lost(new_session);
  EXPECT_EQ(told, "|swap_back> p1 m11 ");
}

TEST_F(guild, a_swap_back_with_unmatched_plain_events_on_both_sides_is_weak) {
  new_session_shows_the_guild();
  cut_at(10);
  plain(new_session, 1);
  plain(old_session, 2);
  lost(new_session);
  EXPECT_TRUE(weak);
}

TEST_F(guild, after_a_swap_back_the_plan_cuts_again) {
  new_session_shows_the_guild();
  cut_at(10);
  lost(new_session);
  new_session_shows_the_guild();
  message(old_session, 20);
  message(new_session, 20);
  EXPECT_EQ(told, "|swap_back> m20 |anchor> ");
}

// Row 10.
TEST_F(guild, a_lead_lost_during_a_hold_is_followed_without_loss_or_double) {
  new_session_shows_the_guild();
  for (auto from : {old_session, new_session})
    message(from, 10);
  handover.allow_cut(true);
  message(old_session, 11);
  plain(old_session, 1);
  EXPECT_TRUE(handover.holding());
  EXPECT_TRUE(lost(old_session));
  EXPECT_EQ(handover.lead(), new_session);
  message(new_session, 11);
  plain(new_session, 1);
  plain(new_session, 2);
  EXPECT_EQ(told, "m10 m11 p1 |swap_back> p2 ");
  EXPECT_FALSE(weak);
}

TEST_F(guild, a_lead_lost_before_any_proof_is_followed_and_said_to_be_weak) {
  new_session_shows_the_guild();
  plain(old_session, 1);
  plain(new_session, 1);
  plain(new_session, 2);
  lost(old_session);
  EXPECT_EQ(told, "p1 |swap_back> p2 ");
  EXPECT_TRUE(weak);
}

// Row 11.
TEST_F(guild, when_both_are_lost_the_first_session_to_return_leads) {
  EXPECT_FALSE(lost(old_session)) << "a gap, for the caller to tell";
  new_session_shows_the_guild();
  plain(new_session, 1);
  EXPECT_EQ(told, "|swap_back> p1 ");
}

// Row 19.
TEST_F(guild, an_outage_at_the_follower_starts_its_buffer_anew) {
  new_session_shows_the_guild();
  plain(new_session, 1);
  lost(new_session);
  pass(1s);
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 20);
  message(new_session, 20);
  EXPECT_EQ(told, "m20 |anchor> ");
}

// Rows 22 and 23.
TEST_F(guild, a_quiet_guild_is_cut_after_silence_and_its_first_event_is_delivered_once) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  pass(4s);
  plain(old_session, 1);
  EXPECT_EQ(told, "p1 ") << "four seconds late on the old session, yet in order";
  plain(new_session, 2);
  plain(old_session, 2);
  pass(4s);
  EXPECT_EQ(handover.lead(), old_session);
  pass(2s);
  plain(old_session, 3);
  plain(new_session, 3);
  EXPECT_EQ(told, "p1 p2 |quiet> p3 ");
  EXPECT_EQ(why, quiet_reason::alike);
}

TEST_F(guild, an_event_that_the_old_session_shows_after_a_quiet_cut_is_late) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  pass(6s);
  plain(old_session, 1);
  pass(6s);
  EXPECT_EQ(told, "|quiet> p1~ ");
  EXPECT_EQ(why, quiet_reason::silent);
}

TEST_F(guild, a_stalled_session_is_not_silence) {
  for (auto x : {old_session, new_session}) {
    new_session_shows_the_guild();
    handover.allow_cut(true);
    stalled[static_cast<int>(x)] = true;
    plain(other(x), 1);
    pass(2min);
    EXPECT_EQ(handover.lead(), old_session);
    stalled[static_cast<int>(x)] = false;
    plain(x, 1);
    lost(new_session);
  }
  EXPECT_EQ(told, "p1 p1 ");
}

TEST_F(guild, silence_does_not_count_while_a_socket_is_down) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  old_view.connected = false;
  pass(1min);
  old_view.connected = true;
  pass(4s);
  EXPECT_EQ(handover.lead(), old_session);
  pass(2s);
  EXPECT_EQ(handover.lead(), new_session);
}

// Row 25.
TEST_F(guild, every_list_is_bounded_and_the_lead_does_not_notice) {
  tuning.max_buffer_bytes = 64 << 10;
  new_session_shows_the_guild();
  for (std::uint32_t i = 0; i < 100'000; ++i)
    plain(new_session, i);
  EXPECT_LT(handover.bytes(), 4 * tuning.max_buffer_bytes);
  EXPECT_GT(counters.unverifiable, 90'000u);
  message(old_session, 10);
  EXPECT_EQ(told, "m10 ");
  pass(1s);
  cut_at(20);
  for (std::uint32_t i = 0; i < 100'000; ++i)
    plain(new_session, i);
  EXPECT_LT(handover.bytes(), 4 * tuning.max_buffer_bytes);
  EXPECT_EQ(std::ranges::count(told, 'p'), 100'000);
  told.clear();
  for (std::uint32_t i = 0; i < 100'000; ++i)
    plain(old_session, i);
  message(old_session, 30);
  message(new_session, 30);
  EXPECT_EQ(told, "m30 ") << "after a dropped comparison the backlog of the shadow must not come late";
}

TEST_F(guild, an_agreeing_shadow_keeps_no_more_than_the_sessions_are_apart) {
  new_session_shows_the_guild();
  cut_at(10);
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    plain(new_session, i % 3);
    plain(old_session, i % 3);
  }
  EXPECT_LT(handover.bytes(), 4096u);
  EXPECT_EQ(counters.compared, 10'001u);
}

// What every guild costs during a plan, whether anything happens in it or not.
TEST_F(guild, a_guild_with_nothing_waiting_takes_a_hundred_bytes) {
  new_session_shows_the_guild();
  EXPECT_LE(handover.bytes(), 104u);
  handover.allow_cut(true);
  cut_at(10);
  for (auto from : {new_session, old_session}) {
    plain(from, 1);
    message(from, 20);
  }
  EXPECT_GT(handover.bytes(), 104u) << "queues keep their room for the next event";
  pass(100ms);
  EXPECT_LE(handover.bytes(), 104u) << "until they are looked at";
}

TEST_F(guild, what_waits_alone_lets_go_of_the_block_that_brought_it) {
  new_session_shows_the_guild();
  std::weak_ptr<const event_block> block = plain_in_great_block(new_session);
  EXPECT_FALSE(block.expired());
  pass(100ms);
  EXPECT_TRUE(block.expired());
  EXPECT_GT(handover.bytes(), 200u) << "a change of lead must still deliver it";
  EXPECT_TRUE(lost(old_session));
  EXPECT_EQ(told, "|swap_back> p0 ");
  EXPECT_EQ(delivered_d, "waits");
}

TEST_F(guild, what_both_have_shown_before_they_are_lined_up_keeps_only_its_mark) {
  new_session_shows_the_guild();
  std::weak_ptr<const event_block> block = plain_in_great_block(new_session);
  plain(old_session, 0); // its copy: the same content
  plain(new_session, 7);
  pass(50ms);
  EXPECT_TRUE(block.expired());
  EXPECT_TRUE(lost(old_session));
  EXPECT_EQ(told, "p0 |swap_back> p7 ");
}

// Row 30.
TEST_F(guild, an_abort_cuts_back_at_an_anchor_and_the_other_session_becomes_the_shadow) {
  new_session_shows_the_guild();
  cut_at(10);
  plain(new_session, 1);
  handover.allow_cut(true);
  EXPECT_FALSE(handover.shadowed());
  plain(old_session, 1);
  message(new_session, 20);
  EXPECT_TRUE(handover.holding());
  plain(new_session, 2);
  message(old_session, 20);
  plain(old_session, 2);
  EXPECT_EQ(told, "p1 m20 |anchor> p2 ");
  EXPECT_EQ(handover.lead(), old_session);
  EXPECT_TRUE(handover.shadowed() || handover.covered(new_session));
  EXPECT_EQ(counters.late + counters.lead_only + counters.unverifiable, 0u);
}

// Row 31.
TEST_F(guild, ten_plans_there_and_back_leave_nothing_behind) {
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    auto lead = handover.lead();
    handover.opened(other(lead), views(), tuning, now, *this, counters);
    handover.allow_cut(true);
    auto second = 100 * (i + 1);
    message(lead, second);
    message(other(lead), second);
    expected += "m" + std::to_string(second) + " |anchor> ";
    ASSERT_EQ(handover.lead(), other(lead));
    handover.retire(lead, counters);
    EXPECT_EQ(handover.bytes(), 0u);
    EXPECT_FALSE(handover.shadowed());
  }
  EXPECT_EQ(told, expected);
}

TEST_F(guild, retiring_the_follower_during_a_hold_loses_nothing) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 10);
  plain(old_session, 1);
  handover.retire(new_session, counters);
  plain(old_session, 2);
  EXPECT_EQ(told, "m10 p1 p2 ");
  EXPECT_EQ(handover.bytes(), 0u);
}

TEST_F(guild, an_accepted_cut_delivers_what_the_follower_alone_has_and_skips_what_was_delivered) {
  EXPECT_FALSE(handover.accept(tuning, now, *this, counters));
  new_session_shows_the_guild();
  for (auto from : {old_session, new_session})
    message(from, 10);
  plain(old_session, 1);
  plain(old_session, 2);
  plain(new_session, 1);
  EXPECT_TRUE(handover.accept(tuning, now, *this, counters));
  plain(new_session, 2);
  plain(new_session, 3);
  plain(old_session, 3);
  EXPECT_EQ(told, "m10 p1 p2 |accepted> p3 ");
  EXPECT_TRUE(handover.shadowed());
  EXPECT_EQ(counters.late + counters.lead_only, 0u);
}

TEST_F(guild, a_session_that_opens_again_without_being_lost_starts_anew) {
  new_session_shows_the_guild();
  cut_at(10);
  plain(new_session, 1);
  handover.opened(old_session, views(), tuning, now, *this, counters);
  plain(old_session, 9);
  message(new_session, 20);
  message(old_session, 20);
  EXPECT_EQ(told, "p1 m20 ") << "before the first common anchor nobody can judge the shadow";
  plain(old_session, 2);
  for (int i = 21; i <= 23; ++i) {
    message(new_session, i);
    message(old_session, i);
  }
  EXPECT_EQ(told, "p1 m20 m21 m22 p2~ m23 ");
}

} // namespace
} // namespace shardyard
