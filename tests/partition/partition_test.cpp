// The rules of a partition group, one claim per test: what is delivered, when, in which order and under which
// number.
#include "tests/partition/partition_fixture.hpp"

#include <gmock/gmock.h>

namespace shardyard::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(partition_rules, events_of_the_only_session_are_delivered_in_order_and_numbered_from_1) {
  auto a = w.start_covering(old_shard, "A", {g1, g2});
  w.send(a, {message(g1, at_ms(1)), reaction(g2, 1), reaction(g1, 2)});
  EXPECT_THAT(w.told(g1), ElementsAre("MESSAGE_CREATE", "MESSAGE_REACTION_ADD"));
  EXPECT_EQ(w.lines.back().n, 2u);
  EXPECT_EQ(w.lines.back().epoch, 1u);
  EXPECT_THAT(w.told(g2), ElementsAre("MESSAGE_REACTION_ADD"));
  EXPECT_THAT(a.unacked, IsEmpty());
}

TEST_F(partition_rules, a_replayed_event_is_not_delivered_again) {
  auto a = w.start_covering(old_shard, "A", {g1});
  w.send(a, {reaction(g1, 1), reaction(g1, 2)});
  w.replay(a, a.s - 1, {reaction(g1, 1), reaction(g1, 2)});
  EXPECT_EQ(w.lines.size(), 2u);
  EXPECT_EQ(w.group->report(w.now).replayed, 2u);
}

TEST_F(partition_rules, a_repeated_item_is_ignored_and_a_jump_is_refused) {
  auto a = w.start_covering(old_shard, "A", {g1});
  auto block = w.block_of(a, {reaction(g1, 1)}, a.s);
  EXPECT_TRUE(w.group->on_block(3, block, w.now));
  EXPECT_TRUE(w.group->on_block(3, block, w.now));
  EXPECT_FALSE(w.group->on_block(5, block, w.now));
  w.settle();
  EXPECT_EQ(w.lines.size(), 1u);
}

TEST_F(partition_rules, an_item_is_acknowledged_only_when_the_sink_has_its_events) {
  auto a = w.start_covering(old_shard, "A", {g1});
  w.sink_stalled = true;
  w.send(a, {reaction(g1, 1)});
  EXPECT_EQ(a.unacked.size(), 1u);
  w.sink_stalled = false;
  w.settle();
  w.take_acks(a);
  EXPECT_THAT(a.unacked, IsEmpty());
}

TEST_F(partition_rules, the_lead_changes_at_an_anchor_that_both_sessions_show) {
  test_shard a, b;
  overlap(a, b);
  w.pass(5s);
  auto x = at_ms(w.ms());
  w.send(a, {reaction(g1, 1), message(g1, x)});
  w.send(b, {reaction(g1, 1), message(g1, x), reaction(g1, 2)});
  w.send(a, {reaction(g1, 2)});
  EXPECT_THAT(w.told(g1),
              ElementsAre("MESSAGE_REACTION_ADD", "MESSAGE_CREATE", "SHARDYARD_CUT", "MESSAGE_REACTION_ADD"));
  auto& cut = w.lines[2];
  EXPECT_THAT(cut.d, HasSubstr(R"("kind":"anchor")"));
  EXPECT_THAT(cut.d, HasSubstr(R"("from":{"topology":1,"shard":[0,1]})"));
  EXPECT_EQ(cut.from.session_id, "B");
  EXPECT_EQ(cut.n, 2u);
  EXPECT_EQ(w.lines[3].epoch, 2u);
  EXPECT_EQ(w.lines[3].n, 3u);
}

TEST_F(partition_rules, no_cut_without_a_transfer) {
  auto a = w.start_covering(old_shard, "A", {g1});
  auto b = w.start_covering(new_shard, "B", {g1});
  w.pass(5s);
  auto x = at_ms(w.ms());
  w.send(a, {message(g1, x)});
  w.send(b, {message(g1, x)});
  quiet(a, b);
  EXPECT_EQ(w.count("SHARDYARD_CUT"), 0u);
}

