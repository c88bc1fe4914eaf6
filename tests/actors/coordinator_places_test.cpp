// How the coordinator brings shards and partitions to other hosts, by order and because a host died.
#include "tests/actors/coordinator_scene.hpp"

namespace shardyard::testing {
namespace {

struct two_hosts : coordinator_scene {
  fake_node a, b;
  assignment at_first;
  std::map<std::string, std::vector<group_copy>> copies;

  void begin(bool failover = true) {
    w.end(coordinator);
    setup.min_nodes = 2;
    setup.failover = failover;
    coordinator = w.keep(spawn_coordinator(w.system, setup));
    discord_is_well();
    a = node("a");
    b = node("b");
    join(a);
    at_first = std::get<assignment>(join(b));
    w.pass(1s);
    run_groups();
    w.pass(1s);
    run_shards();
    forget_orders();
  }
  void forget_orders() {
    for (auto& x : {a, b})
      *x.told = {.assignments = {x.told->assignments.back()}};
  }
  assignment newest() const { return a.told->assignments.back(); }

  /// Each node says that it runs the groups of `under` that are its own, and its half of the shards.
  void tell(const fake_node& x, const assignment& under, std::vector<shard_key> shards) {
    node_report picture;
    picture.node = x.card.name;
    picture.incarnation = x.card.incarnation;
    picture.cluster_epoch = under.cluster_epoch;
    for (auto& place : under.groups)
      if (place.node == x.card.name)
        picture.groups.push_back({place.id, place.epoch, false, 0});
    picture.copies = copies[x.card.name];
    for (auto& shard : shards) {
      shard_status row;
      row.shard = shard;
      row.phase = shard_phase::live;
      row.was_ready = true;
      picture.shards.push_back(row);
    }
    w.send(coordinator, picture);
  }
  void run_groups() {
    tell(a, at_first, {});
    tell(b, at_first, {});
  }
  std::string host_of(const shard_key& shard) const {
    for (auto* x : {&a, &b})
      for (auto& order : x->told->starts)
        if (order.shard == shard)
          return x->card.name;
    return {};
  }
  std::vector<shard_key> of_a, of_b;
  void run_shards() {
    for (std::uint32_t id = 0; id < 2; ++id)
      (host_of({1, id, 2}) == "a" ? of_a : of_b).push_back({1, id, 2});
    tell(a, newest(), of_a);
    tell(b, newest(), of_b);
  }

  /// `lost` is lost and comes back before its lease is over, with the shards that go on at `other`.
  void expect_twins_closed(fake_node& lost, fake_node& other, const std::vector<shard_key>& taken) {
    auto both = of_a;
    both.insert(both.end(), of_b.begin(), of_b.end());
    w.end(lost.handle);
    w.pass(200ms);
    lost = node(lost.card.name);
    ASSERT_EQ(why_not(join(lost)), "");
    auto under = other.told->assignments.back();
    tell(other, under, both);
    tell(lost, under, taken);
    w.pass(500ms);
    ASSERT_EQ(lost.told->releases.size(), 1u);
    EXPECT_EQ(lost.told->releases.front().shard, taken.front());
    EXPECT_TRUE(other.told->releases.empty()) << "the session would have no host";
  }

