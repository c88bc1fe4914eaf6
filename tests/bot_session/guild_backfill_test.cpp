#include "actors/bot_session/guild_backfill.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

using namespace std::chrono_literals;

constexpr guild_backfill::time first_asked{1h};

guild_backfill asking_for_ten() {
  guild_backfill x;
  for (snowflake guild = 1; guild <= 10; ++guild)
    x.want(guild, first_asked);
  EXPECT_EQ(x.ask(0, first_asked).size(), 10u);
  return x;
}

TEST(guild_backfill, guilds_that_are_not_answered_for_in_time_are_overdue) {
  auto x = asking_for_ten();
  EXPECT_TRUE(x.overdue(first_asked + guild_backfill::patience - 1ms).empty());
  EXPECT_EQ(x.overdue(first_asked + guild_backfill::patience).size(), 10u);
}

TEST(guild_backfill, an_answer_that_comes_in_parts_is_not_overdue_as_long_as_parts_come) {
  auto x = asking_for_ten();
  guild_backfill::wanted found;
  auto now = first_asked;
  for (snowflake guild = 1; guild <= 9; ++guild) {
    now += guild_backfill::patience - 1ms;
    EXPECT_TRUE(x.overdue(now).empty());
    EXPECT_TRUE(x.take(guild, found, now));
  }
  EXPECT_EQ(x.deadline(), now + guild_backfill::patience);
  EXPECT_EQ(x.overdue(now + guild_backfill::patience).size(), 1u);
}

} // namespace
} // namespace shardyard
