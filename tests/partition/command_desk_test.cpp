#include "tests/partition/desk_world.hpp"

#include "actors/partition/json_members.hpp"

#include <gmock/gmock.h>

namespace shardyard::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr snowflake g = 1001;

struct desk : ::testing::Test {
  desk_world w;
  desk() { w.leads[g] = w.session(old_one, 1); }

  static std::string all(std::string nonce = "") {
    return R"({"guild_id":"1001","query":"","limit":0)" +
           (nonce.empty() ? "" : R"(,"nonce":")" + nonce + "\"") + "}";
  }
  static std::string some(std::string query = "x") {
    return R"({"guild_id":"1001","query":")" + query + R"(","limit":5,"nonce":"mine"})";
  }
  /// The nonce of ours in the newest command, with quotes.
  std::string nonce() const {
    return std::string{find_value(json_members(w.sent.back().command.d), "nonce")};
  }
  static std::string chunk(std::string nonce, int index = 0, int count = 1) {
    return R"({"guild_id":"1001","members":[],"chunk_index":)" + std::to_string(index) +
           R"(,"chunk_count":)" + std::to_string(count) + R"(,"nonce":)" + nonce + "}";
  }
  std::vector<std::string> chunks(std::uint32_t session, std::string d) {
    return w.read("GUILD_MEMBERS_CHUNK", g, session, std::move(d));
  }
};

// -- op 8

TEST_F(desk, asks_the_session_that_leads_with_a_nonce_of_its_own) {
  w.take(0xa, 8, g, some());
  ASSERT_THAT(w.sent, SizeIs(1));
  EXPECT_EQ(w.sent[0].shard, old_one);
  EXPECT_EQ(w.sent[0].command.session, "s1");
  EXPECT_LE(nonce().size(), 34u);
  EXPECT_EQ(w.sent[0].command.d, R"({"guild_id":"1001","query":"x","limit":5,"nonce":)" + nonce() + "}");
}

TEST_F(desk, puts_the_bots_nonce_back_and_changes_nothing_else) {
  w.take(0xa, 8, g, some());
  EXPECT_THAT(
      chunks(1, R"({ "nonce" : )" + nonce() + R"(,"chunk_index":0, "chunk_count":1,"x":{"nonce":"y"}})"),
      ElementsAre(R"(10 { "nonce" : "mine","chunk_index":0, "chunk_count":1,"x":{"nonce":"y"}})"));
}

TEST_F(desk, takes_its_nonce_out_where_the_bot_had_none) {
  w.take(0xa, 8, g, all());
  EXPECT_THAT(chunks(1, chunk(nonce())),
              ElementsAre(R"(10 {"guild_id":"1001","members":[],"chunk_index":0,"chunk_count":1})"));
}

TEST_F(desk, gives_back_no_nonce_that_discord_would_have_dropped) {
  w.take(0xa, 8, g, all(std::string(33, 'n')));
  EXPECT_THAT(chunks(1, chunk(nonce())), ElementsAre(::testing::Not(HasSubstr("nonce"))));
}

TEST_F(desk, drops_a_command_that_it_has_already) {
  bot_command x{0xa, 5, "bot", 8, g, some(), "mine"};
  w.desk.take(x, w, w.now);
  w.desk.take(x, w, w.now);
  w.collect();
  EXPECT_THAT(w.sent, SizeIs(1));
  EXPECT_EQ(w.desk.figures().repeated, 1u);
}

TEST_F(desk, follows_the_chunks_of_a_request_and_forgets_it_with_the_last) {
  w.take(0xa, 8, g, some());
  auto mine = nonce();
  EXPECT_THAT(chunks(1, chunk(mine, 0, 2)), SizeIs(1));
  EXPECT_THAT(chunks(1, chunk(mine, 0, 2)), IsEmpty()) << "came already";
  EXPECT_EQ(w.desk.open(), 1u);
  EXPECT_THAT(chunks(1, chunk(mine, 1, 2)), SizeIs(1));
  EXPECT_EQ(w.desk.open(), 0u);
  EXPECT_THAT(chunks(1, chunk(mine, 1, 2)), IsEmpty());
}