  admin_reply order(std::string verb, std::string subject, std::string to = {}) {
    admin_request x;
    x.verb = std::move(verb);
    x.subject = std::move(subject);
    x.node = std::move(to);
    auto answer = w.ask<admin_reply>(coordinator, x);
    EXPECT_TRUE(std::holds_alternative<admin_reply>(answer));
    return std::get<admin_reply>(answer);
  }
  std::chrono::milliseconds silent{0}; ///< the hosts have spoken for no other for so long
  lease_answer ask_lease(const fake_node& x) {
    lease_request question{x.card.name, x.card.incarnation, newest().cluster_epoch, newest().revision,
                           static_cast<std::uint64_t>(silent.count())};
    auto answer = w.ask<lease_answer>(coordinator, question);
    EXPECT_TRUE(std::holds_alternative<lease_answer>(answer));
    return std::get<lease_answer>(answer);
  }
  session_checkpoint session_of(const shard_key& shard, std::uint64_t term) const {
    session_checkpoint row;
    row.shard = shard;
    row.session_id = "session-" + std::to_string(shard.id);
    row.cursor = 70;
    row.term = term;
    return row;
  }
};

TEST_F(two_hosts, a_shard_is_closed_in_order_before_another_host_resumes_its_session) {
  begin();
  ASSERT_EQ(of_a.size(), 1u);
  auto shard = of_a.front();
  ASSERT_TRUE(order("move", std::to_string(shard.id), "b").ok);
  w.pass(500ms);
  ASSERT_EQ(a.told->releases.size(), 1u);
  EXPECT_EQ(a.told->releases.front().shard, shard);
  EXPECT_TRUE(b.told->starts.empty()) << "two hosts would hold one session";
  w.send(coordinator, shard_released{newest().cluster_epoch, "a", shard, session_of(shard, 9), 3});
  ASSERT_EQ(b.told->starts.size(), 1u);
  EXPECT_EQ(b.told->starts.front().shard, shard);
  ASSERT_TRUE(b.told->starts.front().session);
  EXPECT_EQ(b.told->starts.front().session->session_id, session_of(shard, 9).session_id);
  EXPECT_EQ(b.told->starts.front().session->cursor, 70u);
}

/// The coordinator ends when `a` has closed the shard for `b`; the next one hears of `b` first.
struct a_coordinator_that_ends_in_a_move : two_hosts {
  shard_key moved;

