// What a node that dies leaves behind: log, sink and unacknowledged items together lose nothing and double
// nothing.
#include "tests/partition/partition_fixture.hpp"

#include <gmock/gmock.h>

namespace shardyard::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

made_event command(std::uint64_t i) {
  return {"INTERACTION_CREATE", g1, at_ms(1, i), "{}"};
}

TEST_F(partition_rules, an_interaction_delivered_before_a_crash_is_not_delivered_again_by_the_other_session) {
  test_shard a, b;
  overlap(a, b);
  w.send(a, {command(1)});
  w.crash();
  w.send(b, {command(1)});
  w.restart();
  w.resync(b);
  w.resync(a);
  EXPECT_EQ(w.count("INTERACTION_CREATE"), 1u);
}

TEST_F(partition_rules, an_interaction_that_no_sink_took_before_a_crash_is_delivered_after_it) {
  test_shard a, b;
  overlap(a, b);
  w.sink_stalled = true;
  w.send(a, {command(1)});
  w.waiting.clear();
  w.crash();
  w.sink_stalled = false;
  w.restart();
  w.resync(a);
  w.resync(b);
  EXPECT_EQ(w.count("INTERACTION_CREATE"), 1u);
}

TEST_F(partition_rules, what_the_new_lead_had_shown_survives_a_crash_between_the_cut_line_and_its_events) {
  test_shard a, b;
  overlap(a, b);
  w.pass(5s);
  auto x = at_ms(w.ms());
  w.sink_stalled = true;
  w.send(b, {message(g1, x), reaction(g1, 1), reaction(g1, 2)});
  ASSERT_THAT(b.unacked, IsEmpty());
  w.send(a, {message(g1, x)});
  ASSERT_EQ(w.waiting_lines(), 4u);
  w.write_lines(3);
  w.waiting.clear();
  w.crash();
  w.sink_stalled = false;
  w.restart();
  w.resync(a);
  w.resync(b);
  EXPECT_THAT(w.told(g1),
              ElementsAre("MESSAGE_CREATE", "SHARDYARD_CUT", "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_ADD"));
  EXPECT_THAT(w.lines.back().d, HasSubstr("2"));
  EXPECT_EQ(w.lines.back().n, 3u);
}

TEST_F(partition_rules, a_cut_that_no_sink_has_seen_is_undone_and_its_shadow_still_has_everything) {
  test_shard a, b;
  overlap(a, b);
  w.pass(5s);
  auto x = at_ms(w.ms());
  w.send(a, {message(g1, x)});
  w.sink_stalled = true;
  w.send(b, {message(g1, x)});
  ASSERT_EQ(w.waiting_lines(), 1u);
  w.send(a, {reaction(g1, 2)});
  EXPECT_EQ(a.unacked.size(), 1u);
  w.waiting.clear();
  w.crash();
  w.sink_stalled = false;
  w.restart();
  w.resync(a);
  w.resync(b);
  w.send(b, {reaction(g1, 2)});
  EXPECT_THAT(w.told(g1), ElementsAre("MESSAGE_CREATE", "MESSAGE_REACTION_ADD"));
  EXPECT_EQ(w.lines.back().from.session_id, "A");
  EXPECT_EQ(w.lines.back().epoch, 1u);
}

TEST_F(partition_rules, a_swap_that_no_sink_has_seen_is_redone_with_what_only_the_log_has) {
  test_shard a, b;
  overlap(a, b);
  quiet(a, b);
  ASSERT_EQ(w.count("SHARDYARD_CUT"), 1u);
  // B leads. A shows an event as shadow, which is acknowledged; then B is lost, and so is everything that the
  // swap delivers.
  w.send(a, {reaction(g1, 1)});
  ASSERT_THAT(a.unacked, IsEmpty());
  w.sink_stalled = true;
  w.mark(b, mark_kind::lost);
  ASSERT_EQ(w.waiting_lines(), 2u);
  w.waiting.clear();
  w.crash();
  w.sink_stalled = false;
  w.restart();
  w.resync(a);
  w.resync(b);
  w.send(a, {reaction(g1, 2)});
  EXPECT_THAT(w.payloads(g1), ElementsAre(R"({"r":1})", R"({"r":2})"));
  EXPECT_EQ(w.count("SHARDYARD_CUT"), 2u);
  EXPECT_EQ(w.count("SHARDYARD_GAP"), 0u);
}

