// When a shard tells its node how it is.
#include "actors/shard/news_pace.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

using namespace std::chrono_literals;

constexpr news_pace::time start{1h};

news_pace told_at_start() {
  news_pace x;
  x.changed();
  x.told(start);
  return x;
}

TEST(news_pace, the_first_news_are_told_at_once) {
  news_pace x;
  EXPECT_FALSE(x.due(false));
  x.counted();
  EXPECT_LE(x.due(false), news_pace::time{});
}

TEST(news_pace, nothing_is_told_when_nothing_happened) {
  EXPECT_FALSE(told_at_start().due(false));
  EXPECT_FALSE(told_at_start().due(true));
}

TEST(news_pace, a_change_is_told_soon_and_counts_are_told_later) {
  auto x = told_at_start();
  x.counted();
  EXPECT_EQ(x.due(false), start + 500ms);
  x.changed();
  EXPECT_EQ(x.due(false), start + 100ms);
}

TEST(news_pace, counts_are_told_soon_while_a_plan_looks_at_them) {
  auto x = told_at_start();
  x.counted();
  EXPECT_EQ(x.due(true), start + 100ms);
}

} // namespace
} // namespace shardyard
