// A node and those that it knows: who greets it before it is told of them, who is lost and comes back, and
// whom it asks for the coordinator. The node has the greatest name, so it waits a second before it dials
// anybody; no test lasts so long with somebody left to be dialled.
#include "actors/node/node_actor.hpp"
#include "tests/actors/coordinator_scene.hpp"

namespace shardyard::testing {
namespace {

struct acquaintances : coordinator_scene {
  local_node_actor z;
  node_card card_of_z;
  fake_node a = known_node("a", 1), b = known_node("b", 2), c = known_node("c", 3);
  std::uint64_t revision = 0;

  void SetUp() override {
    node_setup x;
    x.card.name = "z";
    x.card.incarnation = 1;
    x.card.cluster = "c1";
    x.card.host = "127.0.0.1";
    x.card.port = 4000;
    card_of_z = x.card;
    x.state_dir = (folder.path() / "z").string();
    x.log_thread = false;
    z = w.keep(spawn_quiet_node(w.system, std::move(x)));
  }

  fake_node known_node(std::string name, std::uint16_t port, std::uint64_t incarnation = 1) {
    auto x = node(std::move(name), incarnation);
    x.card.port = port;
    return x;
  }
  void greet(const fake_node& x) {
    auto answer = w.ask<node_card>(node_actor{z}, x.card, caf::actor_cast<caf::strong_actor_ptr>(x.handle));
    ASSERT_TRUE(std::holds_alternative<node_card>(answer));
  }
  /// A coordinator's word: these are members, and the partitions are at the first.
  void learn(std::vector<fake_node> members, std::uint64_t group_epoch = 1) {
    assignment x;
    x.cluster_epoch = 1;
    x.partition_count = 4;
    x.groups = {{1, group_epoch, members.front().card.name, {0, 1, 2, 3}}};
    for (auto& one : members)
      x.members.push_back(one.card);
    x.members.push_back(card_of_z);
    x.revision = ++revision;
    w.send(node_actor{z}, x);
  }
  /// Its time begins to pass, and without a coordinator it looks for one.
  void wake() { w.send(z, card_of_z.port); }

