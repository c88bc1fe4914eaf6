// Commands of bots in a whole partition group: which shard gets them, what comes back, and what a call in a
// guild means for its cut.
#include "tests/partition/partition_fixture.hpp"

#include <gmock/gmock.h>

namespace shardyard::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr snowflake self = 4242;

struct bots : partition_rules {
  std::uint64_t number = 0;

  bots() {
    w.settings.voice.longest_wait = 60s;
    restart();
  }
  void restart() {
    w.restart();
    w.group->set_self(self);
  }

  void ask(std::uint32_t asker, std::uint8_t op, snowflake guild, std::string d) {
    w.group->command({asker, ++number, "bot", op, guild, std::move(d), {}}, w.now);
    w.settle();
  }
  void join(snowflake guild) {
    ask(0xa, 4, guild, R"({"guild_id":"1","channel_id":"5","self_mute":false,"self_deaf":true})");
  }
  static made_event voice_state(snowflake guild, std::string channel, std::string session) {
    return {"VOICE_STATE_UPDATE", guild, 0,
            R"({"user_id":"4242","channel_id":)" + channel + R"(,"session_id":")" + session +
                R"(","self_mute":false,"self_deaf":true})"};
  }
  void both_show(test_shard& a, test_shard& b, const made_event& x) {
    w.send(a, {x});
    w.send(b, {x});
  }
  std::vector<std::string> forwarded() {
    std::vector<std::string> result;
    for (auto& x : w.group->take_forwards())
      result.push_back(std::to_string(x.shard.topology) + " " + x.command.session + " " + x.command.d);
    return result;
  }
  std::vector<std::string> answers() const {
    std::vector<std::string> result;
    for (auto& x : w.lines)
      if (x.asker != 0)
        result.push_back(std::to_string(x.asker) + " " + x.t + " " + x.d);
    return result;
  }
  /// Said by the coordinator.
  void only_calls_left() { w.group->only_calls_left(w.plan, old_shard); }
  std::size_t cuts() const { return w.count("SHARDYARD_CUT"); }
  std::uint64_t waiting() const {
    std::uint64_t sum = 0;
    for (auto& x : w.group->report(w.now).shards)
      sum += x.voice;
    return sum;
  }
};

TEST_F(bots, commands_go_to_the_shard_that_leads_and_answers_to_the_asker_without_a_number) {
  auto a = w.start_covering(old_shard, "A", {g1});
  ask(0xa, 43, g1, "{}");
  EXPECT_THAT(forwarded(), ElementsAre("1 A {}"));
  w.send(a, {message(g1, at_ms(1)), {"CHANNEL_INFO", g1, 0, "{\"x\":1}"}, message(g1, at_ms(2))});
  EXPECT_THAT(answers(), ElementsAre("10 CHANNEL_INFO {\"x\":1}"));
  ASSERT_THAT(w.lines, SizeIs(3));
  EXPECT_EQ(w.lines[0].n, 1u);
  EXPECT_EQ(w.lines[1].n, 1u);
  EXPECT_EQ(w.lines[2].n, 2u);
}

TEST_F(bots, answers_come_from_the_session_that_was_asked_even_after_the_cut) {
  test_shard a, b;
  overlap(a, b);
  ask(0xa, 43, g1, "{}");
  EXPECT_THAT(forwarded(), ElementsAre("1 A {}"));
  w.pass(3s);
  both_show(a, b, message(g1, at_ms(w.ms())));
  ASSERT_EQ(cuts(), 1u);
  EXPECT_THAT(forwarded(), ElementsAre("2 B {}")) << "it may not have been sent";
  w.send(a, {{"CHANNEL_INFO", g1, 0, "{\"late\":1}"}});
  EXPECT_THAT(answers(), ElementsAre("10 CHANNEL_INFO {\"late\":1}"));
}

TEST_F(bots, answers_are_not_doubled_by_a_replay) {
  auto a = w.start_covering(old_shard, "A", {g1});
  ask(0xa, 43, g1, "{}");
  ask(0xb, 43, g1, "{\"other\":1}");
  w.send(a, {{"CHANNEL_INFO", g1, 0, "{}"}});
  w.replay(a, a.s, {{"CHANNEL_INFO", g1, 0, "{}"}});
  EXPECT_THAT(answers(), SizeIs(1));
}

TEST_F(bots, commands_are_asked_again_of_the_session_that_takes_over) {
  test_shard a, b;
  overlap(a, b);
  ask(0xa, 43, g1, "{}");
  forwarded();
  w.mark(a, mark_kind::lost);
  EXPECT_THAT(forwarded(), ElementsAre("2 B {}"));
}