TEST_F(desk, answers_each_asker_its_own) {
  w.take(0xa, 8, g, some("a"));
  auto first = nonce();
  w.take(0xb, 8, g, some("b"));
  auto second = nonce();
  EXPECT_THAT(chunks(1, chunk(second)), ElementsAre(::testing::StartsWith("11 ")));
  EXPECT_THAT(chunks(1, chunk(first)), ElementsAre(::testing::StartsWith("10 ")));
}

TEST_F(desk, lets_all_members_of_a_guild_be_asked_for_once_in_thirty_seconds) {
  w.take(0xa, 8, g, all("first"));
  w.now += 10s;
  w.take(0xb, 8, g, all("second"));
  EXPECT_THAT(w.sent, SizeIs(1));
  EXPECT_THAT(
      w.new_said(),
      ElementsAre(R"(11 {"opcode":8,"retry_after":20.000,"meta":{"guild_id":"1001","nonce":"second"}})"));
  w.now += 20s;
  w.take(0xb, 8, g, all("third"));
  EXPECT_THAT(w.sent, SizeIs(2));
}

TEST_F(desk, gives_discords_own_refusal_to_its_asker_and_heeds_it) {
  w.take(0xa, 8, g, all("mine"));
  auto d = R"({"opcode":8,"retry_after":45.5,"meta":{"guild_id":"1001","nonce":)" + nonce() + "}}";
  EXPECT_THAT(w.read("RATE_LIMITED", g, 1, d),
              ElementsAre(R"(10 {"opcode":8,"retry_after":45.5,"meta":{"guild_id":"1001","nonce":"mine"}})"));
  w.now += 31s;
  w.take(0xa, 8, g, all("again"));
  EXPECT_THAT(w.new_said(), ElementsAre(HasSubstr("14.5")));
}

TEST_F(desk, answers_from_the_cache_when_all_users_asked_for_are_kept) {
  w.take(0xa, 8, g, R"({"guild_id":"1001","user_ids":"7","limit":0,"nonce":"n"})");
  EXPECT_THAT(w.sent, IsEmpty());
  EXPECT_THAT(
      w.new_said(),
      ElementsAre(
          R"(10 {"guild_id":"1001","members":[{"user":{"id":"7"}}],"chunk_index":0,"chunk_count":1,"nonce":"n"})"));
  w.take(0xa, 8, g, R"({"guild_id":"1001","user_ids":["7","8"]})");
  EXPECT_THAT(w.sent, SizeIs(1));
}

// -- leads that change

TEST_F(desk, asks_the_new_lead_when_the_old_one_has_not_answered_and_takes_the_answer_that_comes_first) {
  w.take(0xa, 8, g, some());
  auto first = nonce();
  w.leads[g] = w.session(new_one, 2);
  w.look();
  ASSERT_THAT(w.sent, SizeIs(2));
  EXPECT_EQ(w.sent[1].shard, new_one);
  auto second = nonce();
  EXPECT_NE(first, second);
  EXPECT_THAT(chunks(1, chunk(first, 0, 2)), SizeIs(1)) << "it was asked and has lost the lead since";
  EXPECT_THAT(chunks(2, chunk(second, 0, 2)), IsEmpty());
  EXPECT_THAT(chunks(2, chunk(second, 1, 2)), IsEmpty());
  EXPECT_THAT(chunks(1, chunk(first, 1, 2)), SizeIs(1));
}

TEST_F(desk, asks_again_when_a_session_dies_in_the_middle_of_its_answer_and_takes_what_is_missing) {
  w.take(0xa, 8, g, some());
  chunks(1, chunk(nonce(), 0, 3));
  w.lose(1);
  w.leads[g] = w.session(old_one, 2);
  w.look();
  ASSERT_THAT(w.sent, SizeIs(2));
  auto second = nonce();
  EXPECT_THAT(chunks(2, chunk(second, 0, 3)), IsEmpty());
  EXPECT_THAT(chunks(2, chunk(second, 1, 3)), SizeIs(1));
  EXPECT_THAT(chunks(2, chunk(second, 2, 3)), SizeIs(1));
}

