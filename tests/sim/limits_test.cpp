#include "sim/delay_line.hpp"
#include "sim/identify_limiter.hpp"
#include "sim/replay_buffer.hpp"
#include "tests/sim/first_moment.hpp"

#include <gtest/gtest.h>

namespace shardyard::sim {
namespace {

using namespace std::chrono_literals;
using verdict = identify_limiter::verdict;

TEST(identify_limiter, one_identify_per_key_and_spacing) {
  identify_limiter limiter{{.max_concurrency = 2}};
  EXPECT_EQ(limiter.identify(0, first_moment), verdict::granted);
  EXPECT_EQ(limiter.identify(1, first_moment), verdict::granted);
  EXPECT_EQ(limiter.identify(2, first_moment + 4999ms), verdict::too_soon);
  EXPECT_EQ(limiter.last_gap(), 4999ms);
  EXPECT_EQ(limiter.identify(2, first_moment + 5000ms), verdict::granted);
}

TEST(identify_limiter, a_refused_identify_eats_budget_but_does_not_restart_the_spacing) {
  identify_limiter limiter{{.budget = 10}};
  limiter.identify(0, first_moment);
  EXPECT_EQ(limiter.identify(0, first_moment + 4s), verdict::too_soon);
  EXPECT_EQ(limiter.remaining(first_moment), 8u);
  EXPECT_EQ(limiter.identify(0, first_moment + 5s), verdict::granted);
}

TEST(identify_limiter, budget_runs_out_and_comes_back_after_the_window) {
  identify_limiter limiter{{.budget = 1, .window = 3600s}};
  EXPECT_EQ(limiter.reset_after(first_moment), 0ms);
  EXPECT_EQ(limiter.identify(0, first_moment), verdict::granted);
  EXPECT_EQ(limiter.identify(0, first_moment + 10s), verdict::exhausted);
  EXPECT_EQ(limiter.reset_after(first_moment + 10s), 3590s);
  EXPECT_EQ(limiter.identify(0, first_moment + 3600s), verdict::granted);
}

shared_payload numbered(int n) {
  payload made{.name = "T", .d = std::to_string(n)};
  return std::make_shared<const payload>(std::move(made));
}

TEST(replay_buffer, keeps_the_newest_and_knows_what_it_lost) {
  replay_buffer buffer{3};
  for (auto n = 1; n <= 5; ++n)
    buffer.push(numbered(n));
  EXPECT_FALSE(buffer.covers(1));
  EXPECT_TRUE(buffer.covers(2));
  EXPECT_TRUE(buffer.covers(5));
  EXPECT_FALSE(buffer.covers(6));
  std::string seen;
  buffer.replay(
      2, [&](std::uint64_t s, const shared_payload& p) { seen += std::to_string(s) + ":" + p->d + " "; });
  EXPECT_EQ(seen, "3:3 4:4 5:5 ");
}

TEST(delay_line, releases_by_time_and_keeps_order_within_a_millisecond) {
  delay_line line;
  line.push(105, {.occurrence = 3});
  line.push(101, {.occurrence = 1});
  line.push(101, {.occurrence = 2});
  std::vector<std::uint64_t> out;
  auto take = [&](copy& item) { out.push_back(item.occurrence); };
  line.release(100, take);
  EXPECT_TRUE(out.empty());
  line.release(104, take);
  EXPECT_EQ(out, (std::vector<std::uint64_t>{1, 2}));
  line.push(104, {.occurrence = 4});
  line.release(105, take);
  EXPECT_EQ(out, (std::vector<std::uint64_t>{1, 2, 4, 3}));
  EXPECT_EQ(line.size(), 0u);
}

} // namespace
} // namespace shardyard::sim
