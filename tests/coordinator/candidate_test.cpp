#include "actors/coordinator/candidate.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

using namespace std::chrono_literals;

struct candidate_test : ::testing::Test {
  candidate x{200ms, 0};
  candidate::time_point now = candidate::time_point{} + 1h;
  leader_record other{"b", "10.0.0.2", 7400, 7};
};

TEST_F(candidate_test, looks_at_once_and_then_at_every_interval_while_another_leads) {
  EXPECT_TRUE(x.due(now));
  x.follows(other, now);
  EXPECT_FALSE(x.due(now + 199ms));
  EXPECT_TRUE(x.due(now + 200ms));
}

TEST_F(candidate_test, does_not_campaign_while_its_own_coordinator_lives) {
  x.won(now);
  EXPECT_TRUE(x.leads());
  EXPECT_FALSE(x.due(now + 1h));
  x.ended(now + 1h);
  EXPECT_FALSE(x.leads());
  EXPECT_TRUE(x.due(now + 1h + 200ms));
}

TEST_F(candidate_test, tells_of_each_leader_once) {
  EXPECT_EQ(x.follows(other, now), other);
  EXPECT_FALSE(x.follows(other, now + 1s));
  auto again = other;
  again.epoch = 9;
  EXPECT_EQ(x.follows(again, now + 2s), again) << "the same node with a new term is news";
  x.won(now + 3s);
  x.ended(now + 4s);
  EXPECT_EQ(x.follows(again, now + 5s), again) << "and so is the leader after our own term";
}

TEST_F(candidate_test, a_leader_whose_address_is_not_known_is_nothing_to_tell) {
  EXPECT_FALSE(x.follows({"b", "", 0, 7}, now));
}

TEST_F(candidate_test, lets_others_go_first_when_its_coordinator_could_not_begin) {
  x.won(now);
  x.ended(now, true);
  EXPECT_FALSE(x.due(now + 1s));
  EXPECT_TRUE(x.due(now + 2s));
}

TEST_F(candidate_test, complains_of_each_trouble_once_and_keeps_trying) {
  EXPECT_TRUE(x.failed("away", now));
  EXPECT_FALSE(x.failed("away", now + 1s));
  EXPECT_TRUE(x.due(now + 2s));
  EXPECT_TRUE(x.failed("refused", now + 2s));
  x.follows(other, now + 3s);
  EXPECT_TRUE(x.failed("refused", now + 4s)) << "it was well in between";
}

} // namespace
} // namespace shardyard