TEST_F(bots, commands_wait_for_a_session_that_reconnects) {
  auto a = w.start_covering(old_shard, "A", {g1});
  w.mark(a, mark_kind::disconnected);
  ask(0xa, 43, g1, "{}");
  EXPECT_THAT(forwarded(), IsEmpty());
  w.mark(a, mark_kind::connected);
  EXPECT_THAT(forwarded(), ElementsAre("1 A {}"));
}

TEST_F(bots, are_told_when_no_session_has_come_for_too_long) {
  auto a = w.start_covering(old_shard, "A", {g1});
  w.mark(a, mark_kind::lost);
  ask(0xa, 43, g1, "{}");
  w.pass(31s, 500ms);
  EXPECT_THAT(answers(), ElementsAre(HasSubstr("10 RATE_LIMITED {\"opcode\":43")));
}

TEST_F(bots, answers_nobody_asked_for_are_delivered_from_the_lead_alone) {
  test_shard a, b;
  overlap(a, b);
  w.send(a, {{"VOICE_SERVER_UPDATE", g1}});
  w.send(b, {{"VOICE_SERVER_UPDATE", g1}});
  EXPECT_THAT(w.told(g1), ElementsAre("VOICE_SERVER_UPDATE"));
}

TEST_F(bots, requests_of_an_earlier_life_of_the_group_are_nobodys) {
  auto a = w.start_covering(old_shard, "A", {g1});
  ask(0xa, 8, g1, R"({"guild_id":"1","query":"x","limit":1})");
  auto d = w.group->take_forwards().at(0).command.d;
  w.crash();
  restart();
  w.resync(a);
  w.send(a, {{"GUILD_MEMBERS_CHUNK", g1, 0,
              d.substr(0, d.size() - 1) + R"(,"chunk_index":0,"chunk_count":1})"}});
  EXPECT_THAT(w.lines, IsEmpty());
}

// -- voice

TEST_F(bots, a_guild_with_a_call_is_not_cut_before_the_call_has_ended) {
  test_shard a, b;
  overlap(a, b);
  both_show(a, b, voice_state(g1, "\"5\"", "A"));
  only_calls_left();
  quiet(a, b);
  EXPECT_EQ(cuts(), 1u) << "the longest wait is over";
}

TEST_F(bots, a_guild_with_a_call_waits_for_its_end) {
  w.settings.voice.longest_wait = 1000s;
  restart();
  test_shard a, b;
  overlap(a, b);
  both_show(a, b, voice_state(g1, "\"5\"", "A"));
  quiet(a, b);
  EXPECT_EQ(cuts(), 0u);
  EXPECT_EQ(waiting(), 1u);
  both_show(a, b, voice_state(g1, "null", "A"));
  EXPECT_EQ(waiting(), 0u);
  quiet(a, b);
  EXPECT_EQ(cuts(), 1u);
  EXPECT_THAT(forwarded(), IsEmpty());
}

TEST_F(bots, a_call_that_outlasts_the_wait_is_joined_once_more_through_the_new_lead) {
  test_shard a, b;
  overlap(a, b);
  join(g1);
  forwarded();
  auto joined = voice_state(g1, "\"5\"", "A");
  w.send(a, {joined, {"VOICE_SERVER_UPDATE", g1, 0, "{\"from\":\"A\"}"}});
  w.send(b, {joined});
  only_calls_left();
  quiet(a, b);
  ASSERT_EQ(cuts(), 1u);
  EXPECT_THAT(forwarded(), ElementsAre("2 B {\"guild_id\":\"" + std::to_string(g1) +
                                       R"(","channel_id":"5","self_mute":false,"self_deaf":true})"));
  w.send(b, {{"VOICE_SERVER_UPDATE", g1, 0, "{\"from\":\"B\"}"}});
  EXPECT_THAT(answers(), ElementsAre("10 VOICE_SERVER_UPDATE {\"from\":\"A\"}",
                                     "10 VOICE_SERVER_UPDATE {\"from\":\"B\"}"));
  EXPECT_EQ(w.group->report(w.now).voice_rejoined, 1u);
  EXPECT_THAT(w.group->take_notes(), SizeIs(1));
}