  void SetUp() override {
    begin();
    moved = of_a.front();
    ASSERT_TRUE(order("move", std::to_string(moved.id), "b").ok);
    w.pass(500ms);
    ASSERT_EQ(a.told->releases.size(), 1u);
    forget_orders();
    restart();
    discord_is_well();
    come_back(b, of_b);
  }
  void come_back(fake_node& x, const std::vector<shard_key>& shards) {
    auto under = join(x);
    ASSERT_EQ(why_not(under), "");
    tell(x, std::get<assignment>(under), shards);
  }
};

TEST_F(a_coordinator_that_ends_in_a_move, does_not_lose_the_session_to_who_is_heard_first) {
  w.pass(1s);
  EXPECT_TRUE(b.told->starts.empty()) << "a may have the session";
  auto under = join(a);
  ASSERT_EQ(why_not(under), "");
  checkpoint_report rows{.node = "a", .incarnation = a.card.incarnation};
  rows.cluster_epoch = std::get<assignment>(under).cluster_epoch;
  rows.rows.push_back(session_of(moved, 9));
  w.send(coordinator, rows);
  tell(a, std::get<assignment>(under), {});
  w.pass(500ms);
  ASSERT_EQ(b.told->starts.size(), 1u);
  EXPECT_EQ(b.told->starts.front().shard, moved);
  ASSERT_TRUE(b.told->starts.front().session);
  EXPECT_EQ(b.told->starts.front().session->session_id, session_of(moved, 9).session_id);
}

TEST_F(a_coordinator_that_ends_in_a_move, is_not_followed_by_one_that_waits_for_ever) {
  w.pass(3s);
  ASSERT_EQ(b.told->starts.size(), 1u);
  EXPECT_EQ(b.told->starts.front().shard, moved);
}

TEST_F(two_hosts, a_partition_is_released_kept_and_then_adopted_under_a_higher_epoch) {
  begin();
  auto from = newest().groups.front();
  ASSERT_EQ(from.node, "a");
  ASSERT_TRUE(order("move", "partition:" + std::to_string(from.partitions.front()), "b").ok);
  w.pass(500ms);
  ASSERT_EQ(a.told->group_releases.size(), 1u);
  EXPECT_EQ(a.told->group_releases.front().epoch, from.epoch);
  EXPECT_TRUE(a.told->adoptions.empty() && b.told->adoptions.empty()) << "before its state is kept";
  copies["a"] = {{from.id, from.epoch, 100, true}};
  auto nothing = newest();
  std::erase_if(nothing.groups, [&](auto& x) { return x.node == "a"; });
  tell(a, nothing, of_a);
  w.pass(2s);
  ASSERT_FALSE(b.told->adoptions.empty());
  auto& taken = b.told->adoptions.front();
  EXPECT_EQ(taken.place.partitions, std::vector<std::uint32_t>{from.partitions.front()});
  EXPECT_GT(taken.place.epoch, from.epoch);
  EXPECT_EQ(taken.source_node, "a");
  EXPECT_EQ(taken.source_epoch, from.epoch);
  ASSERT_FALSE(a.told->adoptions.empty()) << "what stays goes on, too";
  EXPECT_EQ(a.told->adoptions.front().place.id, from.id);
  tell(a, newest(), of_a);
  tell(b, newest(), of_b);
  a.told->adoptions.clear();
  b.told->adoptions.clear();
  w.pass(5s);
  EXPECT_TRUE(a.told->adoptions.empty() && b.told->adoptions.empty()) << "both run";
}

TEST_F(two_hosts, shards_of_a_lost_host_are_resumed_at_once_and_its_partitions_when_its_lease_is_over) {
  begin();
  checkpoint_report kept;
  kept.node = "b";
  kept.rows = {session_of(of_b.front(), 5)};
  w.send(coordinator, kept);
  copies["a"] = {{2, 1, 100, false}};
  tell(a, newest(), of_a);
  ASSERT_EQ(ask_lease(b).verdict, lease_verdict::granted);
  ask_lease(a);
  w.end(b.handle);
  w.pass(200ms);
  ASSERT_EQ(a.told->starts.size(), 1u);
  ASSERT_TRUE(a.told->starts.front().session);
  EXPECT_EQ(a.told->starts.front().session->session_id, session_of(of_b.front(), 5).session_id);
  auto pass = [this](auto time) {
    for (auto end = w.now() + time; w.now() < end; w.pass(500ms))
      ask_lease(a);
  };
  pass(4s);
  EXPECT_TRUE(a.told->adoptions.empty()) << "the lost host may still deliver";
  pass(3s);
  ASSERT_FALSE(a.told->adoptions.empty());
  EXPECT_EQ(a.told->adoptions.front().place.id, 2u);
  EXPECT_EQ(a.told->adoptions.front().source_node, "a");
  EXPECT_EQ(ask_lease(b).verdict, lease_verdict::fenced);
  EXPECT_NE(why_not(join(b)), "") << "the incarnation that was declared dead";
}

TEST_F(two_hosts, partitions_of_a_silent_host_wait_for_its_lease_alone_where_nobody_can_have_spoken_for_it) {
  begin();
  copies["a"] = {{2, 1, 100, false}};
  tell(a, newest(), of_a);
  silent = 60s;
  ask_lease(a);
  ask_lease(b);
  auto last = w.now();
  w.pass(4s); // until its silence is noticed
  w.end(b.handle);
  while (a.told->adoptions.empty() && w.now() < last + 20s) {
    w.pass(250ms);
    ask_lease(a);
  }
  EXPECT_GE(w.now() - last, setup.lease_ttl) << "it may still have delivered";
  EXPECT_LE(w.now() - last, setup.lease_ttl + 1s);
}

TEST_F(two_hosts, what_a_host_said_for_the_lost_one_a_moment_ago_must_run_out_first) {
  begin();
  copies["a"] = {{2, 1, 100, false}};
  tell(a, newest(), of_a);
  ask_lease(b);
  auto last = w.now();
  w.pass(4s);
  silent = 1s; // after a time without coordinator
  w.end(b.handle);
  while (a.told->adoptions.empty() && w.now() < last + 20s) {
    w.pass(250ms);
    ask_lease(a);
    silent += 250ms;
  }
  EXPECT_GE(w.now() - last, 3s + setup.lease_ttl);
}

TEST_F(two_hosts, a_host_that_comes_back_in_time_closes_the_shards_that_go_on_elsewhere) {
  begin();
  expect_twins_closed(b, a, of_b);
}

TEST_F(two_hosts, the_first_host_by_name_that_comes_back_in_time_does_so_too) {
  begin();
  expect_twins_closed(a, b, of_a);
}

TEST_F(two_hosts, a_group_whose_target_died_goes_on_only_when_its_source_has_let_go) {
  begin();
  auto from = newest().groups.front();
  ASSERT_EQ(from.node, "a");
  ASSERT_TRUE(order("move", "partition:" + std::to_string(from.partitions.front()), "b").ok);
  w.end(b.handle);
  for (int i = 0; i < 20; ++i) {
    tell(a, at_first, of_a); // it still runs the group as it was
    ask_lease(a);
    w.pass(500ms);
  }
  EXPECT_TRUE(a.told->adoptions.empty()) << "two would deliver";
  EXPECT_GT(a.told->group_releases.size(), 1u) << "the order is repeated";
  copies["a"] = {{from.id, from.epoch, 100, true}};
  auto nothing = at_first;
  nothing.groups.clear();
  tell(a, nothing, of_a);
  w.pass(2s);
  ASSERT_FALSE(a.told->adoptions.empty());
  for (auto& x : a.told->adoptions) {
    EXPECT_EQ(x.source_node, "a");
    EXPECT_EQ(x.source_epoch, from.epoch);
    EXPECT_GT(x.place.epoch, from.epoch);
  }
}

TEST_F(two_hosts, without_failover_a_lost_host_is_waited_for) {
  begin(false);
  copies["a"] = {{2, 1, 100, false}};
  tell(a, newest(), of_a);
  w.end(b.handle);
  for (int i = 0; i < 40; ++i) {
    ask_lease(a);
    w.pass(500ms);
  }
  EXPECT_TRUE(a.told->starts.empty());
  EXPECT_TRUE(a.told->adoptions.empty());
}

TEST_F(two_hosts, a_lost_host_without_a_copy_is_waited_for_and_told) {
  begin();
  w.end(b.handle);
  for (int i = 0; i < 40; ++i) {
    ask_lease(a);
    w.pass(500ms);
  }
  EXPECT_TRUE(a.told->adoptions.empty());
  EXPECT_NE(std::string{status().at("notice").as_string()}.find("no host keeps a copy"), std::string::npos);
}

TEST_F(two_hosts, a_drained_host_gives_everything_and_gets_nothing_until_uncordoned) {
  begin();
  ASSERT_TRUE(order("drain-node", "b").ok);
  w.pass(500ms);
  EXPECT_EQ(b.told->group_releases.size(), 1u);
  EXPECT_EQ(b.told->releases.size(), 1u);
  EXPECT_FALSE(order("move", std::to_string(of_a.front().id), "b").ok);
  EXPECT_FALSE(order("drain-node", "a").ok) << "nobody could take it";
  EXPECT_TRUE(order("uncordon", "b").ok);
  EXPECT_FALSE(order("uncordon", "b").ok);
}

TEST_F(two_hosts, every_refused_move_says_why_and_what_to_do) {
  begin();
  auto there = std::to_string(newest().groups.back().partitions.front());
  ASSERT_EQ(newest().groups.back().node, "b");
  for (auto& [subject, to] : std::vector<std::pair<std::string, std::string>>{{"0", "nobody"},
                                                                              {"7", "b"},
                                                                              {"x", "b"},
                                                                              {"9:0", "b"},
                                                                              {"partition:99", "b"},
                                                                              {"partition:" + there, "b"},
                                                                              {"partition:", "b"}}) {
    auto reply = order("move", subject, to);
    EXPECT_FALSE(reply.ok) << subject;
    EXPECT_NE(reply.why, "") << subject;
    EXPECT_NE(reply.instead, "") << subject;
  }
}

} // namespace
} // namespace shardyard::testing
