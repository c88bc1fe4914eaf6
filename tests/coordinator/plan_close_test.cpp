// What is closed, on the way forward and on the way back, and what must not be closed yet.
#include "tests/coordinator/plan_scene.hpp"

namespace shardyard::testing {
namespace {

TEST_F(step_test, a_pause_stops_what_has_not_begun_but_not_a_close) {
  to_settling();
  now += 60s;
  seen[x.new_shards(1)[0]].ready = false;
  run();
  ASSERT_EQ(x.units[0].state, unit_state::closing);
  x = std::get<reshard_plan>(pause(x, "operator"));
  seen[x.new_shards(1)[0]].ready = true;
  now += 10s;
  run();
  EXPECT_EQ(x.units[1].state, unit_state::settling);
  EXPECT_EQ(count(plan_action_kind::send_drain), 1u);
}

TEST_F(step_test, an_abort_takes_guilds_back_before_it_closes_shards) {
  to_moving();
  auto shards = x.new_shards(0);
  seen[shards[0]].led = 4;
  x = std::get<reshard_plan>(abort(x, now));
  run();
  EXPECT_EQ(count(plan_action_kind::send_retract), 2u);
  seen[shards[0]].led = 0;
  now += 3s;
  run();
  EXPECT_EQ(count(plan_action_kind::close_shard), 2u + 2u);
  for (std::uint32_t u = 0; u < 2; ++u)
    for (const auto& shard : x.new_shards(u)) {
      seen[shard].running = false;
      seen[shard].closed = true;
    }
  run();
  EXPECT_EQ(state_of(x), plan_state::aborted);
  EXPECT_EQ(active_topology(x), x.from);
}

TEST_F(step_test, an_abort_in_the_middle_divides_the_plan_until_it_is_continued) {
  to_settling();
  seen[x.new_shards(1)[0]].ready = false;
  now += 60s;
  run();
  x = std::get<reshard_plan>(abort(x, now));
  EXPECT_EQ(x.units[0].state, unit_state::closing);
  EXPECT_EQ(x.units[1].state, unit_state::aborting);
  for (auto& shard : all_shards())
    seen[shard].closed = true, seen[shard].running = false;
  run();
  EXPECT_EQ(state_of(x), plan_state::divided);
  EXPECT_FALSE(finished(x));
  EXPECT_NE(describe(x).find("`continue` moves the rest forward"), std::string::npos);
  EXPECT_EQ(wanted_shards(x), (std::vector<shard_key>{{2, 1, 2}, {3, 0, 4}, {3, 2, 4}}));
  auto context = healthy();
  context.running = &x;
  expect_refused(make_plan({8, false, false}, context, now), "divided");
  expect_refused(abort(x, now), "divided");
  x = std::get<reshard_plan>(continue_plan(x, now));
  EXPECT_EQ(x.units[1].state, unit_state::planned);
  EXPECT_EQ(x.units[0].state, unit_state::done);
}

TEST_F(step_test, a_shard_to_be_closed_that_runs_nowhere_counts_as_closed_after_a_while) {
  to_settling();
  now += 60s;
  run();
  for (auto& shard : all_shards())
    seen[shard].running = seen[shard].ready = shard.topology == 3;
  run();
  EXPECT_EQ(state_of(x), plan_state::closing);
  now += 10s;
  run();
  EXPECT_EQ(state_of(x), plan_state::done);
  EXPECT_EQ(active_topology(x), x.to);
}

TEST_F(step_test, a_shard_that_may_still_lead_guilds_never_counts_as_closed) {
  to_moving();
  x = std::get<reshard_plan>(abort(x, now));
  for (auto& shard : all_shards())
    seen[shard].running = false;
  for (std::optional<std::uint64_t> led : {std::optional<std::uint64_t>{3}, std::optional<std::uint64_t>{}}) {
    for (const auto& shard : x.new_shards(0))
      seen[shard].led = led;
    now += 1min;
    run();
    EXPECT_EQ(x.units[0].state, unit_state::aborting);
  }
}

TEST_F(step_test, a_drain_waits_for_the_new_shards_and_for_guilds_that_went_back) {
  to_settling();
  now += 60s;
  run();
  ASSERT_EQ(state_of(x), plan_state::closing);
  seen[x.new_shards(0)[0]].ready = false;
  seen[x.old_shards(1)[0]].led = 2;
  now += 3s;
  run();
  EXPECT_EQ(count(plan_action_kind::send_drain), 0u);
  seen[x.new_shards(0)[0]].ready = true;
  seen[x.old_shards(1)[0]].led = 0;
  run();
  EXPECT_EQ(count(plan_action_kind::send_drain), 2u);
}

TEST_F(step_test, a_new_shard_is_not_closed_under_its_guilds) {
  to_moving();
  x = std::get<reshard_plan>(abort(x, now));
  seen[x.new_shards(0)[0]].led = 1;
  run();
  for (const auto& action : actions)
    EXPECT_FALSE(action.kind == plan_action_kind::close_shard && action.unit == 0);
}

TEST_F(step_test, a_partition_that_forgot_its_transfer_gets_it_again_before_anything_closes) {
  to_settling();
  seen[x.old_shards(0)[0]].transferred = false;
  now += 60s;
  run();
  EXPECT_EQ(x.units[0].state, unit_state::settling);
  EXPECT_EQ(x.units[1].state, unit_state::closing);
  EXPECT_EQ(count(plan_action_kind::send_transfer), 1u);
  seen[x.old_shards(0)[0]].transferred = true;
  seen[x.old_shards(1)[0]].transferred = false;
  now += 3s;
  run();
  EXPECT_EQ(x.units[0].state, unit_state::closing);
  EXPECT_EQ(count(plan_action_kind::send_drain), 1u);
  EXPECT_EQ(count(plan_action_kind::send_transfer), 1u);
}

} // namespace
} // namespace shardyard::testing