TEST_F(bots, a_call_that_moves_goes_after_all_other_guilds_of_its_shard) {
  w.settings.voice.policy = voice_policy::move;
  restart();
  auto a = w.start_covering(old_shard, "A", {g1, g2});
  auto b = w.start_covering(new_shard, "B", {g1, g2});
  both_show(a, b, voice_state(g1, "\"5\"", "A"));
  w.mark(a, mark_kind::transfer);
  only_calls_left();             // a word that is outdated: g2 may have come back since
  for (int i = 0; i < 30; ++i) { // g2 is never silent
    w.flush(a);
    w.flush(b);
    w.pass(2500ms);
    w.send(a, {reaction(g2, i)});
    w.send(b, {reaction(g2, i)});
  }
  EXPECT_EQ(cuts(), 0u);
  w.pass(10s);
  both_show(a, b, message(g2, at_ms(w.ms())));
  EXPECT_EQ(cuts(), 1u);
  quiet(a, b);
  EXPECT_EQ(cuts(), 2u);
}

TEST_F(bots, a_call_that_moves_waits_for_the_guilds_of_other_groups_and_shards_of_its_unit_too) {
  w.settings.voice.policy = voice_policy::move;
  restart();
  test_shard a, b;
  overlap(a, b);
  both_show(a, b, voice_state(g1, "\"5\"", "A"));
  quiet(a, b);
  EXPECT_EQ(cuts(), 0u) << "only the coordinator knows of them";
  only_calls_left();
  quiet(a, b);
  EXPECT_EQ(cuts(), 1u);
}

TEST_F(bots, a_call_that_nobody_lets_go_is_cut_in_the_end) {
  w.settings.voice.policy = voice_policy::move;
  w.settings.exceptions_after = 60s;
  restart();
  test_shard a, b;
  overlap(a, b);
  both_show(a, b, voice_state(g1, "\"5\"", "A"));
  quiet(a, b);
  quiet(a, b);
  EXPECT_EQ(cuts(), 1u);
}

TEST_F(bots, a_join_on_its_way_keeps_the_guild_where_it_was_asked) {
  test_shard a, b;
  a = w.start_covering(old_shard, "A", {g1});
  b = w.start_covering(new_shard, "B", {g1});
  join(g1);
  w.mark(a, mark_kind::transfer);
  w.flush(a);
  w.flush(b);
  w.pass(5s);
  w.flush(a);
  w.flush(b);
  w.pass(2s);
  w.flush(a);
  w.flush(b);
  w.pass(1s);
  EXPECT_EQ(cuts(), 0u);
  EXPECT_EQ(waiting(), 1u);
  quiet(a, b);
  EXPECT_EQ(cuts(), 1u) << "nothing came of it";
}

TEST_F(bots, a_call_ends_with_its_session) {
  test_shard a, b;
  overlap(a, b);
  both_show(a, b, voice_state(g1, "\"5\"", "A"));
  w.mark(a, mark_kind::lost);
  EXPECT_THAT(forwarded(), IsEmpty()) << "Discord tells the bot that its call has ended";
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(bots, voices_of_other_users_keep_no_guild) {
  test_shard a, b;
  overlap(a, b);
  auto joined = made_event{"VOICE_STATE_UPDATE", g1, 0,
                           R"({"user_id":"7","channel_id":"5","session_id":"A","member":{"id":"4242"}})"};
  both_show(a, b, joined);
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(bots, an_accepted_exception_cuts_a_call_and_joins_it_once_more) {
  test_shard a, b;
  overlap(a, b);
  w.send(a, {voice_state(g1, "\"5\"", "A")});
  w.group->accept(w.plan, old_shard, true, w.now);
  w.settle();
  w.pass(1s);
  EXPECT_EQ(cuts(), 1u);
  EXPECT_THAT(forwarded(), SizeIs(1));
}

TEST_F(bots, a_dumb_session_keeps_its_calls_until_their_wait_is_over) {
  auto a = w.start_covering(old_shard, "A", {g1, g2});
  auto b = w.start_covering(new_shard, "B", {g1, g2});
  auto joined = voice_state(g1, "\"5\"", "A");
  w.send(a, {joined});
  w.send(b, {joined});
  w.mark(a, mark_kind::transfer);
  quiet(a, b);
  ASSERT_EQ(waiting(), 1u);
  auto before = cuts();
  w.group->accept(w.plan, old_shard, false, w.now);
  w.settle();
  EXPECT_EQ(cuts(), before);
  w.group->accept(w.plan, old_shard, true, w.now);
  w.settle();
  EXPECT_EQ(cuts(), before + 1) << "the operator's own word cuts them, too";
}

} // namespace
} // namespace shardyard::testing
