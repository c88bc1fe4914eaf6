#include "actors/coordinator/forecast.hpp"
#include "tests/coordinator/first_moment.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <rapidcheck/gtest.h>

using namespace shardyard;
using namespace std::chrono_literals;

namespace {

forecast_input ask(std::uint32_t from, std::uint32_t to, std::uint64_t guilds = 2000) {
  forecast_input in;
  in.request.shard_count = to;
  in.context.active = {1, from};
  in.context.next_topology_id = 2;
  in.context.guilds = guilds;
  in.context.identifies_left = 800;
  in.context.hosts = 2;
  in.identifies_left_today = 1000;
  in.max_concurrency = 16;
  return in;
}

bool warned(const forecast& x, const std::string& text) {
  return std::any_of(x.warnings.begin(), x.warnings.end(),
                     [&](const auto& w) { return w.find(text) != std::string::npos; });
}

TEST(forecast, names_units_identifies_and_time) {
  auto x = make_forecast(ask(4, 6), first_moment);
  EXPECT_FALSE(x.refused);
  EXPECT_EQ(x.units, 2u);
  EXPECT_EQ(x.identifies_needed, 6u);
  EXPECT_EQ(x.identifies_left, 800u);
  EXPECT_EQ(x.identifies_left_today, 994u);
  EXPECT_EQ(x.most_permits_on_one_key, 1u);
  EXPECT_EQ(x.time.permits, 0ms);
  EXPECT_EQ(x.time.total, x.time.permits + x.time.ready + 2s + 5s + 60s);
  EXPECT_DOUBLE_EQ(x.guilds_per_shard_before, 500);
  EXPECT_GE(x.fullest_shard_after, 334u);
  EXPECT_EQ(x.overlap_bytes, 2000u * 4096 + 6u * (1 << 20));
}

TEST(forecast, permits_wait_for_their_key) {
  auto in = ask(16, 64);
  in.max_concurrency = 1;
  auto x = make_forecast(in, first_moment);
  EXPECT_EQ(x.most_permits_on_one_key, 64u);
  EXPECT_EQ(x.time.permits, 63 * 5150ms);
}

TEST(forecast, a_refused_plan_is_forecast_all_the_same) {
  auto in = ask(4, 6);
  in.context.identifies_left = 3;
  auto x = make_forecast(in, first_moment);
  ASSERT_TRUE(x.refused);
  EXPECT_NE(x.refused->why.find("needs 6"), std::string::npos);
  EXPECT_EQ(x.units, 2u);
  in = ask(4, 0);
  EXPECT_TRUE(make_forecast(in, first_moment).refused);
  in = ask(4, 4'000'000'000u);
  EXPECT_TRUE(make_forecast(in, first_moment).refused);
}

TEST(forecast, suggests_counts_with_more_units_nearby) {
  auto x = make_forecast(ask(16, 31), first_moment);
  ASSERT_FALSE(x.better.empty());
  EXPECT_EQ(x.better[0].shard_count, 32u);
  EXPECT_NE(x.better[0].why.find("16 independent units instead of 1"), std::string::npos);
  EXPECT_NE(x.better[0].why.find("splits into 2"), std::string::npos);
  EXPECT_TRUE(warned(x, "share no factor"));
  EXPECT_TRUE(make_forecast(ask(16, 32), first_moment).better.empty());
}

TEST(forecast, suggestions_are_legal_and_have_head_room) {
  auto in = ask(64, 70, 110'000);
  in.context.shard_multiple = 16;
  auto x = make_forecast(in, first_moment);
  ASSERT_TRUE(x.refused);
  for (const auto& count : x.legal_counts) {
    EXPECT_EQ(count % 16, 0u);
    EXPECT_LE(estimate_fullest_shard(110'000, count), max_guilds_per_shard);
  }
  ASSERT_FALSE(x.better.empty());
  for (const auto& b : x.better)
    EXPECT_EQ(b.shard_count % 16, 0u);
}

TEST(forecast, warns_of_full_shards_and_of_the_way_back) {
  EXPECT_TRUE(warned(make_forecast(ask(16, 24, 55'000), first_moment), "4011"));
  auto in = ask(300, 600);
  EXPECT_TRUE(warned(make_forecast(in, first_moment), "no second reshard"));
}

TEST(forecast, shards_for_a_target_size) {
  EXPECT_EQ(shards_for(2000, 1000, 1), 2u);
  EXPECT_EQ(shards_for(2001, 1000, 1), 3u);
  EXPECT_EQ(shards_for(2001, 1000, 16), 16u);
  EXPECT_EQ(shards_for(0, 1000, 1), 1u);
}

RC_GTEST_PROP(forecast, the_share_of_new_shard_ids_is_exact, ()) {
  auto n = *rc::gen::inRange<std::uint32_t>(1, 40);
  auto m = *rc::gen::inRange<std::uint32_t>(1, 40);
  auto lcm = std::lcm(n, m);
  auto moved = 0;
  for (std::uint32_t k = 0; k < lcm; ++k)
    moved += k % n != k % m;
  RC_ASSERT(std::abs(share_with_new_shard_id(n, m) - static_cast<double>(moved) / lcm) < 1e-12);
}

RC_GTEST_PROP(forecast, any_request_gets_an_answer, (std::uint32_t to, std::uint64_t guilds)) {
  auto in = ask(*rc::gen::inRange<std::uint32_t>(0, 50), to % 200'000, guilds % 10'000'000);
  in.context.shard_multiple = *rc::gen::inRange<std::uint32_t>(0, 20);
  in.max_concurrency = *rc::gen::inRange<std::uint32_t>(0, 20);
  auto x = make_forecast(in, first_moment);
  RC_ASSERT(std::is_sorted(x.legal_counts.begin(), x.legal_counts.end()));
  RC_ASSERT(x.better.size() <= 3u);
}

} // namespace
