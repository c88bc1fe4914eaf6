// A plan from its first shard to the moment when nothing speaks against closing, with its deadlines.
#include "tests/coordinator/plan_scene.hpp"

namespace shardyard::testing {
namespace {

TEST_F(step_test, new_shards_are_started_once_the_row_is_durable) {
  run();
  EXPECT_TRUE(journaled);
  EXPECT_EQ(count(plan_action_kind::start_shard), 4u);
}

TEST_F(step_test, an_action_is_repeated_until_its_effect_is_seen) {
  run();
  now += 1999ms;
  run();
  EXPECT_EQ(count(plan_action_kind::start_shard), 0u);
  now += 1ms;
  seen[x.new_shards(0)[0]].running = true;
  run();
  EXPECT_EQ(count(plan_action_kind::start_shard), 3u);
  EXPECT_FALSE(journaled);
}

TEST_F(step_test, a_unit_moves_when_its_own_shards_are_ready) {
  run();
  for (const auto& shard : x.new_shards(1))
    seen[shard].running = seen[shard].ready = true;
  run();
  EXPECT_EQ(x.units[0].state, unit_state::preparing);
  EXPECT_EQ(x.units[1].state, unit_state::moving);
  EXPECT_EQ(count(plan_action_kind::send_transfer), 1u);
}

TEST_F(step_test, unknown_counts_are_not_zero) {
  to_moving();
  all_cut();
  seen[x.old_shards(0)[0]].led.reset();
  run();
  EXPECT_EQ(x.units[0].state, unit_state::moving);
  EXPECT_EQ(x.units[1].state, unit_state::settling);
}

TEST_F(step_test, a_drain_needs_stability_and_a_durable_row) {
  to_settling();
  now += 59'999ms;
  run();
  EXPECT_EQ(count(plan_action_kind::send_drain), 0u);
  now += 1ms;
  run();
  EXPECT_EQ(x.units[0].state, unit_state::closing);
  EXPECT_TRUE(journaled);
  EXPECT_EQ(count(plan_action_kind::send_drain), 2u);
}

TEST_F(step_test, late_events_restart_the_stability_clock_three_times_at_most) {
  to_settling();
  auto entered = now;
  while (state_of(x) == plan_state::settling && now < entered + 1h) {
    now += 10s;
    for (auto& shard : all_shards())
      seen[shard].difference_age = 0ms;
    run();
  }
  EXPECT_EQ(state_of(x), plan_state::closing);
  EXPECT_GE(now - entered, 60s + 3 * 10s);
  EXPECT_LE(now - entered, 4 * 60s);
}

TEST_F(step_test, guilds_that_go_back_send_the_unit_back_to_moving) {
  to_settling();
  seen[x.old_shards(0)[0]].led = 1;
  run();
  EXPECT_EQ(x.units[0].state, unit_state::moving);
  EXPECT_EQ(x.units[1].state, unit_state::settling);
}

TEST_F(step_test, a_hold_waits_for_commit_and_no_deadline_ends_it) {
  x = plan(2, 4, true);
  to_settling();
  for (int hour = 0; hour < 5; ++hour) {
    now += 1h;
    run();
    EXPECT_TRUE(told("waits for `commit`"));
  }
  EXPECT_EQ(x.count(unit_state::settling), 2u);
  x = std::get<reshard_plan>(commit(x));
  run();
  EXPECT_EQ(x.count(unit_state::closing), 2u);
}

TEST_F(step_test, a_hold_survives_a_moment_of_doubt_after_hours) {
  x = plan(2, 4, true);
  to_settling();
  now += 5h;
  run();
  now += 5h;
  run();
  seen[x.new_shards(0)[0]].ready = false;
  run();
  EXPECT_EQ(x.count(unit_state::settling), 2u);
}

TEST_F(step_test, a_restart_after_hours_does_not_abort_a_settling_unit) {
  to_settling();
  now += 10h;
  memory = {};
  seen = {};
  run();
  EXPECT_EQ(x.count(unit_state::settling), 2u);
}

TEST_F(step_test, a_unit_that_does_not_settle_goes_back) {
  to_settling();
  seen[x.new_shards(1)[0]].ready = false;
  now += 65s;
  run();
  now += 30min;
  run();
  EXPECT_EQ(x.units[0].state, unit_state::closing);
  EXPECT_EQ(x.units[1].state, unit_state::aborting);
  EXPECT_TRUE(told("did not settle"));
}

TEST_F(step_test, preparing_and_moving_without_progress_pause_and_tell) {
  run();
  run();
  now += 15min;
  run();
  EXPECT_TRUE(x.paused);
  EXPECT_TRUE(told("no new shard became ready for 15 min; 4 are not"));
  x = std::get<reshard_plan>(continue_plan(x, now));
  now += 10min;
  run();
  EXPECT_FALSE(x.paused) << "the deadline begins anew";
  all_ready();
  run();
  run();
  now += 30min;
  run();
  EXPECT_TRUE(x.paused);
  EXPECT_TRUE(told("cut no guild for 30 min, 10 are left"));
}

TEST_F(step_test, progress_keeps_the_deadline_away) {
  to_moving();
  for (std::uint64_t left = 9; left > 0; --left) {
    now += 29min;
    for (std::uint32_t u = 0; u < 2; ++u)
      seen[x.old_shards(u)[0]].led = left;
    run();
    EXPECT_FALSE(x.paused);
  }
}

TEST_F(step_test, a_shard_that_discord_refuses_pauses_the_plan) {
  run();
  seen[x.new_shards(0)[0]].fatal = "close code 4014: Disallowed intent(s).";
  now += 3s;
  run();
  EXPECT_TRUE(x.paused);
  EXPECT_TRUE(told("4014"));
  EXPECT_EQ(count(plan_action_kind::start_shard), 0u);
}

TEST_F(step_test, changing_figures_do_not_flood_the_operator) {
  to_moving();
  all_cut();
  auto words = 0u;
  for (std::uint64_t left = 50; left > 0; --left) {
    now += 1s;
    seen[x.old_shards(0)[0]].led = seen[x.old_shards(0)[0]].exceptions = left;
    run();
    words += static_cast<unsigned>(count(plan_action_kind::tell_operator));
  }
  EXPECT_EQ(words, 1u);
}

} // namespace
} // namespace shardyard::testing
