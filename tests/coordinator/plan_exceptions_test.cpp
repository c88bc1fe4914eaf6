// Guilds that neither anchor nor silence cuts: exceptions, sessions that went dumb, calls.
#include "tests/coordinator/plan_scene.hpp"

namespace shardyard::testing {
namespace {

TEST_F(step_test, exceptions_are_cut_only_when_accepted) {
  to_moving();
  all_cut();
  auto shard = x.old_shards(0)[0];
  seen[shard].led = seen[shard].exceptions = 3;
  run();
  EXPECT_TRUE(told("3 guilds had neither an anchor nor silence"));
  EXPECT_EQ(count(plan_action_kind::send_accept), 0u);
  EXPECT_EQ(units_with_exceptions(x, seen), (std::vector<std::uint32_t>{0}));
  x = std::get<reshard_plan>(commit(x, units_with_exceptions(x, seen)));
  run();
  EXPECT_EQ(count(plan_action_kind::send_accept), 1u);
  seen[shard].led = seen[shard].exceptions = 0;
  run();
  EXPECT_EQ(x.units[0].state, unit_state::settling);
  EXPECT_FALSE(x.units[0].accepted);
}

TEST_F(step_test, exceptions_of_a_dumb_session_are_cut_as_they_are_listed_and_no_others) {
  x = plan(2, 2);
  x.renew = true;
  to_moving();
  auto dumb = x.old_shards(0)[0], well = x.old_shards(1)[0];
  seen[dumb].transferred = seen[well].transferred = true;
  seen[dumb].dumb = true;
  run();
  EXPECT_EQ(count(plan_action_kind::send_rescue), 0u) << "anchors and silence have their time first";
  EXPECT_TRUE(journaled);
  seen[dumb].exceptions = seen[well].exceptions = 3;
  run();
  ASSERT_EQ(count(plan_action_kind::send_rescue), 1u);
  EXPECT_EQ(std::ranges::find(actions, plan_action_kind::send_rescue, &plan_action::kind)->shard, dumb);
  EXPECT_TRUE(told("unit 0: 3 guilds had neither an anchor nor silence; they are cut without a proof"));
  EXPECT_TRUE(told("`commit --accept` cuts them")) << "for the other unit";
  EXPECT_EQ(count(plan_action_kind::send_accept), 0u);
}

TEST_F(step_test, a_coordinator_that_never_saw_the_session_well_knows_from_the_plan_that_it_is_dumb) {
  x = plan(2, 2);
  x.renew = true;
  to_moving();
  auto shard = x.old_shards(0)[0];
  seen[shard].transferred = seen[shard].dumb = true;
  run();
  memory = {};
  seen[shard].dumb = false;
  seen[shard].exceptions = 1;
  run();
  EXPECT_EQ(count(plan_action_kind::send_rescue), 1u);
}

TEST_F(step_test, a_dumb_session_is_no_reason_to_cut_calls_or_in_a_plan_that_is_no_renewal) {
  x = plan(2, 2);
  x.renew = true;
  to_moving();
  auto shard = x.old_shards(0)[0];
  seen[shard].transferred = seen[shard].dumb = true;
  seen[shard].exceptions = seen[shard].voice = 2;
  run();
  EXPECT_EQ(count(plan_action_kind::send_rescue), 0u);
  seen[shard].voice = 1;
  run();
  EXPECT_EQ(count(plan_action_kind::send_rescue), 1u);
  x.renew = x.units[0].dumb = false;
  now += 1min;
  run();
  EXPECT_EQ(count(plan_action_kind::send_rescue), 0u);
}

TEST_F(step_test, calls_may_go_when_nothing_else_of_their_unit_is_left_on_any_shard_of_it) {
  x = plan(4, 6); // two old shards and three new ones in each unit
  to_moving();
  for (auto& shard : x.old_shards(0))
    seen[shard].transferred = true;
  auto speaking = x.old_shards(0)[0], other = x.old_shards(0)[1];
  seen[speaking].led = seen[speaking].voice = 2;
  seen[other].led = 1;
  run();
  EXPECT_EQ(count(plan_action_kind::send_calls), 0u) << "one guild of the unit has no call";
  seen[other].led.reset();
  run();
  EXPECT_EQ(count(plan_action_kind::send_calls), 0u) << "unknown is never taken for zero";
  seen[other].led = 0;
  run();
  ASSERT_EQ(count(plan_action_kind::send_calls), 1u);
  for (auto& action : actions)
    if (action.kind == plan_action_kind::send_calls) {
      EXPECT_EQ(action.shard, speaking);
    }
  x = std::get<reshard_plan>(abort(x, now));
  seen[x.new_shards(0)[0]].led = seen[x.new_shards(0)[0]].voice = 1;
  run();
  EXPECT_EQ(count(plan_action_kind::send_calls), 1u) << "and on the way back";
}

} // namespace
} // namespace shardyard::testing
