// A node without sockets: what it does with the coordinator's words and what it tells. Dialling and shards
// need the network and are tested with processes.
#include "actors/node/node_actor.hpp"
#include "tests/actors/coordinator_scene.hpp"

namespace shardyard::testing {
namespace {

struct a_node : coordinator_scene {
  local_node_actor made;
  partition_group_actor group;

  local_node_actor spawn(std::uint64_t incarnation = 1) {
    node_setup x;
    x.card.name = "a";
    x.card.incarnation = incarnation;
    x.card.cluster = "c1";
    x.card.host = "127.0.0.1";
    x.card.port = 4000;
    x.state_dir = (folder.path() / "node").string();
    x.coordinator = coordinator;
    x.log_thread = false;
    return w.keep(spawn_quiet_node(w.system, std::move(x)));
  }
  void begin() {
    made = spawn();
    w.send(made, std::uint16_t{4000});
    w.pass(2s);
    auto found = w.ask<partition_group_actor>(node_actor{made}, find_partition_group{1, 1});
    ASSERT_TRUE(std::holds_alternative<partition_group_actor>(found));
    group = w.keep(std::get<partition_group_actor>(found));
  }
};

TEST_F(a_node, joins_runs_its_partitions_and_says_who_it_is) {
  begin();
  node_card peer;
  peer.name = "b";
  peer.cluster = "c1";
  auto card = w.ask<node_card>(node_actor{made}, peer, caf::strong_actor_ptr{});
  ASSERT_TRUE(std::holds_alternative<node_card>(card));
  EXPECT_EQ(std::get<node_card>(card).port, 4000);
}

TEST_F(a_node, has_no_partitions_to_show_before_the_coordinator_gave_it_some) {
  made = spawn();
  auto group = w.ask<partition_group_actor>(node_actor{made}, find_partition_group{1, 1});
  EXPECT_TRUE(std::holds_alternative<std::string>(group));
}

TEST_F(a_node, refuses_peers_of_another_cluster_or_protocol_with_the_reason) {
  begin();
  node_card stranger;
  stranger.name = "b";
  stranger.cluster = "c2";
  auto answer = w.ask<node_card>(node_actor{made}, stranger, caf::strong_actor_ptr{});
  ASSERT_TRUE(std::holds_alternative<std::string>(answer));
  EXPECT_NE(std::get<std::string>(answer).find("c2"), std::string::npos);
  stranger.cluster = "c1";
  stranger.protocol = protocol_version + 1;
  answer = w.ask<node_card>(node_actor{made}, stranger, caf::strong_actor_ptr{});
  ASSERT_TRUE(std::holds_alternative<std::string>(answer));
  EXPECT_NE(std::get<std::string>(answer).find("protocol"), std::string::npos);
}

TEST_F(a_node, carries_out_nothing_of_an_older_epoch) {
  begin();
  auto known = std::get<assignment>(join({.card =
                                              [] {
                                                node_card x;
                                                x.name = "a";
                                                x.incarnation = 1;
                                                x.cluster = "c1";
                                                return x;
                                              }(),
                                          .handle = node_actor{made}}));
  w.send(node_actor{made}, start{0, known.cluster_epoch - 1, {1, 0, 2}, 1, {}});
  w.send(node_actor{made}, drain{1, known.cluster_epoch - 1, {1, 0, 2}});
  w.pass(5s);
  auto text = boost::json::serialize(status());
  EXPECT_EQ(text.find("1:[0,2]"), std::string::npos) << text;
}

TEST_F(a_node, ends_with_its_partitions_instead_of_going_on_without_them) {
  begin();
  auto group = std::get<partition_group_actor>(
      w.ask<partition_group_actor>(node_actor{made}, find_partition_group{1, 1}));
  w.end(group);
  w.pass(1s);
  auto answer = w.ask<partition_group_actor>(node_actor{made}, find_partition_group{1, 1});
  EXPECT_TRUE(std::holds_alternative<std::string>(answer));
}

TEST_F(a_node, that_is_killed_takes_its_partitions_along) {
  begin();
  caf::scoped_actor watcher{w.system};
  watcher->monitor(group);
  w.end(made);
  ASSERT_FALSE(watcher->mailbox().empty()) << "the partitions went on without their node";
  watcher->receive([](const caf::down_msg&) {});
}

TEST_F(a_node, keeps_its_timers_few) {
  begin();
  w.pass(60s);
  auto before = w.pending_timers();
  w.pass(1h);
  EXPECT_LE(w.pending_timers(), before + 2);
}

} // namespace
} // namespace shardyard::testing
