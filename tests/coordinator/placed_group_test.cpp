#include "actors/coordinator/placed_group.hpp"
#include "tests/coordinator/placements.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

using namespace shardyard;

namespace {

using partition_list = std::vector<std::uint32_t>;

/// Some partitions on some nodes; an empty name says nothing about its partition.
placement random_goal(std::uint32_t partition_count) {
  placement result(*rc::gen::inRange<std::uint32_t>(0, partition_count + 3));
  for (auto& node : result)
    if (auto number = *rc::gen::inRange(0, 6); number > 0)
      node = "node-" + std::to_string(number);
  return result;
}

bool holds_each_partition_once(const placed_groups& groups, std::uint32_t partition_count) {
  std::vector<int> seen(partition_count);
  for (auto& x : groups) {
    if (x.place.partitions.empty())
      return false;
    for (auto partition : x.place.partitions)
      if (partition >= partition_count || ++seen[partition] > 1)
        return false;
  }
  return std::ranges::count(seen, 1) == static_cast<std::ptrdiff_t>(partition_count);
}

std::map<std::uint32_t, std::uint64_t> epochs_of(const placed_groups& groups) {
  std::map<std::uint32_t, std::uint64_t> result;
  for (auto& x : groups)
    result[x.place.id] = x.place.epoch;
  return result;
}

const placed_group& group(const placed_groups& groups, std::uint32_t id) {
  auto found = std::ranges::find_if(groups, [id](auto& x) { return x.place.id == id; });
  EXPECT_NE(found, groups.end()) << "group " << id;
  return *found;
}

/// What the coordinator does once the group runs where it is meant to.
void arrive(placed_groups& groups) {
  for (auto& x : groups)
    x.origin.reset();
}

/// Two groups that have arrived: 1 on "a" with 0, 2, 4, and 2 on "b" with 1, 3.
placed_groups two_groups() {
  return {{{1, 3, "a", {0, 2, 4}}, std::nullopt}, {{2, 5, "b", {1, 3}}, std::nullopt}};
}

TEST(placed_group, a_new_cluster_has_one_group_per_node_with_weight_and_nothing_to_take_over) {
  auto groups = first_groups(64, {{"a", 1}, {"b", 0}, {"c", 3}});
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(partitions_on(groups, "a"), 16u);
  EXPECT_EQ(partitions_on(groups, "b"), 0u);
  EXPECT_EQ(partitions_on(groups, "c"), 48u);
  for (auto& x : groups) {
    EXPECT_EQ(x.place.epoch, 1u);
    ASSERT_TRUE(x.origin) << "it does not run yet";
    EXPECT_EQ(x.origin->node, "") << "from nothing";
  }
  EXPECT_TRUE(holds_each_partition_once(groups, 64));
}

TEST(placed_group, without_a_node_of_weight_there_are_no_groups) {
  EXPECT_TRUE(first_groups(64, {}).empty());
  EXPECT_TRUE(first_groups(64, {{"a", 0}}).empty());
}

TEST(placed_group, a_node_beyond_the_number_of_partitions_gets_no_empty_group) {
  auto groups = first_groups(2, {{"a", 1}, {"b", 1}, {"c", 1}});
  EXPECT_EQ(groups.size(), 2u);
  EXPECT_TRUE(holds_each_partition_once(groups, 2));
}

TEST(placed_group, a_whole_group_moves_under_its_number) {
  auto next = next_step(two_groups(), {"c", "b", "c", "b", "c"});
  ASSERT_TRUE(next);
  ASSERT_EQ(next->size(), 2u);
  EXPECT_EQ(group(*next, 1).place, (group_place{1, 4, "c", {0, 2, 4}}));
  EXPECT_EQ(group(*next, 1).origin, (group_origin{1, 3, "a"}));
  EXPECT_EQ(group(*next, 2), two_groups()[1]) << "the other is not touched";
}

TEST(placed_group, a_divided_group_keeps_its_number_where_most_of_it_goes_and_every_part_has_its_state) {
  auto next = next_step(two_groups(), {"a", "b", "c", "b", "c"});
  ASSERT_TRUE(next);
  ASSERT_EQ(next->size(), 3u);
  EXPECT_EQ(group(*next, 1).place, (group_place{1, 4, "c", {2, 4}}));
  EXPECT_EQ(group(*next, 3).place, (group_place{3, 4, "a", {0}}));
  EXPECT_EQ(group(*next, 1).origin, (group_origin{1, 3, "a"}));
  EXPECT_EQ(group(*next, 3).origin, (group_origin{1, 3, "a"}));
}

TEST(placed_group, nothing_moves_while_a_group_is_on_its_way) {
  auto groups = two_groups();
  groups[1].origin = group_origin{2, 4, "c"};
  EXPECT_FALSE(next_step(groups, {"c", "c", "c", "c", "c"}));
}

TEST(placed_group, a_goal_that_is_reached_or_says_nothing_moves_nothing) {
  EXPECT_FALSE(next_step(two_groups(), {"a", "b", "a", "b", "a"}));
  EXPECT_FALSE(next_step(two_groups(), {"", "b", ""}));
  EXPECT_FALSE(next_step(two_groups(), {}));
}

TEST(placed_group, a_group_whose_node_died_continues_from_the_copy_under_a_higher_epoch) {
  auto next = adopted(two_groups(), 1, "c", {1, 3, "b"});
  EXPECT_EQ(group(next, 1).place, (group_place{1, 4, "c", {0, 2, 4}}));
  EXPECT_EQ(group(next, 1).origin, (group_origin{1, 3, "b"}));
  EXPECT_EQ(group(next, 2), two_groups()[1]);
}

TEST(placed_group, a_group_that_was_on_its_way_still_continues_the_state_that_it_set_out_with) {
  auto groups = two_groups();
  groups[0].origin = group_origin{7, 2, "b"};
  auto next = adopted(groups, 1, "c", {7, 2, "d"});
  EXPECT_EQ(group(next, 1).place, (group_place{1, 4, "c", {0, 2, 4}}));
  EXPECT_EQ(group(next, 1).origin, (group_origin{7, 2, "d"}));
}

TEST(placed_group, a_group_that_never_had_a_state_begins_with_nothing_elsewhere) {
  auto next = adopted(first_groups(4, {{"a", 1}}), 1, "b", {1, 1, ""});
  EXPECT_EQ(group(next, 1).place.node, "b");
  EXPECT_EQ(group(next, 1).place.epoch, 2u);
  ASSERT_TRUE(group(next, 1).origin);
  EXPECT_EQ(group(next, 1).origin->node, "");
}

TEST(placed_group, the_adoption_of_a_group_that_does_not_exist_changes_nothing) {
  EXPECT_EQ(adopted(two_groups(), 9, "c", {9, 1, "b"}), two_groups());
}

RC_GTEST_PROP(placed_group, steps_towards_any_goals_reach_them_and_keep_every_partition_once, ()) {
  auto count = *rc::gen::inRange<std::uint32_t>(1, 70);
  auto groups = first_groups(count, random_nodes());
  std::set<std::uint32_t> every_id;
  for (auto& x : groups)
    every_id.insert(x.place.id);
  for (auto goals = *rc::gen::inRange(1, 5); goals > 0; --goals) {
    arrive(groups);
    auto goal = random_goal(count);
    auto start = owners_of(groups, count);
    std::map<std::uint32_t, int> moved;
    for (auto steps = 0;; ++steps) {
      RC_ASSERT(steps <= static_cast<int>(count));
      auto next = next_step(groups, goal);
      if (!next)
        break;
      RC_ASSERT(holds_each_partition_once(*next, count));
      auto before = epochs_of(groups), after = epochs_of(*next);
      RC_ASSERT(after.size() == next->size()); // no number twice
      for (auto& [id, epoch] : before)
        RC_ASSERT(after.at(id) >= epoch);
      std::set<std::pair<std::uint32_t, std::uint64_t>> origins;
      for (auto& x : *next) {
        auto known = before.find(x.place.id);
        if (known == before.end())
          RC_ASSERT(every_id.insert(x.place.id).second); // numbers are never used again
        RC_ASSERT(x.origin.has_value() == (known == before.end() || x.place.epoch > known->second));
        if (!x.origin)
          continue;
        auto& from = group(groups, x.origin->id).place;
        RC_ASSERT(*x.origin == (group_origin{from.id, from.epoch, from.node}));
        RC_ASSERT(x.place.epoch > from.epoch);
        RC_ASSERT(std::ranges::includes(from.partitions, x.place.partitions));
        origins.insert({x.origin->id, x.origin->epoch});
      }
      RC_ASSERT(origins.size() == 1u); // one group at a time
      auto old_owners = owners_of(groups, count), owners = owners_of(*next, count);
      for (std::uint32_t i = 0; i < count; ++i)
        if (old_owners[i] != owners[i])
          RC_ASSERT(++moved[i] == 1);
      RC_ASSERT(!next_step(*next, goal));
      groups = std::move(*next);
      arrive(groups);
    }
    auto reached = owners_of(groups, count);
    for (std::uint32_t i = 0; i < count; ++i)
      RC_ASSERT(reached[i] == (i < goal.size() && !goal[i].empty() ? goal[i] : start[i]));
  }
}

RC_GTEST_PROP(placed_group, adoptions_and_steps_in_any_order_keep_every_partition_once, ()) {
  auto count = *rc::gen::inRange<std::uint32_t>(1, 40);
  auto groups = first_groups(count, random_nodes());
  auto goal = random_goal(count);
  for (auto steps = *rc::gen::inRange(1, 40); steps > 0; --steps) {
    auto before = epochs_of(groups);
    auto at = static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(groups.size())));
    switch (*rc::gen::inRange(0, 3)) {
    case 0:
      groups[at].origin.reset();
      break;
    case 1:
      groups = adopted(groups, groups[at].place.id, "node-" + std::to_string(*rc::gen::inRange(0, 6)),
                       {groups[at].place.id, groups[at].place.epoch, "k"});
      break;
    default:
      if (auto next = next_step(groups, goal))
        groups = std::move(*next);
      else if (*rc::gen::inRange(0, 2) == 0)
        goal = random_goal(count);
    }
    RC_ASSERT(holds_each_partition_once(groups, count));
    auto after = epochs_of(groups);
    RC_ASSERT(after.size() == groups.size());
    for (auto& [id, epoch] : before)
      RC_ASSERT(after.at(id) >= epoch);
    for (auto& x : groups)
      if (x.origin)
        RC_ASSERT(x.origin->epoch < x.place.epoch); // what is taken over is always older
  }
}