TEST_F(partition_rules, held_events_hold_the_acknowledgement_back) {
  test_shard a, b;
  overlap(a, b);
  w.pass(5s);
  w.send(a, {message(g1, at_ms(w.ms()))});
  w.send(a, {reaction(g1, 1)});
  w.send(a, {reaction(g1, 2)});
  EXPECT_EQ(w.lines.size(), 1u);
  EXPECT_EQ(a.unacked.size(), 2u);
  w.pass(1s);
  w.take_acks(a);
  EXPECT_EQ(w.lines.size(), 3u);
  EXPECT_THAT(a.unacked, IsEmpty());
  EXPECT_GE(w.group->report(w.now).held_delay.max(), 400ms);
}

TEST_F(partition_rules, the_report_tells_the_delay_of_held_events_whichever_session_delivers_them) {
  test_shard a, b;
  overlap(a, b);
  w.pass(5s);
  auto id = at_ms(w.ms());
  w.send(a, {message(g1, id)});
  w.send(a, {reaction(g1, 1)});
  EXPECT_EQ(w.group->report(w.now).held, 1u);
  w.pass(150ms);
  w.send(b, {message(g1, id), reaction(g1, 1), reaction(g1, 2)});
  w.send(a, {reaction(g1, 2)});
  auto report = w.group->report(w.now);
  EXPECT_EQ(report.held, 0u);
  EXPECT_EQ(report.held_delay.count(), 1u);
  EXPECT_EQ(report.held_delay.max(), 150ms);
  EXPECT_EQ(report.delay.count(), 3u);
  EXPECT_EQ(report.delay.max(), 150ms);
}

TEST_F(partition_rules, what_waits_in_a_follower_is_acknowledged_at_once) {
  test_shard a, b;
  overlap(a, b);
  w.send(b, {reaction(g1, 1), reaction(g1, 2)});
  EXPECT_THAT(b.unacked, IsEmpty());
  EXPECT_THAT(w.lines, IsEmpty());
}

TEST_F(partition_rules, a_silent_guild_is_cut_when_both_sockets_are_proven_alive) {
  test_shard a, b;
  overlap(a, b);
  quiet(a, b);
  EXPECT_THAT(w.told(g1), ElementsAre("SHARDYARD_CUT"));
  EXPECT_THAT(w.lines[0].d, HasSubstr(R"("kind":"quiet")"));
}

// Row 19 of the test matrix.
TEST_F(partition_rules, an_outage_is_never_shown_as_leave_or_join) {
  test_shard a, b;
  overlap(a, b);
  made_event out{"GUILD_DELETE", g1, 0, "{}", 0, unavailable_flag};
  w.send(b, {out});
  w.send(b, {{"GUILD_CREATE", g1}});
  w.send(a, {out});
  w.send(b, {out});
  w.send(a, {{"GUILD_CREATE", g1}});
  w.send(b, {{"GUILD_CREATE", g1}});
  EXPECT_EQ(w.count("GUILD_DELETE") + w.count("GUILD_CREATE"), 0u);
}

// Row 20.
TEST_F(partition_rules, a_real_leave_and_join_in_the_overlap_is_shown_once) {
  test_shard a, b;
  overlap(a, b);
  w.send(a, {reaction(g1, 1), {"GUILD_DELETE", g1}, {"GUILD_CREATE", g1}, reaction(g1, 2)});
  w.send(b, {reaction(g1, 1), {"GUILD_DELETE", g1}, {"GUILD_CREATE", g1}, reaction(g1, 2)});
  EXPECT_THAT(w.told(g1),
              ElementsAre("MESSAGE_REACTION_ADD", "GUILD_DELETE", "GUILD_CREATE", "MESSAGE_REACTION_ADD"));
  quiet(a, b);
  EXPECT_EQ(w.count("SHARDYARD_CUT"), 1u);
  EXPECT_EQ(w.lines.back().n, 4u);
}

