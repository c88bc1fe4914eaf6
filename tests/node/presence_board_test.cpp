#include "actors/node/presence_board.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace shardyard {
namespace {

bot_presence from(std::string bot, guild_filter which, std::uint64_t number, std::string d) {
  return {std::move(bot), which, number, std::move(d)};
}

TEST(presence_board, shows_nothing_before_a_bot_has_spoken) {
  EXPECT_EQ(presence_board{}.shown({1, 0, 1}), "");
}

TEST(presence_board, shows_a_presence_on_the_shards_that_share_a_guild_with_the_bots_shard) {
  presence_board board;
  board.put(from("a", {1, 2}, 1, "here"));
  EXPECT_EQ(board.shown({1, 0, 4}), "");
  EXPECT_EQ(board.shown({1, 1, 4}), "here");
  EXPECT_EQ(board.shown({1, 3, 4}), "here");
  EXPECT_EQ(board.shown({1, 0, 3}), "here") << "2 and 3 have no common divisor";
}

TEST(presence_board, knows_shards_that_share_a_guild_as_the_guilds_do) {
  auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random{seed};
  for (int i = 0; i < 100; ++i) {
    std::uint32_t a = 1 + random() % 24, b = 1 + random() % 24;
    std::set<std::pair<std::uint32_t, std::uint32_t>> shared;
    for (std::uint64_t guild = 0; guild < a * b; ++guild)
      shared.emplace(shard_of(guild << 22, a), shard_of(guild << 22, b));
    for (std::uint32_t x = 0; x < a; ++x)
      for (std::uint32_t y = 0; y < b; ++y)
        ASSERT_EQ(share_guilds({x, a}, {1, y, b}), shared.contains({x, y}))
            << x << "/" << a << " " << y << "/" << b;
  }
}

TEST(presence_board, ignores_what_is_older_than_what_it_has_of_the_same_shard_of_a_bot) {
  presence_board board;
  EXPECT_TRUE(board.put(from("a", {0, 1}, 5, "new")));
  EXPECT_FALSE(board.put(from("a", {0, 1}, 4, "old")));
  EXPECT_FALSE(board.put(from("a", {0, 1}, 5, "new")));
  EXPECT_EQ(board.shown({1, 0, 1}), "new");
}

TEST(presence_board, shows_the_newest_of_several_bots_whatever_the_order_in_which_they_are_told) {
  presence_board one, other;
  auto a = from("a", {0, 1}, 7, "a"), b = from("b", {0, 1}, 8, "b");
  one.put(a), one.put(b);
  other.put(b), other.put(a);
  EXPECT_EQ(one.shown({1, 0, 1}), "b");
  EXPECT_EQ(other.shown({1, 0, 1}), "b");
}

TEST(presence_board, forgets_the_oldest_of_very_many) {
  presence_board board;
  for (std::uint32_t i = 0; i < 5000; ++i)
    board.put(from("bot" + std::to_string(i), {i, 5000}, 1 + i, "x"));
  EXPECT_EQ(board.shown({1, 0, 5000}), "");
  EXPECT_EQ(board.shown({1, 4999, 5000}), "x");
}

} // namespace
} // namespace shardyard