TEST_F(partition_rules, a_lead_lost_before_it_caught_up_with_a_restart_leaves_a_gap_with_borders) {
  test_shard a, b;
  overlap(a, b);
  quiet(a, b);
  w.send(b, {reaction(g1, 1)});
  auto last_s = b.s;
  w.send(a, {reaction(g1, 1), reaction(g1, 2)});
  ASSERT_THAT(a.unacked, IsEmpty()) << "the second is in the shadow queue only";
  w.group->checkpoint(w.now, true);
  w.settle();
  w.crash();
  w.restart();
  w.resync(a);
  w.resync(b);
  w.mark(b, mark_kind::lost);
  EXPECT_EQ(w.count("SHARDYARD_GAP"), 0u);
  w.send(a, {reaction(g1, 3)});
  ASSERT_THAT(w.told(g1), ElementsAre("SHARDYARD_CUT", "MESSAGE_REACTION_ADD", "SHARDYARD_CUT",
                                      "SHARDYARD_GAP", "MESSAGE_REACTION_ADD"));
  auto& gap = w.lines[3];
  EXPECT_THAT(gap.d, HasSubstr(R"("last":{"session_id":"B","s":)" + std::to_string(last_s) + ","));
  EXPECT_THAT(gap.d, HasSubstr(R"("first":{"session_id":"A","s":)" + std::to_string(a.s) + "}"));
  w.send(a, {reaction(g1, 4)});
  EXPECT_EQ(w.count("SHARDYARD_GAP"), 1u);
}

TEST_F(partition_rules, a_lead_that_caught_up_with_a_restart_leaves_no_gap) {
  test_shard a, b;
  overlap(a, b);
  quiet(a, b);
  w.send(b, {reaction(g1, 1)});
  w.send(a, {reaction(g1, 1), reaction(g1, 2)});
  w.group->checkpoint(w.now, true);
  w.settle();
  w.crash();
  w.restart();
  w.resync(a);
  w.resync(b);
  w.send(b, {reaction(g1, 2)});
  for (int i = 0; i < 3; ++i) {
    w.pass(1s);
    w.flush(b);
  }
  w.mark(b, mark_kind::lost);
  w.send(a, {reaction(g1, 3)});
  EXPECT_EQ(w.count("SHARDYARD_GAP"), 0u);
  EXPECT_THAT(w.payloads(g1), ElementsAre(R"({"r":1})", R"({"r":2})", R"({"r":3})"));
}

TEST_F(partition_rules, a_gap_that_the_sink_has_seen_is_not_told_again_after_a_crash) {
  auto a = w.start_covering(old_shard, "A", {g1});
  w.send(a, {reaction(g1, 1)});
  w.group->checkpoint(w.now, true);
  w.settle();
  w.mark(a, mark_kind::lost);
  w.restart_session(a, "A2", {g1});
  w.send(a, {{"GUILD_CREATE", g1}});
  auto gaps = [&] { return std::ranges::count(w.told(g1), "SHARDYARD_GAP"); };
  ASSERT_EQ(gaps(), 1);
  w.crash();
  w.restart();
  w.resync(a);
  w.send(a, {reaction(g1, 2)});
  EXPECT_EQ(gaps(), 1);
}

TEST_F(partition_rules, an_outage_at_the_follower_is_remembered_over_a_crash) {
  test_shard a, b;
  overlap(a, b);
  w.send(a, {reaction(g1, 1)});
  w.send(b, {{"GUILD_DELETE", g1, 0, "{}", 0, unavailable_flag}});
  w.crash();
  w.restart();
  w.resync(a);
  w.resync(b);
  w.mark(a, mark_kind::transfer);
  quiet(a, b);
  EXPECT_EQ(w.count("SHARDYARD_CUT"), 0u);
  w.send(b, {{"GUILD_CREATE", g1}});
  quiet(a, b);
  EXPECT_EQ(w.count("SHARDYARD_CUT"), 1u);
}

