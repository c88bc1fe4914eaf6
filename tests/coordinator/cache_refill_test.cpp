// Claims about the renewal that fills missing caches: when it begins, and when it must not.
#include "actors/coordinator/cache_refill.hpp"
#include "tests/coordinator/first_moment.hpp"

#include <gtest/gtest.h>
#include <random>

using namespace shardyard;
using namespace std::chrono_literals;

namespace {

refill_view missing(std::uint64_t guilds) {
  return {.uncached = guilds, .unavailable = 0, .calm = true, .renewed = {}};
}

} // namespace

TEST(cache_refill, guilds_that_stay_away_for_a_minute_of_calm_are_shown_again) {
  cache_refill refill;
  EXPECT_FALSE(refill.due(missing(5), first_moment));
  EXPECT_FALSE(refill.due(missing(5), first_moment + 59s));
  EXPECT_NE(
      refill.text(first_moment + 59s).find("5 guilds are not in the cache; sessions are renewed in 1 s"),
      std::string::npos)
      << refill.text(first_moment + 59s);
  EXPECT_TRUE(refill.due(missing(5), first_moment + 60s));
}

TEST(cache_refill, guilds_that_discord_calls_unavailable_are_waited_for) {
  cache_refill refill;
  auto outage = missing(5);
  outage.unavailable = 5;
  for (auto at = first_moment; at < first_moment + 1h; at += 10s)
    ASSERT_FALSE(refill.due(outage, at));
  EXPECT_TRUE(refill.text(first_moment + 1h).empty());
}

TEST(cache_refill, what_was_refused_is_asked_again_five_minutes_later) {
  cache_refill refill;
  refill.due(missing(5), first_moment);
  ASSERT_TRUE(refill.due(missing(5), first_moment + 60s));
  refill.answered("no IDENTIFYs are left; wait", first_moment + 60s);
  EXPECT_FALSE(refill.due(missing(5), first_moment + 60s + 299s));
  EXPECT_NE(refill.text(first_moment + 61s).find("no IDENTIFYs are left; wait"), std::string::npos);
  EXPECT_TRUE(refill.due(missing(5), first_moment + 60s + 300s));
}

TEST(cache_refill, one_that_did_not_help_is_not_repeated_for_six_hours_and_one_that_did_for_one) {
  for (auto helped : {false, true}) {
    cache_refill refill;
    auto seen = missing(5);
    seen.renewed = first_moment;
    auto at = first_moment + 2min;
    if (helped) {
      seen.uncached = 0;
      refill.due(seen, at);
      seen.uncached = 5;
    }
    while (!refill.due(seen, at))
      at += 1s;
    EXPECT_EQ(at, first_moment + (helped ? 1h : 6h));
  }
}

TEST(cache_refill, switched_off_it_only_tells) {
  cache_refill refill{{.enabled = false}};
  for (auto at = first_moment; at < first_moment + 10min; at += 10s)
    ASSERT_FALSE(refill.due(missing(5), at));
  EXPECT_NE(refill.text(first_moment + 10min).find("cache.refill is off"), std::string::npos);
}

/// A cluster that loses caches, hosts and its budget at random; renewals help, mostly.
TEST(cache_refill, it_never_hurries_and_always_comes_in_the_end) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random{seed};
  auto one_in = [&random](unsigned n) { return random() % n == 0; };
  refill_tuning tuning;
  cache_refill refill{tuning};
  refill_view seen{.calm = true};
  auto wanted = unix_time::max(); // missing and calm since then, as this test counts it
  auto renewal_ends = unix_time::max();
  auto refused_at = first_moment;
  auto budget = true;
  int renewals = 0;
  for (auto now = first_moment; now < first_moment + 24h * 20; now += 5s) {
    if (one_in(2000))
      seen.uncached += 1 + random() % 50; // a host was lost
    if (one_in(5000))
      seen.uncached = 0; // a session was new for a reason of its own
    if (one_in(1500))
      seen.unavailable = one_in(2) ? 0 : random() % 20;
    if (one_in(3000))
      budget = !budget;
    if (now >= renewal_ends) {
      renewal_ends = unix_time::max();
      if (!one_in(5))
        seen.uncached = 0;
    }
    auto restless = one_in(500);
    seen.calm = renewal_ends == unix_time::max() && !restless;
    auto missing = seen.uncached > seen.unavailable;
    if (!missing || !seen.calm)
      wanted = unix_time::max();
    else if (wanted == unix_time::max())
      wanted = now;
    auto due = refill.due(seen, now);
    ASSERT_EQ(refill.text(now).empty(), !missing);
    if (!due) {
      // Nothing but the last renewal, or a refusal, keeps it waiting.
      auto since = std::max(std::min(wanted, now), refused_at);
      auto patience = seen.renewed ? std::max(since, *seen.renewed + tuning.rest_in_vain) : since;
      ASSERT_LE(now, patience + tuning.after + tuning.retry) << (now - first_moment).count();
      continue;
    }
    ASSERT_GE(now - tuning.after, wanted);
    ASSERT_TRUE(!seen.renewed || now >= *seen.renewed + tuning.rest);
    refill.answered(budget ? "" : "the budget is used up", now);
    if (!budget) {
      refused_at = now;
    } else {
      seen.renewed = now;
      renewal_ends = now + 2min;
      ++renewals;
    }
  }
  EXPECT_GT(renewals, 20);
  EXPECT_LT(renewals, 20 * 24);
}
