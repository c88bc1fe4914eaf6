#include "actors/coordinator/identify_ledger.hpp"
#include "tests/coordinator/first_moment.hpp"

#include <gtest/gtest.h>

using namespace shardyard;
using namespace std::chrono_literals;

namespace {

shard_key shard(std::uint32_t id, std::uint32_t topology = 1) {
  return {topology, id, 64};
}

struct ledger_test : ::testing::Test {
  identify_ledger ledger;
  unix_time now = first_moment;

  void limit(std::uint32_t total, std::uint32_t remaining, std::uint32_t concurrency) {
    ledger.update_from_discord({total, remaining, 24h, concurrency, now}, now);
  }
  permit_answer ask(std::uint32_t id, permit_purpose purpose = permit_purpose::start,
                    std::uint64_t nonce = 0) {
    return ledger.ask({shard(id), purpose, nonce}, now).answer;
  }
  std::uint64_t granted(const permit_answer& answer) {
    auto grant = std::get_if<permit_grant>(&answer);
    EXPECT_TRUE(grant);
    return grant ? grant->permit : 0;
  }
  static bool waits(const permit_answer& answer) { return std::holds_alternative<permit_wait>(answer); }
  static bool is_refused(const permit_answer& answer) {
    return std::holds_alternative<permit_refusal>(answer);
  }
};

TEST_F(ledger_test, nobody_identifies_before_discords_limit_is_known) {
  EXPECT_TRUE(waits(ask(0)));
  limit(1000, 1000, 1);
  EXPECT_FALSE(waits(ask(0)));
}

TEST_F(ledger_test, a_grant_comes_with_the_row_that_must_be_durable_first) {
  limit(1000, 1000, 1);
  auto reply = ledger.ask({shard(3), permit_purpose::reshard, 0}, now);
  ASSERT_EQ(reply.rows.size(), 1u);
  EXPECT_EQ(reply.rows[0].id, granted(reply.answer));
  EXPECT_EQ(reply.rows[0].state, permit_state::granted);
}

TEST_F(ledger_test, one_identify_per_key_and_spacing_whatever_the_topology) {
  limit(1000, 1000, 16);
  auto permit = granted(ask(3));
  EXPECT_TRUE(waits(ledger.ask({shard(3, 2), permit_purpose::reshard, 0}, now).answer));
  EXPECT_TRUE(waits(ask(19, permit_purpose::reshard)));
  granted(ask(4));
  now += 300ms;
  ledger.used(permit, 100ms, now);
  now = first_moment + 200ms + 5149ms;
  EXPECT_TRUE(waits(ledger.ask({shard(3, 2), permit_purpose::reshard, 0}, now).answer));
  now += 1ms;
  EXPECT_FALSE(waits(ledger.ask({shard(3, 2), permit_purpose::reshard, 0}, now).answer));
}

TEST_F(ledger_test, an_unreported_permit_blocks_its_key_until_nobody_can_use_it) {
  limit(1000, 1000, 1);
  granted(ask(0));
  now = first_moment + 10s + 5149ms;
  EXPECT_TRUE(waits(ask(1)));
  now += 1ms;
  granted(ask(1));
}

TEST_F(ledger_test, a_permit_given_back_frees_key_and_budget) {
  limit(1000, 1000, 1);
  auto permit = granted(ask(0));
  EXPECT_EQ(ledger.status(now).left, 999u);
  auto rows = ledger.returned(permit, now);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].state, permit_state::returned);
  EXPECT_EQ(ledger.status(now).left, 1000u);
  granted(ask(1));
}

TEST_F(ledger_test, a_used_permit_cannot_be_given_back) {
  limit(1000, 1000, 1);
  auto permit = granted(ask(0));
  ledger.used(permit, 0ms, now);
  EXPECT_TRUE(ledger.returned(permit, now).empty());
  EXPECT_EQ(ledger.status(now).left, 999u);
}

TEST_F(ledger_test, the_same_wish_asked_again_gets_the_same_permit) {
  limit(1000, 1000, 1);
  auto first = granted(ask(0, permit_purpose::start, 7));
  now += 3s;
  EXPECT_EQ(granted(ask(0, permit_purpose::start, 7)), first);
  EXPECT_EQ(ledger.status(now).used_24h, 1u);
  now += 14s;
  EXPECT_TRUE(waits(ask(1))) << "the second answer made the permit valid for longer";
  EXPECT_TRUE(waits(ask(0, permit_purpose::start, 8))) << "another wish is another permit";
}