TEST_F(partition_rules, a_session_lost_while_the_node_was_away_is_a_gap) {
  auto a = w.start_covering(old_shard, "A", {g1});
  w.send(a, {reaction(g1, 1)});
  w.crash();
  w.restart_session(a, "A2", {g1});
  w.send(a, {{"GUILD_CREATE", g1}, reaction(g1, 2)});
  w.restart();
  w.resync(a);
  EXPECT_THAT(w.told(g1), ElementsAre("MESSAGE_REACTION_ADD", "SHARDYARD_GAP", "MESSAGE_REACTION_ADD"));
  EXPECT_THAT(w.lines[1].d, HasSubstr(R"("session_id":"A",)"));
}

TEST_F(partition_rules, a_compacted_log_gives_the_same_state) {
  test_shard a, b;
  overlap(a, b);
  w.send(a, {reaction(g1, 1), command(1)});
  w.send(b, {reaction(g1, 1)});
  w.log = w.group->snapshot().value();
  w.lines.clear();
  w.crash();
  w.restart();
  w.resync(a);
  w.resync(b);
  w.send(b, {command(1)});
  w.send(a, {reaction(g1, 2)});
  ASSERT_EQ(w.lines.size(), 1u);
  EXPECT_EQ(w.lines[0].n, 3u);
}

TEST_F(partition_rules, no_snapshot_while_a_sink_owes_an_answer) {
  auto a = w.start_covering(old_shard, "A", {g1});
  w.sink_stalled = true;
  w.send(a, {reaction(g1, 1)});
  EXPECT_FALSE(w.group->snapshot().has_value());
}

TEST_F(partition_rules, positions_reach_the_log_without_the_help_of_a_sink) {
  auto a = w.start_covering(old_shard, "A", {g1});
  w.send(a, {reaction(g1, 1), reaction(g1, 2)});
  w.group->checkpoint(w.now, true);
  w.log += w.group->take_log();
  w.lines.clear();
  auto s = a.s;
  w.crash();
  w.restart();
  w.resync(a);
  w.replay(a, s - 1, {reaction(g1, 1), reaction(g1, 2)});
  EXPECT_THAT(w.lines, IsEmpty());
  w.send(a, {reaction(g1, 3)});
  EXPECT_EQ(w.lines.back().n, 3u);
}

TEST_F(partition_rules, a_topology_whose_end_a_crash_has_swallowed_makes_room_for_the_next_plans) {
  test_shard a, b;
  overlap(a, b);
  quiet(a, b);
  w.crash(); // the plan is done, and the mark that closes `a` was on its way
  w.restart();
  w.resync(b);
  source_mark next;
  next.from = {{3, 0, 1}, "C"};
  next.guilds = {g1};
  EXPECT_FALSE(w.group->on_mark(1, next, w.now));
  w.group->retire_all_but(new_shard.topology, 3, w.now);
  EXPECT_TRUE(w.group->on_mark(1, next, w.now));
  w.send(b, {message(g1, at_ms(w.ms()))});
  EXPECT_EQ(w.count("MESSAGE_CREATE"), 1u);
}

// A host dies: a consumer has lines that the copy of its log does not know.
struct lost_host : partition_rules {
  test_shard a, b;
  std::vector<sink_line> consumed;

  void SetUp() override {
    overlap(a, b);
    w.send(a, {reaction(g1, 1)});
    w.group->checkpoint(w.now, true);
    w.settle();
    w.sink_stalled = true;
    w.send(a, {reaction(g1, 2), command(1), reaction(g1, 3)});
    w.send(b, {command(1)});
    w.write_lines(w.waiting_lines());
    consume();
    ASSERT_THAT(consumed, ::testing::SizeIs(4));
    w.lines.clear();
    w.waiting.clear();
    w.crash();
    w.sink_stalled = false;
  }

  // As bots' sessions do: what comes again under a number that was there is dropped.
  void consume() {
    for (auto& x : w.lines) {
      auto had = [&](const sink_line& y) { return y.guild == x.guild && y.n >= x.n; };
      if (!x.control() && std::ranges::none_of(consumed, had))
        consumed.push_back(x);
    }
  }

  std::size_t interactions() {
    consume();
    return static_cast<std::size_t>(
        std::ranges::count(consumed, std::string{"INTERACTION_CREATE"}, &sink_line::t));
  }

