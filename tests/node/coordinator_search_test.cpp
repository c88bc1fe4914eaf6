#include "actors/node/coordinator_search.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardyard {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using place = coordinator_search::place;

constexpr coordinator_search::time start{1h};
const std::vector<place> seeds{{"a", 1}, {"b", 2}};

node_card card(const std::string& name, const std::string& host, std::uint16_t port) {
  node_card result;
  result.name = name;
  result.host = host;
  result.port = port;
  return result;
}

TEST(coordinator_search, the_seeds_come_first_then_every_other_member_once_and_never_this_node) {
  auto own = card("me", "b", 2);
  auto found = coordinator_search::places(
      seeds, {card("one", "a", 1), card("me", "elsewhere", 9), card("two", "c", 3), card("deaf", "d", 0)},
      own);
  EXPECT_THAT(found, ElementsAre(place{"a", 1}, place{"c", 3}));
}

TEST(coordinator_search, places_are_tried_in_turn) {
  coordinator_search x{1};
  auto now = start;
  for (auto& expected : {seeds[0], seeds[1], seeds[0]}) {
    ASSERT_TRUE(x.due(now));
    EXPECT_EQ(x.begin(now, seeds), expected);
    x.ended(now);
    now += 1s;
  }
}

TEST(coordinator_search, one_attempt_at_a_time_and_one_that_hangs_is_left_after_a_second) {
  coordinator_search x{1};
  x.begin(start, seeds);
  EXPECT_TRUE(x.under_way());
  EXPECT_FALSE(x.due(start + 999ms));
  EXPECT_TRUE(x.due(start + 1s));
  EXPECT_EQ(x.begin(start + 1s, seeds), seeds[1]);
}

TEST(coordinator_search, after_an_attempt_the_next_waits_from_200_to_400_ms) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    coordinator_search x{seed};
    x.begin(start, seeds);
    x.ended(start);
    EXPECT_FALSE(x.due(start + 199ms)) << "seed " << seed;
    EXPECT_TRUE(x.due(start + 400ms)) << "seed " << seed;
  }
}

TEST(coordinator_search, where_it_is_said_to_live_is_tried_at_once_before_the_seeds_and_once) {
  coordinator_search x{1};
  x.begin(start, seeds);
  x.hint({"c", 3});
  ASSERT_TRUE(x.due(start));
  EXPECT_EQ(x.begin(start, seeds), (place{"c", 3}));
  x.ended(start);
  EXPECT_EQ(x.begin(start + 1s, seeds), seeds[1]);
}

TEST(coordinator_search, a_hint_is_forgotten_with_news_that_names_no_place) {
  coordinator_search x{1};
  x.hint({"c", 3});
  x.hint({});
  EXPECT_EQ(x.begin(start, seeds), seeds[0]);
}

TEST(coordinator_search, without_a_place_to_try_nothing_is_under_way) {
  coordinator_search x{1};
  EXPECT_FALSE(x.begin(start, {}));
  EXPECT_FALSE(x.under_way());
  EXPECT_TRUE(x.due(start)) << "the first member that is heard of is tried at once";
}

TEST(coordinator_search, joining_is_waited_for_as_long_as_it_may_take) {
  coordinator_search x{1};
  x.joining(start, 3s);
  EXPECT_FALSE(x.due(start + 2999ms));
  EXPECT_TRUE(x.due(start + 3s));
  x.over();
  EXPECT_FALSE(x.due(start + 499ms)) << "a refusal is not followed by the next try at once";
  EXPECT_TRUE(x.due(start + 500ms));
  x.ended(start);
  x.hurry();
  EXPECT_TRUE(x.due(start));
}

} // namespace
} // namespace shardyard
