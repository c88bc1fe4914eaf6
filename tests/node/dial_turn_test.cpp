// Two nodes that look for each other on a network where crossed dials end with nothing.
#include "actors/node/dial_turn.hpp"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <random>

namespace shardyard {
namespace {

using std::chrono::milliseconds;
using time_point = dial_turn::time;

constexpr milliseconds beat{100};

/// Both look at their turns at beats of their own; a dial takes `handshake`. Dials that overlap cross.
struct two_nodes {
  two_nodes(const std::string& a, const std::string& b) : turns{dial_turn{a, b}, dial_turn{b, a}} {}

  /// When the first connection stands that both keep; nullopt: not within `limit`.
  std::optional<time_point> meet(milliseconds limit) {
    for (std::size_t i = 0; i < 2; ++i)
      turns[i].wanted(begin[i]);
    for (time_point now{}; now < time_point{} + limit; now += milliseconds{1})
      if (step(now))
        return now;
    return std::nullopt;
  }

  bool step(time_point now) {
    auto ends = [&](std::size_t i) { return dialled[i] && now >= *dialled[i] + handshake; };
    if (dialled[0] && dialled[1] && (ends(0) || ends(1))) {
      ++crossings;
      for (std::size_t i = 0; i < 2; ++i) {
        dialled[i].reset();
        turns[i].failed(now);
      }
    }
    for (std::size_t i = 0; i < 2; ++i) {
      if (ends(i))
        return true;
      auto beats = (now.time_since_epoch() - phase[i]) % beat == milliseconds{0};
      if (now >= begin[i] && beats && turns[i].due(now)) {
        turns[i].begin();
        dialled[i] = now;
      }
    }
    return false;
  }

  std::array<dial_turn, 2> turns;
  std::array<time_point, 2> begin{};
  std::array<milliseconds, 2> phase{};
  std::array<std::optional<time_point>, 2> dialled;
  milliseconds handshake{3};
  int crossings = 0;
};

TEST(dial_turn, two_nodes_that_start_at_the_same_moment_meet_at_once) {
  two_nodes nodes{"a", "b"};
  auto met = nodes.meet(milliseconds{60'000});
  ASSERT_TRUE(met);
  EXPECT_LT(*met, time_point{} + milliseconds{200});
  EXPECT_EQ(nodes.crossings, 0);
}

TEST(dial_turn, without_an_order_they_would_cross_for_ever) {
  two_nodes nodes{"a", "b"};
  nodes.turns = {dial_turn{"a", "b"}, dial_turn{"a", "b"}};
  EXPECT_FALSE(nodes.meet(milliseconds{60'000}));
  EXPECT_GT(nodes.crossings, 50);
}

TEST(dial_turn, whatever_the_moments_they_cross_once_at_most_and_meet_within_seconds) {
  auto seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random{seed};
  auto some = [&](int most) { return milliseconds{std::uniform_int_distribution{0, most}(random)}; };
  for (int round = 0; round < 300; ++round) {
    two_nodes nodes{"a", "b"};
    nodes.handshake = milliseconds{1} + some(400);
    for (std::size_t i = 0; i < 2; ++i) {
      nodes.begin[i] += some(1500);
      nodes.phase[i] = some(99);
    }
    auto met = nodes.meet(milliseconds{60'000});
    ASSERT_TRUE(met) << "handshake " << nodes.handshake.count() << " ms";
    EXPECT_LE(nodes.crossings, 1);
    EXPECT_LT(*met - std::max(nodes.begin[0], nodes.begin[1]), milliseconds{2000});
  }
}

TEST(dial_turn, a_node_whose_turn_it_is_not_dials_when_nobody_comes) {
  dial_turn turn{"b", "a"};
  time_point now{};
  turn.wanted(now);
  EXPECT_FALSE(turn.due(now));
  EXPECT_TRUE(turn.due(now + dial_turn::yield_for));
}

} // namespace
} // namespace shardyard
