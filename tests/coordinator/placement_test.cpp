#include "actors/coordinator/placement.hpp"
#include "tests/coordinator/placements.hpp"

#include <gtest/gtest.h>
#include <map>
#include <rapidcheck/gtest.h>

using namespace shardyard;

namespace {

TEST(placement, two_equal_nodes_share_evenly) {
  auto x = place(64, {{"a", 1}, {"b", 1}});
  EXPECT_EQ(load(x), (std::map<std::string, std::uint32_t>{{"a", 32}, {"b", 32}}));
}

TEST(placement, weight_zero_hosts_nothing) {
  auto x = place(10, {{"a", 1}, {"b", 0}, {"c", 3}});
  EXPECT_EQ(load(x).count("b"), 0u);
  EXPECT_EQ(load(x)["a"] + load(x)["c"], 10u);
  EXPECT_GE(load(x)["c"], 7u) << "7.5 of 10";
}

TEST(placement, without_hosts_items_are_nowhere) {
  EXPECT_EQ(place(3, {{"a", 0}}), (placement{"", "", ""}));
  EXPECT_EQ(place(3, {}), (placement{"", "", ""}));
}

TEST(placement, a_new_node_takes_its_share_and_nothing_else_moves) {
  auto before = place(60, {{"a", 1}, {"b", 1}});
  auto after = place(60, {{"a", 1}, {"b", 1}, {"c", 1}}, before);
  EXPECT_EQ(moves(before, after), 20u);
  EXPECT_EQ(load(after)["c"], 20u);
}

TEST(placement, odd_items_of_different_topologies_do_not_all_go_to_one_node) {
  std::map<std::string, int> extra;
  for (std::uint64_t topology = 1; topology <= 40; ++topology)
    ++extra[place(1, {{"a", 1}, {"b", 1}}, {}, topology)[0]];
  EXPECT_GT(extra["a"], 5);
  EXPECT_GT(extra["b"], 5);
}

RC_GTEST_PROP(placement, shares_follow_the_weights, (std::uint64_t salt)) {
  auto nodes = random_nodes();
  auto count = *rc::gen::inRange<std::uint32_t>(0, 300);
  auto x = load(place(count, nodes, {}, salt));
  double total = 0;
  for (const auto& node : nodes)
    total += node.weight;
  for (const auto& node : nodes) {
    auto ideal = node.weight / total * count;
    RC_ASSERT(x[node.name] > ideal - 1 - 1e-6);
    RC_ASSERT(x[node.name] < ideal + 1 + 1e-6);
  }
}

RC_GTEST_PROP(placement, only_what_must_move_moves, (std::uint64_t salt)) {
  auto count = *rc::gen::inRange<std::uint32_t>(1, 300);
  auto before = place(count, random_nodes(), {}, salt);
  auto nodes = random_nodes();
  auto after = place(count, nodes, before, salt);
  auto old_load = load(before);
  auto new_load = load(after);
  std::uint32_t must = 0;
  for (const auto& [node, n] : old_load)
    must += n > new_load[node] ? n - new_load[node] : 0;
  RC_ASSERT(moves(before, after) == must);
  RC_ASSERT(place(count, nodes, after, salt) == after);
}

} // namespace