TEST_F(ledger_test, a_wish_whose_permit_is_used_is_not_served_twice) {
  limit(1000, 1000, 1);
  ledger.used(granted(ask(0, permit_purpose::start, 7)), 0ms, now);
  EXPECT_TRUE(waits(ask(0, permit_purpose::start, 7)));
}

TEST_F(ledger_test, recoveries_go_before_starts_before_reshards) {
  limit(1000, 1000, 1);
  ledger.used(granted(ask(0)), 0ms, now);
  EXPECT_TRUE(waits(ask(1, permit_purpose::reshard)));
  EXPECT_TRUE(waits(ask(2, permit_purpose::start)));
  EXPECT_TRUE(waits(ask(3, permit_purpose::recovery)));
  now += 5150ms;
  EXPECT_TRUE(waits(ask(1, permit_purpose::reshard)));
  EXPECT_TRUE(waits(ask(2, permit_purpose::start)));
  granted(ask(3, permit_purpose::recovery));
}

TEST_F(ledger_test, an_asker_that_does_not_come_back_loses_its_place) {
  limit(1000, 1000, 1);
  ledger.used(granted(ask(0)), 0ms, now);
  auto hint = std::get<permit_wait>(ask(1)).ask_again;
  EXPECT_TRUE(waits(ask(2)));
  now += hint;
  EXPECT_TRUE(waits(ask(2))) << "shard 1 still has its place";
  now += 2001ms;
  granted(ask(2));
}

TEST_F(ledger_test, the_first_in_line_is_told_the_exact_time) {
  limit(1000, 1000, 1);
  ledger.used(granted(ask(0)), 0ms, now);
  now += 1s;
  EXPECT_EQ(std::get<permit_wait>(ask(1)).ask_again, 4150ms);
}

TEST_F(ledger_test, an_old_reshard_asker_is_not_passed_over_for_ever) {
  limit(1000, 1000, 1);
  ledger.used(granted(ask(0)), 0ms, now);
  auto served = false;
  for (int round = 0; round < 200 && !served; ++round) {
    now += 1s;
    served = !waits(ask(9, permit_purpose::reshard));
    if (served)
      break;
    auto answer = ask(static_cast<std::uint32_t>(round % 3), permit_purpose::recovery);
    if (auto grant = std::get_if<permit_grant>(&answer))
      ledger.used(grant->permit, 0ms, now);
  }
  EXPECT_TRUE(served);
}

TEST_F(ledger_test, a_reshard_leaves_the_reserve_and_recovery_stops_at_the_fuse) {
  limit(1000, 201, 1000);
  ledger.set_shards(100);
  EXPECT_EQ(ledger.reserve(), 200u);
  EXPECT_EQ(ledger.fuse(), 20u);
  granted(ask(0, permit_purpose::reshard));
  auto refused = ask(1, permit_purpose::reshard);
  ASSERT_TRUE(is_refused(refused));
  EXPECT_NE(std::get<permit_refusal>(refused).why.find("200 of 1000"), std::string::npos);
  EXPECT_FALSE(std::get<permit_refusal>(refused).instead.empty());
  for (std::uint32_t i = 2; i < 182; ++i)
    granted(ask(i, permit_purpose::recovery));
  EXPECT_TRUE(is_refused(ask(500, permit_purpose::recovery)));
  EXPECT_EQ(ledger.status(now).left, 20u);
}

TEST_F(ledger_test, the_reserve_is_sane_for_tiny_totals) {
  limit(10, 10, 1);
  EXPECT_EQ(ledger.reserve(), 2u);
  EXPECT_EQ(ledger.fuse(), 1u);
  EXPECT_EQ(ledger.left_for(permit_purpose::reshard, now), 8u);
}

TEST_F(ledger_test, discords_figure_rules_when_it_is_smaller) {
  limit(1000, 50, 64);
  EXPECT_EQ(ledger.status(now).left, 50u);
  granted(ask(0));
  EXPECT_EQ(ledger.status(now).left, 49u);
  limit(1000, 50, 64);
  EXPECT_EQ(ledger.status(now).left, 49u) << "the open permit is not in Discord's answer yet";
}

