// What every store promises, as tests that each implementation is put through: include this, name a place
// that makes stores, and instantiate the suite with it.
#pragma once

#include "actors/coordinator/journal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace shardyard::testing {

/// A place has: `std::unique_ptr<store> begin_term()`, which ends no other term by itself; `void
/// overtake(store&)`, after which a later term than that store's has begun; `static std::string missing()`,
/// not empty: why such stores cannot be made here.
template <class Place>
class store_contract : public ::testing::Test {
protected:
  void SetUp() override {
    if (auto why = Place::missing(); !why.empty())
      GTEST_SKIP() << why;
    place = std::make_unique<Place>();
  }

  static std::string error_of(const std::function<void()>& what) {
    try {
      what();
    } catch (const store_error& wrong) {
      return wrong.what();
    }
    return {};
  }

  std::unique_ptr<Place> place;
};

TYPED_TEST_SUITE_P(store_contract);

TYPED_TEST_P(store_contract, every_term_has_a_higher_epoch_and_finds_the_rows) {
  auto first = this->place->begin_term();
  auto epoch = first->epoch();
  ASSERT_TRUE(first->commit({{"a", "1", 0}}).written);
  first.reset();
  auto second = this->place->begin_term();
  EXPECT_GT(second->epoch(), epoch);
  ASSERT_TRUE(second->get("a"));
  EXPECT_EQ(second->get("a")->value, "1");
}

TYPED_TEST_P(store_contract, writes_are_compared_before_they_are_made) {
  auto s = this->place->begin_term();
  auto first = s->commit({{"a", "1", 0}});
  ASSERT_TRUE(first.written);
  auto clash = s->commit({{"b", "1", 0}, {"a", "2", 0}});
  EXPECT_FALSE(clash.written);
  EXPECT_EQ(clash.conflict, "a");
  EXPECT_FALSE(s->get("b")) << "all or none";
  auto second = s->commit({{"a", "2", first.revision}});
  EXPECT_TRUE(second.written);
  EXPECT_GT(second.revision, first.revision);
  EXPECT_EQ(s->get("a")->revision, second.revision);
  EXPECT_FALSE(s->commit({{"a", "3", first.revision}}).written);
  EXPECT_TRUE(s->commit({{"a", std::nullopt, second.revision}}).written);
  EXPECT_FALSE(s->get("a"));
}

TYPED_TEST_P(store_contract, rows_are_listed_by_prefix_in_order) {
  auto s = this->place->begin_term();
  s->commit({{"plan/2", "b", {}}, {"plan/1", "a", {}}, {"plane", "x", {}}, {"permit/1", "y", {}}});
  auto rows = s->list("plan/");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].key, "plan/1");
  EXPECT_EQ(rows[0].value, "a");
  EXPECT_EQ(rows[1].key, "plan/2");
  EXPECT_TRUE(s->list("nothing/").empty());
}

