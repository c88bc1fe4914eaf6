// A plan as a partition group sees it: drains, closes, aborts, exceptions, and orders that come too late.
#include "tests/partition/partition_fixture.hpp"

#include <gmock/gmock.h>

namespace shardyard::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(partition_rules, a_drain_counts_the_guilds_that_the_shard_still_leads) {
  auto a = w.start_covering(old_shard, "A", {g1, g2});
  auto b = w.start_covering(new_shard, "B", {g1});
  w.mark(a, mark_kind::transfer);
  quiet(a, b);
  w.mark(a, mark_kind::drain);
  w.mark(b, mark_kind::drain);
  auto answers = w.group->drain_answers();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].led, 1u);
  EXPECT_EQ(answers[1].led, 1u);
}

TEST_F(partition_rules, a_shard_does_not_close_before_what_only_it_has_shown_is_delivered) {
  test_shard a, b;
  overlap(a, b);
  quiet(a, b);
  w.send(a, {reaction(g1, 1), reaction(g1, 2)});
  w.send(b, {reaction(g1, 1)});
  w.mark(a, mark_kind::drain);
  EXPECT_TRUE(w.group->drain_answers().empty());
  quiet(a, b);
  auto answers = w.group->drain_answers();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].led, 0u);
  EXPECT_THAT(w.payloads(g1), ElementsAre(R"({"r":1})", R"({"r":2})"));
  EXPECT_EQ(w.group->report(w.now).counters.late, 1u);
  EXPECT_EQ(w.group->report(w.now).counters.unverifiable, 0u);
}

TEST_F(partition_rules, a_drain_is_answered_after_a_bound_whatever_is_open) {
  test_shard a, b;
  overlap(a, b);
  quiet(a, b);
  w.send(a, {reaction(g1, 1), reaction(g1, 2)});
  w.send(b, {reaction(g1, 1)});
  w.mark(a, mark_kind::drain);
  w.mark(b, mark_kind::disconnected);
  w.pass(w.settings.tuning.quiet * 3);
  EXPECT_TRUE(w.group->drain_answers().empty());
  w.pass(w.settings.tuning.quiet + 1s);
  EXPECT_EQ(w.group->drain_answers().size(), 1u);
}

TEST_F(partition_rules, an_abort_brings_the_lead_back_to_the_old_shard) {
  test_shard a, b;
  overlap(a, b);
  quiet(a, b);
  w.mark(b, mark_kind::retract);
  quiet(a, b);
  w.send(a, {reaction(g1, 1)});
  w.send(b, {reaction(g1, 1)});
  EXPECT_EQ(w.count("SHARDYARD_CUT"), 2u);
  EXPECT_EQ(w.lines.back().from.session_id, "A");
  EXPECT_EQ(w.lines.back().epoch, 3u);
  w.mark(b, mark_kind::closed);
  quiet(a, b);
  w.send(a, {reaction(g1, 2)});
  EXPECT_EQ(w.payloads(g1).size(), 2u);
  EXPECT_EQ(w.count("SHARDYARD_CUT"), 2u);
}

TEST_F(partition_rules, a_closed_topology_makes_room_for_the_next_plan) {
  test_shard a, b;
  overlap(a, b);
  quiet(a, b);
  test_shard c;
  c.key = {3, 0, 1};
  c.session = "C";
  EXPECT_FALSE(w.group->on_mark(1, w.mark_of(c, mark_kind::started), w.now));
  w.mark(a, mark_kind::closed);
  c = w.start_covering({3, 0, 1}, "C", {g1});
  w.plan = 2;
  w.mark(b, mark_kind::transfer);
  quiet(b, c);
  w.send(c, {reaction(g1, 1)});
  EXPECT_EQ(w.lines.back().from.session_id, "C");
  EXPECT_EQ(w.lines.back().epoch, 3u);
}

TEST_F(partition_rules, an_order_behind_the_close_does_not_keep_the_place_of_its_topology) {
  auto even = w.start_covering({1, 0, 2}, "A0", {});
  auto odd = w.start_covering({1, 1, 2}, "A1", {});
  w.start_covering({2, 0, 1}, "B", {});
  w.mark(even, mark_kind::closed);
  w.mark(even, mark_kind::transfer);
  w.mark(even, mark_kind::retract);
  w.mark(odd, mark_kind::closed);
  test_shard c;
  c.key = {3, 0, 1};
  c.session = "C";
  EXPECT_TRUE(w.group->on_mark(1, w.mark_of(c, mark_kind::started), w.now));
}

TEST_F(partition_rules, a_mark_of_an_older_term_is_refused) {
  test_shard a, b;
  a = w.start_covering(old_shard, "A", {g1});
  b = w.start_covering(new_shard, "B", {g1});
  auto drain = w.mark_of(b, mark_kind::drain);
  drain.cluster_epoch = 5;
  w.push(b, drain);
  w.mark(a, mark_kind::transfer);
  quiet(a, b);
  EXPECT_EQ(w.count("SHARDYARD_CUT"), 0u);
  EXPECT_EQ(w.group->report(w.now).stale_marks, 1u);
}

TEST_F(partition_rules, the_report_counts_uncut_guilds_cuts_and_exceptions) {
  auto a = w.start_covering(old_shard, "A", {g1, g2});
  auto b = w.start_covering(new_shard, "B", {g1});
  w.mark(a, mark_kind::transfer);
  quiet(a, b);
  w.now += 11min;
  auto report = w.group->report(w.now);
  ASSERT_EQ(report.shards.size(), 2u);
  EXPECT_EQ(report.shards[0].led, 1u);
  EXPECT_EQ(report.shards[0].covered, 0u);
  EXPECT_THAT(report.shards[0].exceptions, ElementsAre(g2));
  EXPECT_EQ(report.shards[0].cuts[static_cast<std::size_t>(cut_kind::quiet)], 1u);
  EXPECT_EQ(report.shards[1].led, 1u);
}

TEST_F(partition_rules, an_accepted_exception_is_cut_and_says_so) {
  test_shard a, b;
  overlap(a, b);
  w.send(a, {reaction(g1, 1)});
  w.send(b, {reaction(g1, 1)});
  w.group->accept(w.plan, old_shard, true, w.now);
  w.settle();
  ASSERT_EQ(w.count("SHARDYARD_CUT"), 1u);
  EXPECT_THAT(w.lines.back().d, HasSubstr("accepted"));
  EXPECT_EQ(w.payloads(g1).size(), 1u);
}

TEST_F(partition_rules, what_a_dumb_session_left_out_comes_in_order_when_its_guild_is_cut_without_a_proof) {
  test_shard a, b;
  overlap(a, b);
  auto first = at_ms(w.ms()), second = at_ms(w.ms() + 1);
  w.send(a, {reaction(g1, 1)});
  w.send(b, {message(g1, first), reaction(g1, 1), message(g1, second)});
  EXPECT_THAT(w.told(g1), ElementsAre("MESSAGE_REACTION_ADD"));
  w.group->accept(w.plan, old_shard, false, w.now);
  w.settle();
  w.send(a, {reaction(g1, 2)});
  w.send(b, {reaction(g1, 2), message(g1, at_ms(w.ms() + 2))});
  EXPECT_THAT(w.told(g1), ElementsAre("MESSAGE_REACTION_ADD", "SHARDYARD_CUT", "MESSAGE_CREATE",
                                      "MESSAGE_CREATE", "MESSAGE_REACTION_ADD", "MESSAGE_CREATE"));
}

} // namespace
} // namespace shardyard::testing
