// How far two sessions are apart, and what follows from it for holds and silences.
#include "actors/partition/session_skew.hpp"

#include "tests/partition/partition_fixture.hpp"

namespace shardyard {
namespace {

using namespace std::chrono_literals;

constexpr session_skews::pair one_pair{0, 3};

session_skews with(int samples, side later, monotonic by) {
  session_skews x;
  for (int i = 0; i < samples; ++i)
    x.add(one_pair, later, by);
  return x;
}

TEST(session_skew, a_quantile_counts_what_the_side_showed_first_as_zero) {
  skew_estimate x;
  for (int i = 0; i < 90; ++i)
    x.add(side::first, 10ms);
  for (int i = 0; i < 10; ++i)
    x.add(side::second, 100ms);
  EXPECT_EQ(x.quantile(side::second, .9), monotonic{0});
  EXPECT_GE(x.quantile(side::second, .95), 100ms);
  EXPECT_LE(x.quantile(side::second, .95), 126ms) << "a bucket is at most a quarter too high";
  EXPECT_GE(x.quantile(side::first, .9), 10ms);
}

TEST(session_skew, a_quantile_is_never_below_the_samples) {
  for (auto by : {0ms, 1ms, 3ms, 77ms, 500ms, 5000ms, 60'000ms}) {
    skew_estimate x;
    x.add(side::second, by);
    EXPECT_GE(x.quantile(side::second, .5), by);
    EXPECT_LE(x.quantile(side::second, .5), by + by / 4 + 1ms);
  }
}

TEST(session_skew, old_samples_fade_out) {
  skew_estimate x;
  for (int i = 0; i < 4000; ++i)
    x.add(side::second, 400ms);
  for (int i = 0; i < 60'000; ++i)
    x.add(side::second, 4ms);
  EXPECT_LE(x.quantile(side::second, .99), 5ms);
}

TEST(session_skew, a_hold_lasts_twice_the_p99_within_its_bounds) {
  handover_tuning tuning;
  auto hold = [&](const session_skews& x) { return x.waits(one_pair, side::first, tuning).hold; };
  EXPECT_EQ(hold({}), tuning.hold) << "nothing is known";
  EXPECT_EQ(hold(with(50, side::second, 1ms)), tuning.hold) << "too few to tell a p99";
  EXPECT_EQ(hold(with(200, side::second, 1ms)), tuning.least_hold);
  EXPECT_EQ(hold(with(200, side::second, 300ms)), tuning.hold);
  auto between = hold(with(200, side::second, 100ms));
  EXPECT_GE(between, 200ms);
  EXPECT_LE(between, 250ms);
  EXPECT_EQ(hold(with(200, side::first, 10s)), tuning.least_hold) << "a follower ahead needs no hold";
}

TEST(session_skew, a_silence_lasts_four_times_the_greatest_skew_of_the_pair_within_its_bounds) {
  handover_tuning tuning;
  auto quiet = [&](const session_skews& x) { return x.waits(one_pair, side::first, tuning).quiet; };
  EXPECT_EQ(quiet({}), tuning.quiet);
  EXPECT_EQ(quiet(with(200, side::second, 1s)), tuning.quiet);
  for (auto later : {side::first, side::second}) {
    EXPECT_GE(quiet(with(200, later, 3s)), 12s);
    EXPECT_LE(quiet(with(200, later, 3s)), 15s);
  }
  EXPECT_EQ(quiet(with(200, side::second, 100s)), tuning.unclear_quiet * tuning.quiet);
}

TEST(session_skew, a_follower_that_is_always_later_than_the_longest_hold_lags_and_is_not_waited_for) {
  handover_tuning tuning;
  auto x = with(20, side::second, 2s);
  EXPECT_TRUE(x.lags(one_pair, side::second, tuning));
  EXPECT_FALSE(x.lags(one_pair, side::first, tuning));
  EXPECT_EQ(x.waits(one_pair, side::first, tuning).hold, monotonic{0});
  EXPECT_EQ(x.waits(one_pair, side::second, tuning).hold, tuning.hold);
  EXPECT_EQ(x.of_shard(3, side::second, tuning).lagging, 0u) << "its follower does not";
  EXPECT_EQ(x.of_shard(0, side::first, tuning).lagging, 1u);
  EXPECT_EQ(x.of_shard(1, side::first, tuning).samples, 0u);
  for (int i = 0; i < 20; ++i)
    x.add(one_pair, side::second, 10ms);
  EXPECT_FALSE(x.lags(one_pair, side::second, tuning)) << "some holds would succeed";
}

} // namespace
} // namespace shardyard

namespace shardyard::testing {
namespace {

TEST_F(partition_rules, a_follower_that_is_always_late_is_reported_and_holds_nothing_up) {
  test_shard a, b;
  overlap(a, b);
  w.pass(5s);
  std::deque<snowflake> owed;
  for (int i = 0; i < 120; ++i) {
    owed.push_back(at_ms(w.ms()));
    w.send(a, {message(g1, owed.back())});
    w.pass(1s);
    if (owed.size() > 3) {
      w.send(b, {message(g1, owed.front())});
      owed.pop_front();
    }
  }
  auto report = w.group->report(w.now);
  EXPECT_TRUE(report.shards[0].follower_lagging);
  EXPECT_GE(report.shards[0].follower_p99, 3s);
  EXPECT_FALSE(report.shards[1].follower_lagging);
  EXPECT_EQ(report.shards[0].led, 1u);
  auto released = report.counters.holds_released;
  for (int i = 0; i < 60; ++i) {
    w.send(a, {message(g1, at_ms(w.ms()))});
    w.pass(1s);
  }
  EXPECT_EQ(w.group->report(w.now).counters.holds_released, released);
}

TEST_F(partition_rules, a_socket_that_was_down_does_not_count_as_skew) {
  test_shard a, b;
  overlap(a, b);
  w.pass(5s);
  for (int i = 0; i < 60; ++i) {
    auto id = at_ms(w.ms());
    w.send(a, {message(g1, id)});
    w.mark(b, mark_kind::disconnected);
    w.pass(3s);
    w.send(b, {message(g1, id)});
    w.mark(b, mark_kind::connected);
  }
  EXPECT_EQ(w.group->report(w.now).shards[0].follower_p99, monotonic{0});
}

} // namespace
} // namespace shardyard::testing
