#include "actors/bot_session/guild_listings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardyard {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using group = guild_listings::group;

constexpr guild_listings::time start{1h};
const std::vector<group> both{{1, true}, {2, true}};

std::vector<std::uint32_t> asked(const std::vector<guild_listings::question>& x) {
  std::vector<std::uint32_t> result;
  for (auto& one : x)
    result.push_back(one.group);
  return result;
}

guild_list guilds(std::vector<snowflake> ids, bool complete = true) {
  return {.complete = complete, .guilds = std::move(ids)};
}

TEST(guild_listings, a_list_is_whole_when_every_group_has_answered) {
  guild_listings x;
  x.begin(7, {0, 2}, start);
  auto questions = x.take_questions(both, start);
  ASSERT_THAT(asked(questions), ElementsAre(1, 2));
  EXPECT_EQ(questions[0].asker, 7u);
  EXPECT_EQ(questions[0].which, (guild_filter{0, 2}));
  EXPECT_TRUE(x.answered(7, 1, guilds({10}), start));
  EXPECT_THAT(x.take_listed(both, start), IsEmpty());
  EXPECT_TRUE(x.answered(7, 2, guilds({20, 21}), start));
  auto listed = x.take_listed(both, start);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].asker, 7u);
  EXPECT_TRUE(listed[0].whole);
  EXPECT_THAT(listed[0].guilds, ElementsAre(10, 20, 21));
  EXPECT_THAT(x.take_listed(both, start + 1h), IsEmpty());
}

TEST(guild_listings, a_group_that_fails_is_asked_again_after_a_while) {
  guild_listings x;
  x.begin(7, {}, start);
  x.take_questions(both, start);
  x.answered(7, 1, guilds({10}), start);
  x.failed(7, 2);
  EXPECT_THAT(x.take_questions(both, start + 199ms), IsEmpty());
  EXPECT_THAT(asked(x.take_questions(both, start + 200ms)), ElementsAre(2));
}

TEST(guild_listings, a_group_out_of_reach_is_asked_when_it_comes_back) {
  guild_listings x;
  x.begin(7, {}, start);
  EXPECT_THAT(asked(x.take_questions(std::vector<group>{{1, true}, {2, false}}, start)), ElementsAre(1));
  EXPECT_THAT(asked(x.take_questions(both, start + 200ms)), ElementsAre(2));
}

TEST(guild_listings, after_ten_seconds_a_bot_is_told_what_there_is) {
  guild_listings x;
  x.begin(7, {}, start);
  x.take_questions(both, start);
  x.answered(7, 1, guilds({10}), start);
  EXPECT_THAT(x.take_listed(both, start + 9999ms), IsEmpty());
  auto listed = x.take_listed(both, start + 10s);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_FALSE(listed[0].whole);
  EXPECT_THAT(listed[0].guilds, ElementsAre(10));
}

TEST(guild_listings, shards_that_still_arrive_are_waited_for_and_their_group_is_asked_again) {
  guild_listings x;
  x.begin(7, {}, start);
  x.take_questions(both, start);
  x.answered(7, 1, guilds({10}, false), start + 9s);
  EXPECT_THAT(x.take_listed(both, start + 18s), IsEmpty());
  EXPECT_THAT(asked(x.take_questions(both, start + 18s)), ElementsAre(1));
  x.answered(7, 1, guilds({10, 11}), start + 18s);
  x.answered(7, 2, guilds({}), start + 18s);
  EXPECT_THAT(x.take_listed(both, start + 18s).at(0).guilds, ElementsAre(10, 11));
}

TEST(guild_listings, a_cluster_that_has_not_come_up_is_waited_for_as_long_as_it_takes) {
  guild_listings x;
  x.begin(7, {}, start);
  for (auto now = start; now < start + 60s; now += 250ms) {
    EXPECT_THAT(x.take_questions({}, now), IsEmpty());
    EXPECT_THAT(x.take_listed({}, now), IsEmpty());
  }
  EXPECT_THAT(x.take_listed(both, start + 60s), IsEmpty());
  EXPECT_THAT(asked(x.take_questions(both, start + 60s)), ElementsAre(1, 2));
}

TEST(guild_listings, asking_again_does_not_begin_anew) {
  guild_listings x;
  x.begin(7, {}, start);
  x.take_questions(both, start);
  x.begin(7, {}, start + 9s);
  EXPECT_EQ(x.take_listed(both, start + 10s).size(), 1u);
}

TEST(guild_listings, an_answer_counts_once_and_only_for_those_who_wait) {
  guild_listings x;
  EXPECT_FALSE(x.answered(7, 1, guilds({10}), start));
  x.begin(7, {}, start);
  x.take_questions(both, start);
  EXPECT_TRUE(x.answered(7, 1, guilds({10}), start));
  EXPECT_FALSE(x.answered(7, 1, guilds({10}), start));
  EXPECT_THAT(x.take_listed(both, start + 10s).at(0).guilds, ElementsAre(10));
}

} // namespace
} // namespace shardyard
