#include "actors/coordinator/sqlite_store.hpp"
#include "tests/actors/coordinator_scene.hpp"

namespace shardyard::testing {
namespace {

/// A store whose lease ends when the test says so.
struct leased_store : store {
  explicit leased_store(std::unique_ptr<store> x) : rows(std::move(x)) {}

  const std::string& cluster_id() const override { return rows->cluster_id(); }
  std::uint64_t epoch() const override { return rows->epoch(); }
  std::optional<stored_row> get(std::string_view key) override { return rows->get(key); }
  std::vector<stored_row> list(std::string_view prefix) override { return rows->list(prefix); }
  commit_result commit(const std::vector<row_write>& writes) override {
    if (away)
      throw store_error{"temporarily away"};
    return rows->commit(writes);
  }
  bool leading(boot_clock::time_point) const override { return believed; }

  std::unique_ptr<store> rows;
  bool believed = true;
  bool away = false;
};

struct terms : coordinator_scene {
  std::shared_ptr<leased_store> lease;

  void lead_by_lease() {
    w.end(coordinator);
    lease = std::make_shared<leased_store>(open_sqlite_store(setup.store_path, setup.cluster));
    coordinator = w.keep(spawn_coordinator(w.system, setup, lease));
    w.run();
  }
};

TEST_F(terms, a_coordinator_whose_lease_is_over_ends_and_lets_the_store_go) {
  lead_by_lease();
  running_cluster();
  std::weak_ptr<store> held = lease;
  auto* rows = lease.get();
  lease.reset();
  rows->believed = false;
  w.pass(1s);
  EXPECT_TRUE(held.expired());
  auto a = node("b");
  EXPECT_NE(why_not(join(a)), "");
}

TEST_F(terms, a_coordinator_that_wakes_after_its_lease_orders_nothing_before_its_first_tick) {
  lead_by_lease();
  auto a = running_cluster();
  lease->believed = false;
  a.told->assignments.clear();
  a.told->starts.clear();
  EXPECT_NE(why_not(join(node("b"))), "") << "what waited in its mailbox is not acted on";
  w.pass(5s);
  EXPECT_TRUE(a.told->assignments.empty());
  EXPECT_TRUE(a.told->starts.empty());
}

TEST_F(terms, a_store_that_is_away_for_a_moment_begins_nothing_new_and_ends_nothing) {
  lead_by_lease();
  running_cluster();
  lease->away = true;
  auto refused = verb("reshard", 4);
  EXPECT_FALSE(refused.ok);
  EXPECT_TRUE(says(refused.why, "temporarily away")) << refused.why;
  EXPECT_NE(permit({1, 0, 2}, 1).verdict, identify_verdict::granted);
  lease->away = false;
  EXPECT_TRUE(verb("reshard", 4).ok);
}

TEST_F(terms, after_a_take_over_no_identify_is_granted_until_unknown_permits_have_run_out) {
  w.end(coordinator);
  setup.take_over = true;
  coordinator = w.keep(spawn_coordinator(w.system, setup));
  w.run();
  discord_is_well();
  join(node("a"));
  auto least = setup.identifies.valid_for + setup.identifies.spacing;
  auto begin = w.now();
  EXPECT_GE(identify({1, 0, 2}, 1) - begin, least - 1s);
}

TEST_F(terms, a_store_that_is_older_than_the_cluster_orders_nothing) {
  auto a = running_cluster();
  report(a, a.told->assignments.back(), {{3, 0, 4}});
  a.told->starts.clear();
  w.pass(10s);
  EXPECT_TRUE(a.told->starts.empty());
  auto refused = verb("reshard", 4);
  EXPECT_FALSE(refused.ok);
  EXPECT_TRUE(says(refused.why, "older than the cluster")) << refused.why;
  EXPECT_TRUE(says(std::string{status().at("notice").as_string()}, "older than the cluster"));
}

} // namespace
} // namespace shardyard::testing