// -- shards beside their partitions

/// Partitions of each node that shard `shard` feeds.
std::map<std::string, std::uint32_t> fed_by(std::uint32_t shard, std::uint32_t shard_count,
                                            const placement& owners) {
  auto classes = std::gcd(shard_count, static_cast<std::uint32_t>(owners.size()));
  std::map<std::string, std::uint32_t> result;
  for (std::uint32_t partition = 0; partition < owners.size(); ++partition)
    if (partition % classes == shard % classes)
      ++result[owners[partition]];
  return result;
}

TEST(place_near, a_shard_lives_beside_the_only_host_that_it_feeds) {
  placement owners(64);
  for (std::uint32_t i = 0; i < owners.size(); ++i)
    owners[i] = i % 4 < 2 ? "b" : "a";
  EXPECT_EQ(place_near(4, {{"a", 1}, {"b", 1}}, owners), (placement{"b", "b", "a", "a"}));
  EXPECT_EQ(place_near(8, {{"a", 1}, {"b", 1}}, owners), (placement{"b", "b", "a", "a", "b", "b", "a", "a"}));
}

TEST(place_near, the_shares_go_before_nearness) {
  placement owners(64, "a");
  EXPECT_EQ(load(place_near(4, {{"a", 1}, {"b", 1}}, owners)),
            (std::map<std::string, std::uint32_t>{{"a", 2}, {"b", 2}}));
}

