// Reshards as an operator orders them and as nodes see them.
#include "tests/actors/coordinator_scene.hpp"

namespace shardyard::testing {
namespace {

struct reshards : coordinator_scene {};

TEST_F(reshards, are_refused_while_a_shard_is_not_ready) {
  discord_is_well();
  auto a = node("a");
  EXPECT_TRUE(says(verb("reshard", 4).why, "no shards yet"));
  join(a);
  w.pass(3s);
  auto none = verb("reshard", 4);
  EXPECT_FALSE(none.ok);
  EXPECT_TRUE(says(none.why, "not ready")) << none.why;
  EXPECT_FALSE(none.instead.empty());
  report(a, a.told->assignments.back(), {{1, 0, 2}});
  auto half = verb("reshard", 4);
  EXPECT_FALSE(half.ok);
  EXPECT_TRUE(says(half.why, "1:[1,2]")) << half.why;
  report(a, a.told->assignments.back(), {{1, 0, 2}, {1, 1, 2}});
  EXPECT_TRUE(verb("reshard", 4).ok);
}

TEST_F(reshards, are_refused_while_the_plan_cannot_be_written) {
  auto a = running_cluster();
  {
    full_disk full;
    auto reply = verb("reshard", 4);
    EXPECT_FALSE(reply.ok);
    EXPECT_TRUE(says(reply.why, "could not be written")) << reply.why;
    EXPECT_FALSE(reply.instead.empty());
    w.pass(5s);
  }
  EXPECT_EQ(a.told->assignments.back().plan, 0u) << "what is not written is not begun";
  for (auto& x : a.told->starts)
    EXPECT_EQ(x.shard.topology, 1u);
  EXPECT_TRUE(verb("reshard", 4).ok);
}

TEST_F(reshards, start_every_new_shard_and_tell_every_node_of_the_plan) {
  auto a = running_cluster();
  ASSERT_TRUE(verb("reshard", 4).ok);
  w.pass(10s);
  std::set<shard_key> started;
  for (auto& x : a.told->starts)
    if (x.plan == 1)
      started.insert(x.shard);
  EXPECT_EQ(started, (std::set<shard_key>{{2, 0, 4}, {2, 1, 4}, {2, 2, 4}, {2, 3, 4}}));
  auto& x = a.told->assignments.back();
  EXPECT_EQ(x.plan, 1u);
  EXPECT_EQ(x.active_topology, 1u);
  EXPECT_EQ(x.other_topology, 2u);
  EXPECT_TRUE(a.told->transfers.empty()) << "no new shard is ready";
  EXPECT_TRUE(a.told->drains.empty());
}

TEST_F(reshards, transfer_only_the_unit_whose_new_shards_are_ready) {
  auto a = running_cluster();
  ASSERT_TRUE(verb("reshard", 4).ok);
  w.pass(1s);
  // 2 -> 4: the unit of old shard 0 are the new shards 0 and 2.
  report(a, a.told->assignments.back(), {{1, 0, 2}, {1, 1, 2}, {2, 0, 4}, {2, 2, 4}});
  w.pass(5s);
  ASSERT_FALSE(a.told->transfers.empty());
  for (auto& x : a.told->transfers)
    EXPECT_EQ(x.shard, (shard_key{1, 0, 2}));
  EXPECT_TRUE(a.told->drains.empty()) << "nothing is cut yet";
}

TEST_F(reshards, a_second_one_is_refused_while_the_first_runs) {
  running_cluster();
  ASSERT_TRUE(verb("reshard", 4).ok);
  auto second = verb("reshard", 3);
  EXPECT_FALSE(second.ok);
  EXPECT_FALSE(second.why.empty());
}

TEST_F(reshards, a_plan_survives_the_coordinator) {
  auto a = running_cluster();
  ASSERT_TRUE(verb("reshard", 4).ok);
  auto before = a.told->assignments.back();
  restart();
  a.told->starts.clear();
  auto answer = join(a);
  ASSERT_EQ(why_not(answer), "");
  auto& x = std::get<assignment>(answer);
  EXPECT_EQ(x.plan, before.plan);
  EXPECT_EQ(x.other_topology, before.other_topology);
  EXPECT_GT(x.cluster_epoch, before.cluster_epoch);
  EXPECT_EQ(x.groups, before.groups);
  EXPECT_FALSE(verb("reshard", 3).ok);
  report(a, x, {{1, 0, 2}, {1, 1, 2}});
  w.pass(5s);
  std::set<shard_key> started;
  for (auto& order : a.told->starts) {
    EXPECT_EQ(order.cluster_epoch, x.cluster_epoch);
    started.insert(order.shard);
  }
  EXPECT_EQ(started.size(), 4u) << "the new shards, and no old one again";
}

TEST_F(reshards, an_abort_survives_the_coordinator_too) {
  auto a = running_cluster();
  ASSERT_TRUE(verb("reshard", 4).ok);
  ASSERT_TRUE(verb("abort").ok);
  restart();
  join(a);
  report(a, a.told->assignments.back(), {{1, 0, 2}, {1, 1, 2}});
  w.pass(60s);
  report(a, a.told->assignments.back(), {{1, 0, 2}, {1, 1, 2}});
  w.pass(1s);
  EXPECT_EQ(a.told->assignments.back().plan, 0u);
  EXPECT_EQ(a.told->assignments.back().active_topology, 1u);
  EXPECT_TRUE(verb("reshard", 3).ok);
}

TEST_F(reshards, a_plan_is_not_driven_on_while_paused) {
  auto a = running_cluster();
  ASSERT_TRUE(verb("reshard", 4).ok);
  w.pass(1s);
  ASSERT_TRUE(verb("pause").ok);
  report(a, a.told->assignments.back(), {{1, 0, 2}, {1, 1, 2}, {2, 0, 4}, {2, 1, 4}, {2, 2, 4}, {2, 3, 4}});
  w.pass(60s);
  EXPECT_TRUE(a.told->transfers.empty());
  ASSERT_TRUE(verb("continue").ok);
  w.pass(5s);
  EXPECT_FALSE(a.told->transfers.empty());
}

TEST_F(reshards, verbs_nobody_knows_are_answered_with_those_that_exist) {
  auto reply = verb("explode");
  EXPECT_FALSE(reply.ok);
  EXPECT_TRUE(says(reply.instead, "reshard"));
}

TEST_F(reshards, an_hour_of_them_leaves_as_many_timers_as_a_minute) {
  running_cluster();
  ASSERT_TRUE(verb("reshard", 4).ok);
  w.pass(60s);
  auto before = w.pending_timers();
  w.pass(1h);
  EXPECT_LE(w.pending_timers(), before);
}

} // namespace
} // namespace shardyard::testing
