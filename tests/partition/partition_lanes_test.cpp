// What a partition group does with events outside the guild lane: interactions, presences, direct messages,
// answers.
#include "tests/partition/partition_fixture.hpp"

#include <gmock/gmock.h>

namespace shardyard::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

// Found by a campaign: the group had no host when the session began, and its older copy came first.
TEST_F(partition_rules, a_session_shows_again_what_came_while_the_news_of_it_was_kept_and_nothing_older) {
  auto a = w.start(old_shard, "A", {});
  made_event older{"ENTITLEMENT_UPDATE", 0, at_ms(1), R"({"id":"1"})"};
  made_event meanwhile{"ENTITLEMENT_CREATE", 0, at_ms(2), R"({"id":"2"})"};
  w.send(a, {older});
  w.pass(20s);
  w.send(a, {meanwhile});
  w.pass(1s);
  auto b = w.start(new_shard, "B", {}, 10s);
  w.send(b, {meanwhile, older});
  EXPECT_EQ(w.count("ENTITLEMENT_CREATE"), 1u);
  EXPECT_EQ(w.count("ENTITLEMENT_UPDATE"), 2u) << "B's is news";
}

TEST_F(partition_rules, answers_to_one_session_come_from_the_lead_and_ready_never) {
  test_shard a, b;
  overlap(a, b);
  w.send(a, {{"READY"}, {"VOICE_SERVER_UPDATE", g1}, {"RESUMED"}});
  w.send(b, {{"VOICE_SERVER_UPDATE", g1}});
  EXPECT_THAT(w.told(g1), ElementsAre("VOICE_SERVER_UPDATE"));
  EXPECT_EQ(w.lines.size(), 1u);
}

} // namespace
} // namespace shardyard::testing