TEST_F(partition_rules, a_leave_keeps_the_number_for_the_next_join) {
  auto a = w.start_covering(old_shard, "A", {g1});
  w.send(a, {reaction(g1, 1), {"GUILD_DELETE", g1}});
  w.send(a, {{"GUILD_CREATE", g1}, reaction(g1, 2)});
  EXPECT_EQ(w.lines.back().n, 4u);
}

// Row 21.
TEST_F(partition_rules, a_guild_joined_after_the_plan_began_is_led_by_the_old_shard_and_shown_once) {
  auto a = w.start_covering(old_shard, "A", {g1});
  auto b = w.start_covering(new_shard, "B", {g1});
  w.mark(a, mark_kind::transfer);
  w.send(b, {{"GUILD_CREATE", g2}, reaction(g2, 1)});
  w.send(a, {{"GUILD_CREATE", g2}, reaction(g2, 1)});
  EXPECT_THAT(w.told(g2), ElementsAre("GUILD_CREATE", "MESSAGE_REACTION_ADD"));
  EXPECT_EQ(w.lines.back().from.session_id, "A");
  quiet(a, b);
  EXPECT_EQ(w.count("SHARDYARD_CUT"), 2u);
}

TEST_F(partition_rules, a_guild_deleted_in_the_middle_no_longer_holds_up_the_plan) {
  test_shard a, b;
  overlap(a, b);
  w.send(a, {{"GUILD_DELETE", g1}});
  w.send(b, {{"GUILD_DELETE", g1}});
  w.mark(a, mark_kind::drain);
  auto answers = w.group->drain_answers();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].led, 0u);
}

// Row 24.
TEST_F(partition_rules, an_interaction_is_delivered_once_whichever_session_shows_it_first) {
  test_shard a, b;
  overlap(a, b);
  auto interaction = [](std::uint64_t i) { return made_event{"INTERACTION_CREATE", g1, at_ms(1, i), "{}"}; };
  w.send(a, {interaction(1), interaction(2)});
  w.send(b, {interaction(3), interaction(2), interaction(1)});
  w.send(a, {interaction(3)});
  EXPECT_EQ(w.count("INTERACTION_CREATE"), 3u);
  EXPECT_EQ(w.group->report(w.now).keyed_doubles, 3u);
}

made_event presence(snowflake user, std::string status) {
  return {"PRESENCE_UPDATE", g1, 0,
          R"({"user":{"id":")" + std::to_string(user) + R"("},"status":")" + status +
              R"(","processed_at_timestamp":)" + std::to_string(std::rand()) + "}"};
}

TEST_F(partition_rules, presences_and_typing_come_from_the_lead_only) {
  test_shard a, b;
  overlap(a, b);
  w.send(b, {presence(7, "idle"), {"TYPING_START", g1}});
  w.send(a, {presence(7, "idle"), {"TYPING_START", g1}});
  EXPECT_EQ(w.lines.size(), 2u);
  EXPECT_EQ(w.lines[0].from.session_id, "A");
}

TEST_F(partition_rules, a_cut_levels_the_presences_that_the_old_lead_had_not_shown) {
  test_shard a, b;
  overlap(a, b);
  w.send(a, {presence(7, "idle"), presence(8, "online")});
  w.send(b, {presence(7, "idle"), presence(8, "dnd")});
  quiet(a, b);
  ASSERT_EQ(w.count("SHARDYARD_CUT"), 1u);
  auto& last = w.lines.back();
  EXPECT_EQ(last.t, "PRESENCE_UPDATE");
  EXPECT_THAT(last.d, HasSubstr("dnd"));
  EXPECT_EQ(last.flags, snapshot_flag);
  EXPECT_EQ(w.count("PRESENCE_UPDATE"), 3u);
}

