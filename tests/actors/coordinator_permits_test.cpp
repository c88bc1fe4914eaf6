// Permits to IDENTIFY, across keys, refusals and restarts.
#include "tests/actors/coordinator_scene.hpp"

namespace shardyard::testing {
namespace {

struct permits : coordinator_scene {};

TEST_F(permits, of_one_key_are_five_seconds_apart) {
  discord_is_well();
  std::vector<caf::actor_clock::time_point> when;
  for (std::uint32_t id = 0; id < 6; ++id)
    when.push_back(identify({1, id, 6}, id + 1));
  for (std::size_t i = 1; i < when.size(); ++i) {
    EXPECT_GE(when[i] - when[i - 1], 5s);
    EXPECT_LE(when[i] - when[i - 1], 6s);
  }
}

TEST_F(permits, of_different_keys_are_granted_together) {
  max_concurrency = 4;
  discord_is_well();
  auto begin = w.now();
  for (std::uint32_t id = 0; id < 4; ++id)
    EXPECT_EQ(identify({1, id, 8}, id + 1), begin);
  EXPECT_GE(identify({1, 4, 8}, 5) - begin, 5s);
}

TEST_F(permits, the_same_wish_asked_twice_is_granted_once) {
  discord_is_well();
  auto first = permit({1, 0, 2}, 7), again = permit({1, 0, 2}, 7);
  ASSERT_EQ(first.verdict, identify_verdict::granted);
  EXPECT_EQ(again.permit, first.permit);
  EXPECT_EQ(permit({1, 1, 2}, 8).verdict, identify_verdict::wait);
}

TEST_F(permits, are_refused_with_the_figures_when_discord_leaves_too_few) {
  discord_is_well(3);
  auto answer = permit({1, 0, 2}, 1, identify_purpose::reshard);
  EXPECT_EQ(answer.verdict, identify_verdict::refused);
  EXPECT_TRUE(says(answer.why, "3 of 1000")) << answer.why;
  EXPECT_FALSE(answer.instead.empty());
  EXPECT_GE(answer.after_ms, 60'000u);
}

TEST_F(permits, a_restart_does_not_free_a_key) {
  discord_is_well();
  auto first = permit({1, 0, 2}, 1);
  ASSERT_EQ(first.verdict, identify_verdict::granted);
  restart();
  discord_is_well();
  auto begin = w.now();
  EXPECT_GE(identify({1, 1, 2}, 2) - begin, 5s);
}

TEST_F(permits, a_permit_that_is_given_back_frees_its_key_at_once) {
  discord_is_well();
  auto first = permit({1, 0, 2}, 1);
  ASSERT_EQ(first.verdict, identify_verdict::granted);
  EXPECT_EQ(permit({1, 1, 2}, 2).verdict, identify_verdict::wait);
  w.send(coordinator, permit_returned{{1, 0, 2}, first.permit});
  EXPECT_EQ(permit({1, 1, 2}, 2).verdict, identify_verdict::granted);
}

} // namespace
} // namespace shardyard::testing