TEST_F(desk, does_not_ask_for_all_members_twice_where_discord_would_refuse) {
  w.take(0xa, 8, g, all());
  w.leads[g] = w.session(new_one, 2);
  w.pass(29s);
  EXPECT_THAT(w.sent, SizeIs(1)) << "the old session may still answer";
  w.pass(2s);
  EXPECT_THAT(w.sent, SizeIs(2));
}

TEST_F(desk, holds_commands_while_the_guild_has_no_live_lead_and_then_says_so) {
  w.leads[g].connected = false;
  w.take(0xa, 8, g, some());
  w.take(0xa, 43, g, R"({"guild_id":"1001","fields":[]})");
  EXPECT_THAT(w.sent, IsEmpty());
  w.pass(29s);
  EXPECT_THAT(w.said, IsEmpty());
  w.pass(2s);
  EXPECT_THAT(w.new_said(),
              ElementsAre(R"(10 {"opcode":8,"retry_after":10.000,"meta":{"guild_id":"1001","nonce":"mine"}})",
                          R"(10 {"opcode":43,"retry_after":10.000,"meta":{"guild_id":"1001"}})"));
  EXPECT_EQ(w.desk.open(), 0u);
}

TEST_F(desk, sends_what_it_held_when_the_lead_lives_again) {
  w.leads[g].connected = false;
  w.take(0xa, 8, g, some());
  w.pass(10s);
  w.leads[g].connected = true;
  w.look();
  EXPECT_THAT(w.sent, SizeIs(1));
}

TEST_F(desk, asks_again_when_nothing_comes_and_forgets_after_a_minute) {
  w.take(0xa, 8, g, some());
  w.pass(11s);
  EXPECT_THAT(w.sent, SizeIs(2));
  w.pass(50s);
  EXPECT_EQ(w.desk.open(), 0u);
  EXPECT_LE(w.sent.size(), 4u);
  EXPECT_EQ(w.desk.figures().unanswered, 1u);
}

TEST_F(desk, is_silent_as_discord_about_a_guild_that_the_bot_is_not_in) {
  w.take(0xa, 8, 5, some());
  EXPECT_THAT(w.sent, IsEmpty());
  EXPECT_THAT(w.said, IsEmpty());
  EXPECT_EQ(w.desk.open(), 0u);
}

TEST_F(desk, knows_answers_to_its_own_requests_even_when_it_has_forgotten_them) {
  w.take(0xa, 8, g, some());
  auto mine = nonce();
  w.pass(61s);
  EXPECT_THAT(chunks(1, chunk(mine)), IsEmpty());
  EXPECT_THAT(chunks(1, chunk("\"somebody's\"")), ElementsAre("unasked"));
}

// -- op 31, op 43

TEST_F(desk, shares_one_answer_among_all_who_ask_the_same) {
  w.take(0xa, 31, g, R"({"guild_ids":["1001"]})");
  w.take(0xb, 31, g, R"({"guild_ids":["1001"]})");
  EXPECT_THAT(w.new_sent(), ElementsAre(R"(31 s1 {"guild_ids":["1001"]})"));
  EXPECT_THAT(w.read("SOUNDBOARD_SOUNDS", g, 1, "{}"), ElementsAre("10 {}", "11 {}"));
  EXPECT_THAT(w.read("SOUNDBOARD_SOUNDS", g, 1, "{}"), ElementsAre("unasked"));
}

TEST_F(desk, asks_one_session_for_the_sounds_of_several_guilds_at_once) {
  w.leads[1002] = w.session(old_one, 1);
  w.leads[1003] = w.session(new_one, 2);
  w.take(0xa, 31, g, R"({"guild_ids":["1001","1002","1003"]})");
  EXPECT_THAT(w.new_sent(),
              ElementsAre(R"(31 s1 {"guild_ids":["1001","1002"]})", R"(31 s2 {"guild_ids":["1003"]})"));
}