// Row 26.
TEST_F(partition_rules, direct_messages_keep_their_order_per_channel_and_are_delivered_once) {
  auto a = w.start(old_shard, "A", {});
  auto dm = [](snowflake channel, std::uint64_t i) {
    return made_event{"MESSAGE_CREATE", 0, at_ms(0, i), std::to_string(i), channel};
  };
  w.send(a, {dm(50, 1), dm(60, 2)});
  auto b = w.start(new_shard, "B", {});
  w.mark(a, mark_kind::transfer);
  w.send(b, {dm(60, 3), dm(50, 4), dm(70, 6)});
  w.send(a, {dm(50, 4), dm(60, 3), dm(50, 5), dm(70, 6)});
  w.send(b, {dm(50, 5)});
  quiet(a, b);
  EXPECT_THAT(w.payloads(0, 50), ElementsAre("1", "4", "5"));
  EXPECT_THAT(w.payloads(0, 60), ElementsAre("2", "3"));
  EXPECT_THAT(w.payloads(0, 70), ElementsAre("6"));
  EXPECT_EQ(w.count("SHARDYARD_CUT"), 3u);
  w.send(b, {dm(50, 7)});
  EXPECT_EQ(w.lines.back().n, 4u);
  EXPECT_EQ(w.lines.back().epoch, 2u);
}

TEST_F(partition_rules, a_channel_that_first_speaks_after_a_long_silence_is_led_by_the_new_shard_at_once) {
  auto a = w.start(old_shard, "A", {});
  auto b = w.start(new_shard, "B", {});
  w.mark(a, mark_kind::transfer);
  quiet(a, b);
  auto dm = [](std::uint64_t i) {
    return made_event{"MESSAGE_REACTION_ADD", 0, 0, "{\"r\":" + std::to_string(i) + "}", 50};
  };
  w.send(a, {dm(1)});
  w.mark(a, mark_kind::drain);
  EXPECT_TRUE(w.group->drain_answers().empty()) << "what only one has shown is not decided yet";
  w.send(b, {dm(1), dm(2)});
  w.pass(100ms);
  auto answers = w.group->drain_answers();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].led, 0u);
  w.send(a, {dm(2)});
  EXPECT_THAT(w.payloads(0, 50), ElementsAre(R"({"r":1})", R"({"r":2})"));
  EXPECT_EQ(w.group->report(w.now).counters.compared, 2u);
}

TEST_F(partition_rules, a_channel_that_first_speaks_soon_after_the_new_session_began_waits_for_its_cut) {
  auto a = w.start(old_shard, "A", {});
  auto b = w.start(new_shard, "B", {});
  w.mark(a, mark_kind::transfer);
  w.pass(3s);
  w.send(a, {{"MESSAGE_REACTION_ADD", 0, 0, R"({"r":1})", 50}});
  w.mark(a, mark_kind::drain);
  EXPECT_EQ(w.group->drain_answers().front().led, 1u);
  EXPECT_THAT(w.payloads(0, 50), ElementsAre(R"({"r":1})"));
}

TEST_F(partition_rules, entitlements_of_both_sessions_are_paired_and_genuine_repeats_survive) {
  auto a = w.start(old_shard, "A", {});
  auto b = w.start(new_shard, "B", {});
  made_event e{"ENTITLEMENT_UPDATE", 0, at_ms(1), R"({"id":"1","consumed":false})"};
  w.send(a, {e, e});
  w.send(b, {e, e, e});
  w.send(a, {e});
  EXPECT_EQ(w.count("ENTITLEMENT_UPDATE"), 3u);
}

TEST_F(partition_rules, answers_to_one_session_come_from_the_lead_and_ready_never) {
  test_shard a, b;
  overlap(a, b);
  w.send(a, {{"READY"}, {"VOICE_SERVER_UPDATE", g1}, {"RESUMED"}});
  w.send(b, {{"VOICE_SERVER_UPDATE", g1}});
  EXPECT_THAT(w.told(g1), ElementsAre("VOICE_SERVER_UPDATE"));
  EXPECT_EQ(w.lines.size(), 1u);
}

