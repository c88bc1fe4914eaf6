// Nodes that join, and the shards of a new cluster.
#include "tests/actors/coordinator_scene.hpp"

namespace shardyard::testing {
namespace {

struct membership : coordinator_scene {};

TEST_F(membership, a_node_that_joins_learns_its_partitions) {
  auto a = node("a");
  auto answer = join(a);
  ASSERT_EQ(why_not(answer), "");
  auto& x = std::get<assignment>(answer);
  EXPECT_EQ(x.groups, (std::vector<group_place>{{1, 1, "a", {0, 1, 2, 3}}}));
  EXPECT_EQ(x.coordinator_node, "a");
  EXPECT_GT(x.cluster_epoch, 0u);
}

TEST_F(membership, partitions_wait_for_the_least_number_of_nodes) {
  w.end(coordinator);
  setup.min_nodes = 2;
  coordinator = w.keep(spawn_coordinator(w.system, setup));
  auto a = node("a"), b = node("b");
  EXPECT_TRUE(std::get<assignment>(join(a)).groups.empty());
  w.pass(10s);
  auto groups = std::get<assignment>(join(b)).groups;
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].node, "a");
  EXPECT_EQ(groups[1].node, "b");
  EXPECT_EQ(groups[0].partitions.size(), 2u);
  EXPECT_EQ(groups[1].partitions.size(), 2u);
  EXPECT_EQ(a.told->assignments.back().groups, groups);
}

TEST_F(membership, a_node_of_another_cluster_is_refused_with_both_names) {
  auto stranger = node("a");
  stranger.card.cluster = "c2";
  auto why = why_not(join(stranger));
  EXPECT_TRUE(says(why, "c1") && says(why, "c2")) << why;
  EXPECT_TRUE(std::get<assignment>(join(node("b"))).members.size() == 1);
}

TEST_F(membership, a_node_of_another_protocol_is_refused) {
  auto old = node("a");
  old.card.protocol = protocol_version + 1;
  EXPECT_TRUE(says(why_not(join(old)), "protocol"));
}

TEST_F(membership, a_second_node_of_the_same_name_is_refused_while_the_first_is_there) {
  auto first = node("a", 1), second = node("a", 2);
  EXPECT_EQ(why_not(join(first)), "");
  EXPECT_TRUE(says(why_not(join(second)), "already here"));
  EXPECT_EQ(why_not(join(first)), "") << "the first one may come again";
  w.end(first.handle);
  EXPECT_EQ(why_not(join(second)), "");
}

TEST_F(membership, a_report_of_another_epoch_or_incarnation_changes_nothing) {
  auto a = running_cluster();
  auto stale = a.told->assignments.back();
  stale.cluster_epoch -= 1;
  report(a, stale, {});
  auto impostor = a;
  impostor.card.incarnation = 9;
  report(impostor, a.told->assignments.back(), {});
  EXPECT_TRUE(verb("reshard", 4).ok) << "both shards still count as ready";
}

struct first_topology : coordinator_scene {};

TEST_F(first_topology, every_shard_is_started_again_until_it_is_reported) {
  discord_is_well();
  auto a = node("a");
  join(a);
  w.pass(5s);
  EXPECT_TRUE(a.told->starts.empty()) << "before the node has said what it runs, it may run them already";
  report(a, a.told->assignments.back(), {}, false);
  w.pass(1s);
  ASSERT_EQ(a.told->starts.size(), 2u);
  EXPECT_EQ(a.told->starts[0].shard, (shard_key{1, 0, 2}));
  EXPECT_EQ(a.told->starts[0].plan, 0u);
  w.pass(5s);
  EXPECT_GT(a.told->starts.size(), 2u);
  report(a, a.told->assignments.back(), {{1, 0, 2}, {1, 1, 2}}, false);
  auto before = a.told->starts.size();
  w.pass(60s);
  EXPECT_EQ(a.told->starts.size(), before);
}

TEST_F(first_topology, nothing_starts_before_discord_has_named_the_gateway) {
  discord_says(net::rate_limited{30s, false});
  auto a = node("a");
  join(a);
  report(a, a.told->assignments.back(), {}, false);
  w.pass(60s);
  EXPECT_TRUE(a.told->starts.empty());
  EXPECT_TRUE(says(boost::json::serialize(status()), "/gateway/bot"));
  discord_is_well();
  w.pass(1s);
  EXPECT_EQ(a.told->starts.size(), 2u);
  EXPECT_EQ(a.told->assignments.back().gateway_url, "wss://gateway.test");
}

TEST_F(first_topology, the_last_good_answer_serves_while_discord_refuses) {
  discord_is_well();
  restart();
  discord_says(net::server_fault{503});
  auto a = node("a");
  join(a);
  report(a, a.told->assignments.back(), {}, false);
  w.pass(1s);
  EXPECT_EQ(a.told->starts.size(), 2u);
}

} // namespace
} // namespace shardyard::testing