  static std::size_t asked_for_group(const fake_node& x) { return x.told->group_asks.size(); }
  static std::size_t asked_for_coordinator(const fake_node& x) { return x.told->coordinator_asks; }
  bool has_joined() {
    return boost::json::serialize(status().at("nodes")).find("\"z\"") != std::string::npos;
  }
};

TEST_F(acquaintances, who_greets_before_it_is_a_member_is_a_peer_as_soon_as_it_is_one) {
  greet(a);
  EXPECT_EQ(asked_for_group(a), 0u);
  learn({a});
  EXPECT_EQ(asked_for_group(a), 1u);
}

TEST_F(acquaintances, who_was_dialled_as_a_seed_is_a_peer_as_soon_as_it_is_a_member) {
  w.send(z, peer_found{"127.0.0.1:1", {}, a.card, a.handle, {}, {}, 0});
  EXPECT_EQ(asked_for_group(a), 0u);
  learn({a});
  EXPECT_EQ(asked_for_group(a), 1u);
}

TEST_F(acquaintances, a_member_that_greets_is_a_peer_at_once) {
  learn({a});
  EXPECT_EQ(asked_for_group(a), 0u);
  greet(a);
  EXPECT_EQ(asked_for_group(a), 1u);
}

TEST_F(acquaintances, an_earlier_life_is_not_taken_for_the_member) {
  greet(a);
  auto next = known_node("a", 1, 2);
  learn({next});
  EXPECT_EQ(asked_for_group(a), 0u);
  greet(a); // late
  EXPECT_EQ(asked_for_group(a), 0u);
  greet(next);
  EXPECT_EQ(asked_for_group(a), 0u);
  EXPECT_EQ(asked_for_group(next), 1u);
}

TEST_F(acquaintances, a_node_that_is_not_a_member_is_remembered_and_no_peer) {
  greet(a);
  greet(b);
  learn({a});
  wake();
  EXPECT_EQ(asked_for_group(b), 0u);
  EXPECT_EQ(asked_for_coordinator(b), 0u);
  learn({b, a}, 2);
  EXPECT_EQ(asked_for_group(b), 1u);
}

TEST_F(acquaintances, a_peer_that_was_lost_is_one_again_when_it_greets) {
  learn({a});
  greet(a);
  w.end(a.handle);
  a = known_node("a", 1);
  w.pass(900ms);
  EXPECT_EQ(asked_for_group(a), 0u);
  greet(a);
  EXPECT_EQ(asked_for_group(a), 1u);
}

TEST_F(acquaintances, the_end_of_an_earlier_life_does_not_end_the_acquaintance_with_the_next) {
  greet(a);
  auto next = known_node("a", 1, 2);
  greet(next);
  w.end(a.handle); // a half-open connection is noticed when the host is long back
  learn({next});
  EXPECT_EQ(asked_for_group(next), 1u);
}

TEST_F(acquaintances, the_end_of_an_earlier_life_does_not_lose_the_peer_that_came_back) {
  learn({a});
  greet(a);
  auto next = known_node("a", 1, 2);
  learn({next}, 2);
  greet(next);
  ASSERT_EQ(asked_for_group(next), 1u);
  w.end(a.handle);
  learn({next}, 3);
  EXPECT_EQ(asked_for_group(next), 2u) << "the group moved on, and its node is reached";
}

TEST_F(acquaintances, a_peer_is_asked_for_the_coordinator_and_the_one_that_it_names_is_joined) {
  a.told->coordinator = coordinator;
  greet(a);
  learn({a});
  EXPECT_EQ(asked_for_coordinator(a), 0u);
  wake();
  EXPECT_EQ(asked_for_coordinator(a), 1u);
  EXPECT_TRUE(has_joined());
  w.pass(900ms);
  EXPECT_EQ(asked_for_coordinator(a), 1u) << "it has one";
}

TEST_F(acquaintances, peers_that_name_nobody_are_asked_in_turn_and_again) {
  for (auto& x : {a, b})
    greet(x);
  learn({a, b});
  wake();
  w.pass(190ms);
  EXPECT_EQ(asked_for_coordinator(a), 1u);
  EXPECT_EQ(asked_for_coordinator(b), 0u) << "not in a hurry";
  w.pass(3s);
  EXPECT_GE(asked_for_coordinator(a), 3u);
  EXPECT_GE(asked_for_coordinator(b), 3u);
  b.told->coordinator = coordinator;
  w.pass(2s);
  EXPECT_TRUE(has_joined());
}

TEST_F(acquaintances, the_place_that_a_peer_names_is_asked_next) {
  for (auto& x : {a, b, c})
    greet(x);
  a.told->hint_host = c.card.host;
  a.told->hint_port = c.card.port;
  c.told->coordinator = coordinator;
  learn({a, b, c});
  wake();
  w.pass(150ms);
  EXPECT_EQ(asked_for_coordinator(a), 1u);
  EXPECT_EQ(asked_for_coordinator(b), 0u);
  EXPECT_EQ(asked_for_coordinator(c), 1u);
  EXPECT_TRUE(has_joined());
}

TEST_F(acquaintances, a_peer_that_hangs_is_not_waited_for) {
  a.told->hangs = true;
  b.told->coordinator = coordinator;
  for (auto& x : {a, b})
    greet(x);
  learn({a, b});
  wake();
  w.pass(900ms);
  EXPECT_EQ(asked_for_coordinator(a), 1u);
  EXPECT_EQ(asked_for_coordinator(b), 0u) << "it may still answer";
  w.pass(300ms);
  EXPECT_EQ(asked_for_coordinator(b), 1u);
  EXPECT_TRUE(has_joined());
  w.pass(5s);
  EXPECT_EQ(asked_for_coordinator(b), 1u) << "what the first one did not say changes nothing";
}

TEST_F(acquaintances, who_is_met_without_a_coordinator_is_asked_at_once) {
  greet(a);
  learn({a, b});
  wake();
  ASSERT_EQ(asked_for_coordinator(a), 1u);
  b.told->coordinator = coordinator;
  greet(b);
  w.pass(100ms); // the next place would have its turn after 200 ms at the least
  EXPECT_EQ(asked_for_coordinator(b), 1u);
  EXPECT_TRUE(has_joined());
}

} // namespace
} // namespace shardyard::testing