  void prove_lead_caught_up() {
    for (int i = 0; i < 3; ++i) {
      w.pass(1s);
      w.flush(a);
    }
    w.pass(50ms);
  }
};

TEST_F(lost_host, the_shadows_interactions_take_no_numbers_of_lines_that_the_lead_sends_again) {
  w.send(b, {command(2)});
  w.restart();
  w.resync(b);
  w.resync(a);
  w.send(a, {command(2), reaction(g1, 4)});
  EXPECT_EQ(interactions(), 2u);
  EXPECT_EQ(w.count("INTERACTION_CREATE"), 2u);
  EXPECT_THAT(w.payloads(g1), ElementsAre(R"({"r":2})", "{}", R"({"r":3})", "{}", R"({"r":4})"));
  EXPECT_EQ(w.lines.front().n, 2u);
  w.take_acks(b);
  EXPECT_THAT(b.unacked, IsEmpty()) << "the lead has shown it, so the shadow's copy is not needed";
}

TEST_F(lost_host, an_interaction_that_only_the_shadow_shows_comes_when_the_lead_has_caught_up) {
  w.send(b, {command(2)});
  w.restart();
  w.resync(b);
  w.resync(a);
  EXPECT_EQ(interactions(), 1u);
  w.take_acks(b);
  EXPECT_FALSE(b.unacked.empty()) << "nobody else has it";
  prove_lead_caught_up();
  EXPECT_EQ(interactions(), 2u);
  EXPECT_EQ(w.lines.back().n, 5u);
  w.take_acks(b);
  EXPECT_THAT(b.unacked, IsEmpty());
  w.send(b, {command(3)});
  EXPECT_EQ(interactions(), 3u) << "at once from now on";
}

TEST_F(lost_host, interactions_of_the_shadow_come_in_their_order_when_the_lead_is_lost) {
  w.send(b, {command(2), command(3)});
  w.restart();
  w.resync(b);
  w.resync(a);
  w.mark(a, mark_kind::lost);
  w.send(b, {command(4)});
  EXPECT_EQ(interactions(), 4u);
  std::vector<std::uint64_t> of_shadow;
  for (auto& x : w.lines)
    if (x.t == "INTERACTION_CREATE" && x.from.session_id == "B")
      of_shadow.push_back(x.s);
  EXPECT_THAT(of_shadow, ElementsAre(b.s - 2, b.s - 1, b.s));
}

TEST_F(lost_host, an_interaction_waits_for_a_lead_that_stays_away_no_longer_than_four_quiet_times) {
  w.send(b, {command(2)});
  w.restart();
  w.resync(b);
  w.pass(4 * w.settings.tuning.quiet - 1s);
  EXPECT_EQ(w.count("INTERACTION_CREATE"), 0u);
  w.pass(1s);
  EXPECT_EQ(w.count("INTERACTION_CREATE"), 1u);
  w.send(b, {command(3)});
  EXPECT_EQ(w.count("INTERACTION_CREATE"), 2u);
}

TEST_F(lost_host, an_interaction_that_waits_survives_the_next_crash) {
  w.send(b, {command(2)});
  w.restart();
  w.resync(b);
  w.resync(a);
  w.send(a, {reaction(g1, 4)});
  w.group->checkpoint(w.now, true);
  w.settle();
  consume();
  w.crash();
  w.restart();
  w.resync(b);
  w.resync(a);
  prove_lead_caught_up();
  EXPECT_EQ(interactions(), 2u);
  EXPECT_EQ(w.count("INTERACTION_CREATE"), 2u);
}

TEST_F(lost_host, too_many_interactions_that_wait_are_let_go) {
  w.restart();
  w.resync(b);
  for (std::uint64_t i = 0; i < w.settings.tuning.max_held_events; ++i)
    w.send(b, {command(10 + i)});
  EXPECT_EQ(w.count("INTERACTION_CREATE"), 0u);
  w.send(b, {command(2)});
  EXPECT_EQ(w.count("INTERACTION_CREATE"), w.settings.tuning.max_held_events + 1);
}

} // namespace
} // namespace shardyard::testing
