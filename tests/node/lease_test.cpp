#include "actors/node/lease.hpp"

#include "tests/node/lease_world.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace shardyard {
namespace {

using namespace std::chrono_literals;

lease lease_among(std::size_t hosts) {
  lease x;
  x.set_hosts(hosts);
  return x;
}

TEST(lease, nobody_may_deliver_before_anybody_allowed_it) {
  for (std::size_t hosts = 2; hosts <= 7; ++hosts)
    EXPECT_EQ(lease_among(hosts).until(), 0s) << hosts;
}

TEST(lease, the_only_host_is_its_own_majority) {
  EXPECT_EQ(lease_among(1).until(), lease::time::max());
}

TEST(lease, a_grant_counts_from_the_question_and_ends_early_by_the_drift_of_both_clocks) {
  auto x = lease_among(3);
  x.granted(100s, 5s);
  EXPECT_GE(x.until(), 104700ms);
  EXPECT_LE(x.until(), 104900ms);
  EXPECT_EQ(x.last_grant(), 100s);
}

TEST(lease, a_lease_ends_before_its_time_has_passed_on_any_clock_that_drifts_no_more_than_allowed) {
  for (auto share : {1 - lease::drift, 1.0, 1 + lease::drift}) { // of the coordinator's clock to ours
    auto x = lease_among(3);
    x.granted(0s, 5s);
    auto on_the_other_clock = std::chrono::duration<double>(x.until()) * share;
    EXPECT_LT(on_the_other_clock, 5s) << share;
  }
}

TEST(lease, an_answer_that_comes_late_or_out_of_order_takes_nothing_back) {
  auto x = lease_among(3);
  x.granted(100s, 5s);
  auto until = x.until();
  x.granted(90s, 5s);
  EXPECT_EQ(x.until(), until);
  EXPECT_EQ(x.last_grant(), 100s);
  x.vouched("a", 90s, 5s);
  EXPECT_EQ(x.until(), until);
  x.vouched("a", 110s, 5s);
  x.vouched("a", 101s, 5s);
  EXPECT_GT(x.until(), 114s);
}

TEST(lease, as_many_vouches_are_needed_as_make_a_majority_with_the_host_itself) {
  for (std::size_t hosts = 2; hosts <= 7; ++hosts) {
    auto x = lease_among(hosts);
    std::size_t with_itself = 1;
    while (x.until() == 0s) {
      ASSERT_LT(with_itself, hosts);
      x.vouched("peer " + std::to_string(with_itself++), 100s, 5s);
    }
    EXPECT_GT(2 * with_itself, hosts) << hosts;
    EXPECT_LE(2 * (with_itself - 1), hosts) << hosts << ": one less is no majority";
  }
}

TEST(lease, one_peer_that_vouches_often_is_one_peer) {
  auto x = lease_among(5);
  for (auto sent = 100s; sent < 110s; ++sent)
    x.vouched("a", sent, 5s);
  EXPECT_EQ(x.until(), 0s);
}

TEST(lease, it_ends_when_the_vouches_no_longer_make_a_majority) {
  auto x = lease_among(5);
  x.vouched("a", 100s, 5s);
  x.vouched("b", 103s, 5s);
  auto until = x.until();
  EXPECT_LT(until, 105s) << "the older of the two that are needed";
  x.vouched("c", 102s, 5s);
  EXPECT_GT(x.until(), until);
  EXPECT_LT(x.until(), 107s);
}

TEST(lease, the_longer_of_grant_and_vouches_counts) {
  auto x = lease_among(3);
  x.granted(100s, 5s);
  x.vouched("a", 120s, 5s);
  EXPECT_GT(x.until(), 124s);
  x.granted(130s, 5s);
  EXPECT_GT(x.until(), 134s);
}

TEST(lease, vouching_for_others_is_not_held_off_by_vouches) {
  auto x = lease_among(3);
  x.vouched("a", 120s, 5s);
  EXPECT_EQ(x.last_grant(), 0s);
}

TEST(lease, more_hosts_need_more_vouches) {
  auto x = lease_among(3);
  x.vouched("a", 100s, 5s);
  EXPECT_GT(x.until(), 104s);
  x.set_hosts(5);
  EXPECT_EQ(x.until(), 0s);
}

TEST(lease_world, under_random_losses_cuts_drift_and_restarts_two_hosts_never_deliver_for_one_group) {
  int adoptions = 0, vouched = 0;
  EXPECT_TRUE(rc::check([&](std::uint64_t seed) {
    lease_world world{seed, 2 + static_cast<int>(seed % 6), {}};
    world.run(6'000); // five minutes
    RC_ASSERT(world.doubled() == 0);
    adoptions += world.adoptions();
    vouched += world.vouched();
  }));
  EXPECT_GT(adoptions, 20) << "nothing was tried";
  EXPECT_GT(vouched, 100) << "nothing was tried";
}

bool two_deliver_somewhere(lease_rules rules) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    lease_world world{seed, 3 + static_cast<int>(seed % 3), rules};
    world.run(6'000);
    if (world.doubled() > 0)
      return true;
  }
  return false;
}

// Each rule is needed: the same worlds find the hole that it closes.

TEST(lease_world, what_a_host_asked_a_moment_ago_does_not_say_that_it_vouches_for_nobody) {
  EXPECT_TRUE(two_deliver_somewhere({.promises = false}));
}

TEST(lease_world, a_host_that_was_adopted_from_must_not_be_vouched_for_later_either) {
  EXPECT_TRUE(two_deliver_somewhere({.lost_for_good = false}));
}

TEST(lease_world, a_host_that_has_just_begun_may_have_vouched_in_its_life_before) {
  EXPECT_TRUE(two_deliver_somewhere({.birth_breaks_silence = false}));
}

TEST(lease_world, a_host_that_has_just_begun_knows_nobody_as_lost_and_so_must_not_vouch) {
  EXPECT_TRUE(two_deliver_somewhere({.members_speak = false}));
}

} // namespace
} // namespace shardyard