TEST_F(ledger_test, an_answer_kept_on_disk_knows_nothing_of_later_permits) {
  limit(1000, 100, 64);
  std::vector<permit_row> rows;
  for (std::uint32_t i = 0; i < 30; ++i) {
    now += 1s;
    auto permit = granted(ask(i));
    rows.push_back(ledger.used(permit, 0ms, now).at(0));
  }
  now += 1min;
  identify_ledger after;
  after.restore(rows, now);
  after.update_from_discord({1000, 100, 24h, 64, first_moment}, now);
  EXPECT_EQ(after.status(now).left, 70u);
}

TEST_F(ledger_test, our_own_count_rules_when_discord_reports_more) {
  limit(10, 10, 64);
  for (std::uint32_t i = 0; i < 5; ++i)
    ledger.used(granted(ask(i)), 0ms, now);
  now += 1h;
  limit(10, 10, 64);
  EXPECT_EQ(ledger.status(now).left, 5u);
  now += 24h;
  EXPECT_EQ(ledger.status(now).left, 10u);
}

TEST_F(ledger_test, reset_after_zero_means_a_full_window_ahead) {
  ledger.update_from_discord({1000, 1000, 0ms, 1, now}, now);
  granted(ask(0));
  now += 23h;
  EXPECT_EQ(ledger.status(now).left, 999u);
}

TEST_F(ledger_test, a_violation_rests_the_key_and_is_counted) {
  limit(1000, 1000, 1);
  auto permit = granted(ask(0));
  ledger.used(permit, 0ms, now);
  now += 4s;
  auto rows = ledger.violated(permit, now);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_TRUE(rows[0].violated);
  now += 5149ms;
  EXPECT_TRUE(waits(ask(1)));
  EXPECT_EQ(ledger.status(now).violations, 1u);
}

TEST_F(ledger_test, a_wrong_age_frees_no_key_early) {
  limit(1000, 1000, 1);
  auto permit = granted(ask(0));
  now += 100ms;
  ledger.used(permit, 1h, now);
  now += 5s;
  EXPECT_TRUE(waits(ask(1)));
}

TEST_F(ledger_test, after_a_restart_unknown_permits_count_as_used_then) {
  limit(1000, 1000, 1);
  auto row = ledger.ask({shard(0), permit_purpose::start, 0}, now).rows.at(0);
  identify_ledger after;
  now += 1s;
  after.restore({row}, now);
  after.update_from_discord({1000, 1000, 24h, 1, now}, now);
  EXPECT_EQ(after.status(now).left, 999u);
  now += 10s + 5149ms;
  EXPECT_TRUE(waits(after.ask({shard(1), permit_purpose::start, 0}, now).answer));
  now += 1ms;
  auto next = after.ask({shard(1), permit_purpose::start, 0}, now);
  EXPECT_GT(granted(next.answer), row.id);
}

TEST_F(ledger_test, a_clock_set_forward_across_a_restart_frees_no_key) {
  limit(1000, 1000, 1);
  auto permit = granted(ask(0));
  auto row = ledger.used(permit, 0ms, now).at(0);
  for (auto jump : {+1h, -1h}) {
    identify_ledger after;
    auto then = now + jump;
    after.restore({row}, then);
    after.update_from_discord({1000, 1000, 24h, 1, then}, then);
    EXPECT_TRUE(waits(after.ask({shard(1), permit_purpose::start, 0}, then + 5s).answer));
    granted(after.ask({shard(1), permit_purpose::start, 0}, then + 5150ms).answer);
  }
}

TEST_F(ledger_test, a_grant_whose_row_was_not_written_never_was) {
  limit(1000, 1000, 1);
  ledger.not_written(granted(ask(0)));
  EXPECT_EQ(ledger.status(now).left, 1000u);
  granted(ask(1));
}

TEST_F(ledger_test, rows_are_forgotten_after_the_window) {
  limit(1000, 1000, 1);
  auto permit = granted(ask(0));
  EXPECT_TRUE(ledger.forget(now + 24h).empty());
  EXPECT_EQ(ledger.forget(now + 24h + 121s), (std::vector<std::uint64_t>{permit}));
  EXPECT_TRUE(ledger.forget(now + 25h).empty());
}

} // namespace