// Row 11.
TEST_F(partition_rules, a_gap_names_the_last_and_the_first_event_around_it) {
  auto a = w.start_covering(old_shard, "A", {g1});
  w.send(a, {reaction(g1, 1)});
  auto last_s = a.s;
  w.mark(a, mark_kind::lost);
  w.restart_session(a, "A2", {g1});
  w.send(a, {{"GUILD_CREATE", g1}, reaction(g1, 2)});
  ASSERT_THAT(w.told(g1), ElementsAre("MESSAGE_REACTION_ADD", "SHARDYARD_GAP", "MESSAGE_REACTION_ADD"));
  std::erase_if(w.lines, [](auto& line) { return line.guild != g1; });
  auto& gap = w.lines[1];
  EXPECT_THAT(gap.d, HasSubstr(R"("last":{"session_id":"A","s":)" + std::to_string(last_s) + R"(,"n":1})"));
  EXPECT_THAT(gap.d, HasSubstr(R"("first":{"session_id":"A2","s":2})"));
  EXPECT_EQ(gap.flags, gap_flag);
  EXPECT_EQ(gap.n, 1u);
  EXPECT_EQ(w.lines[2].n, 2u);
}

TEST_F(partition_rules, a_lost_shard_0_is_a_gap_for_channels_that_nobody_knows_yet) {
  auto a = w.start_covering(old_shard, "A", {g1});
  w.mark(a, mark_kind::lost);
  EXPECT_EQ(w.count("SHARDYARD_GAP"), 0u);
  w.restart_session(a, "A2", {g1});
  ASSERT_THAT(w.told(0), ElementsAre("SHARDYARD_GAP"));
  auto gap = std::ranges::find(w.lines, 0u, &sink_line::guild);
  EXPECT_THAT(gap->d, HasSubstr(R"("session_id":"A2")"));
}

TEST_F(partition_rules, a_session_replaced_without_a_word_is_a_gap_too) {
  auto a = w.start_covering(old_shard, "A", {g1});
  w.send(a, {reaction(g1, 1)});
  w.restart_session(a, "A2", {g1});
  w.send(a, {reaction(g1, 2)});
  EXPECT_THAT(w.told(g1), ElementsAre("MESSAGE_REACTION_ADD", "SHARDYARD_GAP", "MESSAGE_REACTION_ADD"));
}

TEST_F(partition_rules, a_lost_lead_with_a_follower_is_no_gap) {
  test_shard a, b;
  overlap(a, b);
  w.send(a, {reaction(g1, 1)});
  w.send(b, {reaction(g1, 1), reaction(g1, 2)});
  w.mark(a, mark_kind::lost);
  w.send(b, {reaction(g1, 3)});
  EXPECT_EQ(w.count("SHARDYARD_GAP"), 0u);
  EXPECT_THAT(w.payloads(g1), ElementsAre(R"({"r":1})", R"({"r":2})", R"({"r":3})"));
}

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

TEST_F(partition_rules, an_event_of_a_foreign_partition_is_neither_delivered_nor_acknowledged) {
  w.settings.partitions = {1};
  w.restart();
  auto a = w.start(old_shard, "A", {g1});
  w.send(a, {reaction(g1, 1)});
  w.send(a, {reaction(g2, 1)});
  EXPECT_THAT(w.told(g1), ElementsAre("MESSAGE_REACTION_ADD"));
  EXPECT_THAT(w.told(g2), IsEmpty());
  EXPECT_EQ(a.unacked.size(), 1u);
  EXPECT_EQ(w.group->report(w.now).misrouted, 1u);
}

TEST(partition_groups, two_groups_share_a_shard_and_deliver_their_own_guilds) {
  group_world w1, w2;
  w1.settings.partitions = {0, 1};
  w2.settings.partitions = {2, 3};
  w1.restart();
  w2.restart();
  auto a1 = w1.start(old_shard, "A", {g1});
  auto a2 = w2.start(old_shard, "A", {g2});
  a2.s = 5;
  w1.send(a1, {reaction(g1, 1)});
  w2.send(a2, {reaction(g2, 1)});
  EXPECT_THAT(w1.payloads(g1), ElementsAre(R"({"r":1})"));
  EXPECT_THAT(w2.payloads(g2), ElementsAre(R"({"r":1})"));
  EXPECT_THAT(a1.unacked, IsEmpty());
  EXPECT_THAT(a2.unacked, IsEmpty());
}

} // namespace
} // namespace shardyard::testing
