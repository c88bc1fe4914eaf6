// A reshard plan of a healthy cluster, and one that is driven by hand: the scene of the tests of plans.
#pragma once

#include "actors/coordinator/plan_step.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace shardyard::testing {

using namespace std::chrono_literals;

inline constexpr auto start = unix_ms(1'800'000'000'000);

inline plan_context healthy(std::uint32_t active = 4) {
  plan_context context;
  context.next_plan_id = 7;
  context.next_topology_id = 3;
  context.cluster_epoch = 11;
  context.active = {2, active};
  context.guilds = 2000;
  context.identifies_left = 500;
  context.hosts = 2;
  return context;
}

inline reshard_plan plan(std::uint32_t from, std::uint32_t to, bool hold = false) {
  return std::get<reshard_plan>(make_plan({to, from == to, hold}, healthy(from), start));
}

inline void expect_refused(const result_or_refusal<reshard_plan>& x, const std::string& why) {
  auto no = refused(x);
  ASSERT_TRUE(no);
  EXPECT_NE(no->why.find(why), std::string::npos) << no->why;
  EXPECT_FALSE(no->instead.empty());
}

/// Drives one plan by hand: what is observed is set, `run` steps once and keeps the actions.
struct step_test : ::testing::Test {
  reshard_plan x = plan(2, 4);
  plan_memory memory;
  plan_observations seen;
  plan_tuning tuning;
  unix_time now = start;
  std::vector<plan_action> actions;
  bool journaled = false;

  void run() {
    auto result = step(x, memory, seen, tuning, now);
    x = result.plan;
    memory = result.memory;
    actions = result.actions;
    journaled = result.journal_first;
  }
  std::size_t count(plan_action_kind kind) const {
    return static_cast<std::size_t>(
        std::count_if(actions.begin(), actions.end(), [kind](const auto& a) { return a.kind == kind; }));
  }
  bool told(const std::string& text) const {
    return std::any_of(actions.begin(), actions.end(),
                       [&](const auto& a) { return a.text.find(text) != std::string::npos; });
  }
  std::vector<shard_key> all_shards() const {
    std::vector<shard_key> result;
    for (auto& topology : {x.from, x.to})
      for (std::uint32_t id = 0; id < topology.shard_count; ++id)
        result.push_back(topology.shard(id));
    return result;
  }
  void all_ready() {
    for (std::uint32_t u = 0; u < x.units.size(); ++u)
      for (const auto& shard : x.new_shards(u)) {
        seen[shard].running = seen[shard].ready = true;
        seen[shard].led = 0;
      }
    for (std::uint32_t u = 0; u < x.units.size(); ++u)
      for (const auto& shard : x.old_shards(u)) {
        seen[shard].running = seen[shard].ready = true;
        seen[shard].led = 10;
      }
  }
  void to_moving() {
    run();
    all_ready();
    run();
    ASSERT_EQ(state_of(x), plan_state::moving);
  }
  void all_cut() {
    for (std::uint32_t u = 0; u < x.units.size(); ++u)
      for (const auto& shard : x.old_shards(u)) {
        seen[shard].transferred = true;
        seen[shard].led = 0;
        seen[shard].exceptions = 0;
      }
  }
  void to_settling() {
    to_moving();
    all_cut();
    run();
    ASSERT_EQ(state_of(x), plan_state::settling);
  }
};

} // namespace shardyard::testing
