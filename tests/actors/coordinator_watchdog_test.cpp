// Sessions that no longer bring a kind of event, and what the coordinator does about them.
#include "tests/actors/coordinator_scene.hpp"

namespace shardyard::testing {
namespace {

struct a_watchdog : coordinator_scene {
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

} // namespace
} // namespace shardyard::testing