TEST(place_near, partitions_on_a_host_without_weight_attract_nothing) {
  placement owners(8, "gone");
  EXPECT_EQ(load(place_near(4, {{"a", 1}, {"gone", 0}}, owners)).count("gone"), 0u);
}

TEST(place_near, shards_that_run_stay_where_they_are) {
  placement owners(8, "a");
  placement present{"b", "b", "a", "a"};
  EXPECT_EQ(place_near(4, {{"a", 1}, {"b", 1}}, owners, present), present);
}

TEST(place_near, without_partitions_shards_or_hosts_it_is_as_place) {
  EXPECT_TRUE(place_near(0, {{"a", 1}}, placement(8, "a")).empty());
  EXPECT_EQ(place_near(3, {{"a", 1}, {"b", 2}}, {}), place(3, {{"a", 1}, {"b", 2}}));
  EXPECT_EQ(place_near(2, {}, placement(8, "a")), (placement{"", ""}));
}

RC_GTEST_PROP(place_near, shares_are_those_of_place_and_no_shard_is_nowhere, (std::uint64_t salt)) {
  auto nodes = random_nodes();
  auto shards = *rc::gen::inRange<std::uint32_t>(0, 100);
  auto owners = place(*rc::gen::inRange<std::uint32_t>(1, 70), random_nodes());
  auto result = place_near(shards, nodes, owners, {}, salt);
  RC_ASSERT(load(result) == load(place(shards, nodes, {}, salt)));
  RC_ASSERT(std::ranges::find(result, "") == result.end());
  auto again = place_near(shards, nodes, owners, result, salt);
  RC_ASSERT(again == result);
}

RC_GTEST_PROP(place_near, a_shard_is_away_from_its_partitions_only_where_others_are_as_near, ()) {
  auto nodes = random_nodes();
  auto shards = *rc::gen::inRange<std::uint32_t>(1, 60);
  placement owners(*rc::gen::inRange<std::uint32_t>(1, 70));
  for (auto& owner : owners)
    owner = "node-" + std::to_string(*rc::gen::inRange(0, 8));
  auto result = place_near(shards, nodes, owners);
  std::vector<std::map<std::string, std::uint32_t>> fed;
  for (std::uint32_t shard = 0; shard < shards; ++shard)
    fed.push_back(fed_by(shard, shards, owners));
  for (std::uint32_t shard = 0; shard < shards; ++shard)
    for (auto& [node, count] : fed[shard]) {
      if (count <= fed[shard][result[shard]])
        continue;
      for (std::uint32_t there = 0; there < shards; ++there)
        if (result[there] == node)
          RC_ASSERT(fed[there][node] >= count);
    }
}

} // namespace
