#include "tests/actors/coordinator_scene.hpp"

namespace shardyard::testing {
namespace {

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

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

// ---- shards of a new cluster

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

// ---- permits

struct permits : coordinator_scene {};

TEST_F(permits, of_one_key_are_five_seconds_apart) {
  discord_is_well();
  std::vector<caf::actor_clock::time_point> when;
  for (std::uint32_t id = 0; id < 6; ++id)
    when.push_back(identify({1, id, 6}, id + 1));
  for (std::size_t i = 1; i < when.size(); ++i) {
    EXPECT_GE(when[i] - when[i - 1], 5s);
    EXPECT_LE(when[i] - when[i - 1], 6s);
  }
}

TEST_F(permits, of_different_keys_are_granted_together) {
  max_concurrency = 4;
  discord_is_well();
  auto begin = w.now();
  for (std::uint32_t id = 0; id < 4; ++id)
    EXPECT_EQ(identify({1, id, 8}, id + 1), begin);
  EXPECT_GE(identify({1, 4, 8}, 5) - begin, 5s);
}

TEST_F(permits, the_same_wish_asked_twice_is_granted_once) {
  discord_is_well();
  auto first = permit({1, 0, 2}, 7), again = permit({1, 0, 2}, 7);
  ASSERT_EQ(first.verdict, identify_verdict::granted);
  EXPECT_EQ(again.permit, first.permit);
  EXPECT_EQ(permit({1, 1, 2}, 8).verdict, identify_verdict::wait);
}

TEST_F(permits, are_refused_with_the_figures_when_discord_leaves_too_few) {
  discord_is_well(3);
  auto answer = permit({1, 0, 2}, 1, identify_purpose::reshard);
  EXPECT_EQ(answer.verdict, identify_verdict::refused);
  EXPECT_TRUE(says(answer.why, "3 of 1000")) << answer.why;
  EXPECT_FALSE(answer.instead.empty());
  EXPECT_GE(answer.after_ms, 60'000u);
}

TEST_F(permits, a_restart_does_not_free_a_key) {
  discord_is_well();
  auto first = permit({1, 0, 2}, 1);
  ASSERT_EQ(first.verdict, identify_verdict::granted);
  restart();
  discord_is_well();
  auto begin = w.now();
  EXPECT_GE(identify({1, 1, 2}, 2) - begin, 5s);
}

TEST_F(permits, a_permit_that_is_given_back_frees_its_key_at_once) {
  discord_is_well();
  auto first = permit({1, 0, 2}, 1);
  ASSERT_EQ(first.verdict, identify_verdict::granted);
  EXPECT_EQ(permit({1, 1, 2}, 2).verdict, identify_verdict::wait);
  w.send(coordinator, permit_returned{{1, 0, 2}, first.permit});
  EXPECT_EQ(permit({1, 1, 2}, 2).verdict, identify_verdict::granted);
}

// ---- reshards

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

struct a_watchdog : reshards {
  fake_node a;

  void begin(bool renews) {
    w.end(coordinator);
    setup.replace_silent_sessions = renews;
    coordinator = w.keep(spawn_coordinator(w.system, setup));
    a = running_cluster();
  }
  std::uint64_t epoch() const { return a.told->assignments.back().cluster_epoch; }

  /// Ten seconds of both shards with that many messages.
  void stretch(std::uint32_t of_first, std::uint32_t of_second) {
    mix_report x{"a", epoch(), {}};
    auto message = find_event_type("MESSAGE_CREATE"), reaction = find_event_type("MESSAGE_REACTION_ADD");
    for (auto [id, count] : {std::pair{0u, of_first}, std::pair{1u, of_second}}) {
      x.shards.push_back({{1, id, 2}, 10, 10'000, {{reaction, 20}}});
      if (count > 0)
        x.shards.back().counts.push_back({message, count});
    }
    w.send(coordinator, x);
  }
  void second_shard_goes_dumb() {
    for (int i = 0; i < 60; ++i)
      stretch(20, 20);
    for (int i = 0; i < 30; ++i)
      stretch(20, 0);
  }
  /// New sessions are there, and some guilds of each old one could not be cut.
  void exceptions_come_up() {
    w.pass(1s);
    auto& under = a.told->assignments.back();
    node_report x;
    x.node = "a";
    x.incarnation = 1;
    x.cluster_epoch = under.cluster_epoch;
    for (auto& place : under.groups)
      x.groups.push_back({place.id, place.epoch, false, under.plan});
    for (std::uint32_t topology = 1; topology <= 2; ++topology)
      for (std::uint32_t id = 0; id < 2; ++id) {
        auto& shard = x.shards.emplace_back();
        shard.shard = {topology, id, 2};
        shard.phase = shard_phase::live;
        shard.was_ready = true;
      }
    for (std::uint32_t id = 0; id < 2; ++id) {
      auto& row = x.handovers.emplace_back();
      row.group = under.groups.front().id;
      row.shard = {1, id, 2};
      row.transferred = true;
      row.led = row.exceptions = 3;
    }
    w.send(coordinator, x);
    w.pass(5s);
  }
  std::set<shard_key> accepted() const {
    std::set<shard_key> result;
    for (auto& x : a.told->transfers)
      if (x.accept) {
        EXPECT_TRUE(x.calls) << "calls have a policy of their own";
        result.insert(x.shard);
      }
    return result;
  }
};

TEST_F(a_watchdog, that_renews_needs_nobody_to_accept_what_the_dumb_session_cannot_prove) {
  begin(true);
  second_shard_goes_dumb();
  ASSERT_TRUE(status().at("resharding").as_bool());
  exceptions_come_up();
  EXPECT_EQ(accepted(), (std::set<shard_key>{{1, 1, 2}}));
  EXPECT_TRUE(status().at("reshard").at("units").at(1).at("dumb").as_bool());
  EXPECT_FALSE(status().at("reshard").at("units").at(0).at("dumb").as_bool());
}

TEST_F(a_watchdog, that_only_tells_leaves_exceptions_to_the_operator) {
  begin(false);
  second_shard_goes_dumb();
  ASSERT_FALSE(status().at("silent_kinds").as_array().empty());
  ASSERT_FALSE(status().at("resharding").as_bool());
  admin_request renewal;
  renewal.verb = "reshard";
  renewal.target = 2;
  renewal.renew = true;
  ASSERT_TRUE(std::get<admin_reply>(w.ask<admin_reply>(coordinator, renewal)).ok);
  exceptions_come_up();
  EXPECT_TRUE(accepted().empty());
  EXPECT_TRUE(verb("status").body.find("commit --accept") != std::string::npos);
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
