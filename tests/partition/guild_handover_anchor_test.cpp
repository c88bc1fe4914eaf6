// The lead of a guild goes over at an anchor that both sessions show: which anchor proves it, and what a hold
// costs. Rows are those of the adversarial table in docs/architecture.md.
#include "tests/partition/guild_scene.hpp"

namespace shardyard {
namespace {

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

TEST_F(guild, an_anchor_that_the_follower_lacks_only_delays_the_cut) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 10);
  pass(tuning.hold);
  message(new_session, 11);
  message(old_session, 11);
  EXPECT_EQ(told, "m10 m11 |anchor> ");
}

} // namespace
} // namespace shardyard