TEST_F(desk, asks_different_questions_about_a_guild_one_after_the_other) {
  w.take(0xa, 43, g, R"({"guild_id":"1001","fields":["status"]})");
  w.take(0xb, 43, g, R"({"guild_id":"1001","fields":[]})");
  EXPECT_THAT(w.sent, SizeIs(1));
  EXPECT_THAT(w.read("CHANNEL_INFO", g, 1, "{}"), ElementsAre("10 {}"));
  w.look();
  EXPECT_THAT(w.sent, SizeIs(2));
  EXPECT_THAT(w.read("CHANNEL_INFO", g, 1, "{}"), ElementsAre("11 {}"));
}

TEST_F(desk, takes_no_late_answer_of_a_former_lead_for_the_answer_to_another_question) {
  w.take(0xa, 43, g, R"({"guild_id":"1001","fields":["status"]})");
  w.take(0xb, 43, g, R"({"guild_id":"1001","fields":[]})");
  w.leads[g] = w.session(new_one, 2);
  w.look();
  EXPECT_THAT(w.read("CHANNEL_INFO", g, 2, "{}"), ElementsAre("10 {}"));
  w.look();
  EXPECT_THAT(w.read("CHANNEL_INFO", g, 1, "{}"), IsEmpty());
  EXPECT_THAT(w.read("CHANNEL_INFO", g, 2, "{}"), ElementsAre("11 {}"));
}

// -- op 4

TEST_F(desk, gives_the_voice_server_to_whoever_joined) {
  w.take(0xa, 4, g, R"({"guild_id":"1001","channel_id":"5"})");
  EXPECT_THAT(w.new_sent(), ElementsAre(R"(4 s1 {"guild_id":"1001","channel_id":"5"})"));
  EXPECT_THAT(w.read("VOICE_SERVER_UPDATE", g, 1, "{}"), ElementsAre("10 {}"));
  EXPECT_THAT(w.read("VOICE_SERVER_UPDATE", g, 1, "{}"), ElementsAre("10 {}")) << "moved by Discord";
}

TEST_F(desk, lets_another_bot_take_the_voice_over_and_says_so) {
  w.take(0xa, 4, g, R"({"guild_id":"1001","channel_id":"5"})");
  w.take(0xb, 4, g, R"({"guild_id":"1001","channel_id":"6"})");
  EXPECT_THAT(w.read("VOICE_SERVER_UPDATE", g, 1, "{}"), ElementsAre("11 {}"));
  EXPECT_EQ(w.desk.figures().voice_taken_over, 1u);
  EXPECT_THAT(w.desk.take_notes(), ElementsAre(HasSubstr("bot11 takes over from bot10")));
}

TEST_F(desk, forgets_the_speaker_who_leaves) {
  w.take(0xa, 4, g, R"({"guild_id":"1001","channel_id":"5"})");
  w.take(0xa, 4, g, R"({"guild_id":"1001","channel_id":null})");
  EXPECT_THAT(w.read("VOICE_SERVER_UPDATE", g, 1, "{}"), ElementsAre("unasked"));
  EXPECT_THAT(w.sent, SizeIs(2));
}

TEST_F(desk, joins_through_the_new_lead_when_the_old_one_has_died_before_it_answered) {
  w.take(0xa, 4, g, R"({"guild_id":"1001","channel_id":"5"})");
  EXPECT_TRUE(w.desk.joining(g));
  w.lose(1);
  w.leads[g] = w.session(new_one, 2);
  w.look();
  EXPECT_EQ(w.sent.back().command.session, "s2");
  EXPECT_THAT(w.read("VOICE_SERVER_UPDATE", g, 2, "{}"), SizeIs(1));
  EXPECT_FALSE(w.desk.joining(g));
}

TEST_F(desk, does_not_join_again_because_a_channel_is_full) {
  w.take(0xa, 4, g, R"({"guild_id":"1001","channel_id":"5"})");
  w.pass(60s);
  EXPECT_THAT(w.sent, SizeIs(1));
  EXPECT_EQ(w.desk.open(), 0u);
}

// -- bounds

TEST_F(desk, refuses_what_is_too_much_of_one_bot) {
  for (int i = 0; i < 300; ++i)
    w.take(0xa, 8, g, some());
  EXPECT_EQ(w.desk.open(), 256u);
  w.take(0xb, 8, g, some());
  EXPECT_EQ(w.desk.open(), 257u);
}

} // namespace
} // namespace shardyard::testing