TYPED_TEST_P(store_contract, thousands_of_rows_are_listed_whole) {
  auto s = this->place->begin_term();
  for (int i = 0; i < 12; ++i) {
    std::vector<row_write> some;
    for (int j = 0; j < 100; ++j)
      some.push_back({"permit/" + std::to_string(10'000 + 100 * i + j), std::to_string(j), 0});
    ASSERT_TRUE(s->commit(some).written);
  }
  auto rows = s->list("permit/");
  ASSERT_EQ(rows.size(), 1200u);
  EXPECT_TRUE(std::ranges::is_sorted(rows, {}, &stored_row::key));
  EXPECT_EQ(rows.back().key, "permit/11199");
}

TYPED_TEST_P(store_contract, values_are_any_bytes_and_the_last_write_to_a_key_stays) {
  auto s = this->place->begin_term();
  std::string odd = "\xc3\xa4 \"quoted\" \\ \n {} ";
  for (std::size_t size = 0; size < 5; ++size) {
    ASSERT_TRUE(s->commit({{"odd", "before", {}}, {"odd", odd.substr(0, size) + odd, {}}}).written);
    EXPECT_EQ(s->get("odd")->value, odd.substr(0, size) + odd);
  }
}

TYPED_TEST_P(store_contract, an_overtaken_term_writes_nothing_for_ever) {
  auto s = this->place->begin_term();
  this->place->overtake(*s);
  auto write = [&] { s->commit({{"a", "1", {}}}); };
  EXPECT_FALSE(this->error_of(write).empty());
  EXPECT_FALSE(this->error_of(write).empty()) << "and not at the second attempt either";
  s.reset();
  EXPECT_FALSE(this->place->begin_term()->get("a"));
}

/// Random commits against a map that does what they should.
TYPED_TEST_P(store_contract, behaves_like_a_map_with_revisions) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random{seed};
  std::map<std::string, std::pair<std::string, std::uint64_t>> model;
  auto s = this->place->begin_term();
  for (int i = 0; i < 300; ++i) {
    std::vector<row_write> writes;
    std::string conflict;
    for (auto n = 1 + random() % 4; n > 0; --n) {
      row_write x{"k/" + std::to_string(random() % 6), std::to_string(random()), {}};
      if (random() % 4 == 0)
        x.value.reset();
      auto known = model.contains(x.key) ? model[x.key].second : 0;
      if (random() % 2 == 0)
        x.expected = random() % 8 == 0 ? known + 1 : known;
      if (conflict.empty() && x.expected && *x.expected != known)
        conflict = x.key;
      writes.push_back(std::move(x));
    }
    auto done = s->commit(writes);
    ASSERT_EQ(done.written, conflict.empty());
    ASSERT_EQ(done.conflict, conflict);
    if (!done.written)
      continue;
    for (auto& x : writes) {
      if (x.value)
        model[x.key] = {*x.value, done.revision};
      else
        model.erase(x.key);
    }
    if (random() % 40 == 0) {
      s.reset();
      s = this->place->begin_term();
    }
  }
  auto rows = s->list("k/");
  ASSERT_EQ(rows.size(), model.size());
  for (auto& row : rows) {
    EXPECT_EQ(row.value, model[row.key].first);
    EXPECT_EQ(row.revision, model[row.key].second);
  }
}

TYPED_TEST_P(store_contract, a_journal_comes_back_as_it_was_saved) {
  plan_context context;
  context.next_plan_id = 1;
  context.next_topology_id = 2;
  context.active = {1, 4};
  context.identifies_left = 100;
  context.hosts = 1;
  auto plan = std::get<reshard_plan>(make_plan({6, false, true}, context, unix_ms(1'800'000'000'000)));
  {
    auto s = this->place->begin_term();
    journal j{*s};
    j.load();
    j.save({.active = topology{1, 4}, .placements = {{"partitions", {"a", "b"}}}});
    j.save({.plan = plan});
    j.save({.plan = plan});
  }
  auto s = this->place->begin_term();
  auto state = journal{*s}.load();
  ASSERT_TRUE(state.plan);
  EXPECT_EQ(to_row(*state.plan), to_row(plan));
  EXPECT_EQ(state.placements["partitions"], (placement{"a", "b"}));
}

/// Each shard a unit of its own, each with a list: more than etcd takes in one request.
TYPED_TEST_P(store_contract, a_plan_of_32000_shards_comes_back_as_it_was_saved) {
  constexpr std::uint32_t shards = 32'000;
  plan_context context{.next_plan_id = 1, .next_topology_id = 2, .active = {1, shards}};
  context.identifies_left = 2 * shards;
  context.hosts = 40;
  auto plan = std::get<reshard_plan>(make_plan({shards, true, true}, context, unix_ms(1'800'000'000'000)));
  placement places;
  for (std::uint32_t id = 0; id < shards; ++id)
    places.push_back("a-host-with-quite-a-long-name-in-some-region-" + std::to_string(id % 40));
  auto comes_back = [&](unit_state state) {
    auto s = this->place->begin_term();
    auto loaded = journal{*s}.load();
    EXPECT_TRUE(loaded.plan == plan);
    EXPECT_EQ(loaded.plan->count(state), shards);
    EXPECT_EQ(loaded.placements["topology/2"], places);
  };
  auto s = this->place->begin_term();
  journal j{*s};
  j.load();
  j.save({.active = context.active, .placements = {{"topology/2", places}}});
  j.save({.plan = plan});
  for (std::uint32_t u = 0; u < shards; ++u) {
    plan.units[u].state = unit_state::closing;
    plan.units[u].closed = {u};
  }
  j.save({.plan = plan});
  s.reset();
  comes_back(unit_state::closing);
  s = this->place->begin_term();
  journal next{*s};
  next.load();
  for (auto& unit : plan.units)
    unit.state = unit_state::done;
  next.save({.plan = plan});
  EXPECT_EQ(next.load().active, plan.to);
  s.reset();
  comes_back(unit_state::done);
}

REGISTER_TYPED_TEST_SUITE_P(store_contract, every_term_has_a_higher_epoch_and_finds_the_rows,
                            writes_are_compared_before_they_are_made, rows_are_listed_by_prefix_in_order,
                            thousands_of_rows_are_listed_whole,
                            values_are_any_bytes_and_the_last_write_to_a_key_stays,
                            an_overtaken_term_writes_nothing_for_ever, behaves_like_a_map_with_revisions,
                            a_journal_comes_back_as_it_was_saved,
                            a_plan_of_32000_shards_comes_back_as_it_was_saved);

} // namespace shardyard::testing
