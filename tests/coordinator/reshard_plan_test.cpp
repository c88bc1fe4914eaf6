// What is made a plan and what is refused, and the verbs of an operator.
#include "tests/coordinator/plan_scene.hpp"

namespace shardyard::testing {
namespace {

TEST(make_plan, records_what_is_to_be_done) {
  auto x = plan(4, 6);
  EXPECT_EQ(x.id, 7u);
  EXPECT_EQ(x.cluster_epoch, 11u);
  EXPECT_EQ(x.from, (topology{2, 4}));
  EXPECT_EQ(x.to, (topology{3, 6}));
  EXPECT_EQ(x.units.size(), 2u);
  EXPECT_EQ(state_of(x), plan_state::planned);
}

TEST(make_plan, the_current_count_is_nothing_to_do_unless_renewed) {
  expect_refused(make_plan({4, false, false}, healthy(), start), "nothing to do");
  EXPECT_EQ(plan(4, 4).units.size(), 4u);
  EXPECT_TRUE(plan(4, 4).renew);
  expect_refused(make_plan({6, true, false}, healthy(), start), "renewal keeps the count");
}

TEST(make_plan, a_second_plan_is_refused_with_the_state_of_the_first) {
  auto running = plan(4, 6);
  auto context = healthy();
  context.running = &running;
  expect_refused(make_plan({8, false, false}, context, start), "plan 7 (4 -> 6) is planned; 2 planned units");
  for (auto& unit : running.units)
    unit.state = unit_state::done;
  EXPECT_FALSE(refused(make_plan({8, false, false}, context, start)));
}

TEST(make_plan, bad_counts_are_refused) {
  expect_refused(make_plan({0, false, false}, healthy(), start), "no shard count");
  expect_refused(make_plan({2'000'000, false, false}, healthy(), start), "no shard count");
  auto context = healthy();
  context.shard_multiple = 16;
  auto no = make_plan({40, false, false}, context, start);
  expect_refused(no, "multiple of 16");
  EXPECT_NE(refused(no)->instead.find("32 or 48"), std::string::npos);
  expect_refused(make_plan({5, false, false}, context, start), "multiple of 16");
}

TEST(make_plan, shards_above_discords_guild_limit_are_refused_with_a_count_that_fits) {
  auto context = healthy(64);
  context.guilds = 60'000;
  auto no = make_plan({24, false, false}, context, start);
  expect_refused(no, "2500");
  context.identifies_left = 1000;
  auto least = static_cast<std::uint32_t>(
      std::stoul(refused(no)->instead.substr(std::string{"use at least "}.size())));
  EXPECT_GT(least, 24u);
  EXPECT_FALSE(refused(make_plan({least, false, false}, context, start)));
  context.largest_new_shard = 2501;
  expect_refused(make_plan({40, false, false}, context, start), "would hold 2501");
}

TEST(make_plan, budget_and_hosts_come_first) {
  auto context = healthy();
  context.identifies_left = 5;
  expect_refused(make_plan({6, false, false}, context, start), "needs 6 IDENTIFYs and 5 are left");
  context = healthy();
  context.hosts = 0;
  expect_refused(make_plan({6, false, false}, context, start), "no node");
}

TEST(plan_verbs, a_finished_plan_takes_no_verb) {
  auto x = plan(4, 8);
  for (auto& unit : x.units)
    unit.state = unit_state::done;
  expect_refused(pause(x, "operator"), "plan 7 is done");
  expect_refused(continue_plan(x, start), "plan 7 is done");
  expect_refused(commit(x), "plan 7 is done");
  expect_refused(abort(x, start), "plan 7 is done");
}

TEST(plan_verbs, verbs_without_effect_are_refused_with_the_state) {
  auto x = plan(4, 8);
  expect_refused(continue_plan(x, start), "planned");
  expect_refused(commit(x), "planned");
  for (auto& unit : x.units)
    unit.state = unit_state::closing;
  expect_refused(abort(x, start), "closing");
}

} // namespace
} // namespace shardyard::testing
