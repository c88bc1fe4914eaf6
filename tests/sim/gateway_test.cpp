#include "tests/sim/scenario.hpp"

#include <map>

namespace shardyard::sim {
namespace {

using namespace std::chrono_literals;

TEST(gateway, greets_with_hello_and_acknowledges_heartbeats) {
  scenario at;
  auto& who = at.connect();
  EXPECT_EQ(who.line.message(0).at("op"), 10);
  EXPECT_EQ(who.line.message(0).at("d").at("heartbeat_interval"), 41250);
  at.say(who, R"({"op":1,"d":null})");
  EXPECT_EQ(who.line.message(1).at("op"), 11);
}

TEST(gateway, ready_lists_exactly_the_guilds_of_the_shard_and_each_gets_its_guild_create) {
  scenario at;
  std::size_t total = 0;
  for (std::uint32_t id = 0; id < 3; ++id) {
    auto& who = at.identified(id, 3);
    at.pass(10ms);
    auto ready = who.line.dispatches("READY").at(0);
    EXPECT_EQ(ready.at("s"), 1);
    auto& listed = ready.at("d").at("guilds").as_array();
    for (auto& g : listed)
      EXPECT_EQ((std::stoull(g.at("id").as_string().c_str()) >> 22) % 3, id);
    EXPECT_EQ(who.line.dispatches("GUILD_CREATE").size(), listed.size());
    total += listed.size();
  }
  EXPECT_EQ(total, 24u);
}

TEST(gateway, sequences_rise_by_one_without_gap) {
  scenario at;
  auto& who = at.identified(0, 1);
  at.discord.set_rate(2000);
  at.pass(200ms);
  auto seen = who.line.dispatches();
  ASSERT_GT(seen.size(), 100u);
  for (std::size_t i = 0; i < seen.size(); ++i)
    EXPECT_EQ(seen[i].at("s").to_number<std::uint64_t>(), i + 1);
}

TEST(gateway, every_session_gets_the_events_of_a_guild_in_the_true_order) {
  auto chosen = small_world();
  chosen.copy_delay_max = 50ms;
  scenario at{chosen};
  for (std::uint32_t id = 0; id < 2; ++id)
    at.identified(id, 2);
  at.pass(5s); // the identify keys are the same
  for (std::uint32_t id = 0; id < 3; ++id)
    at.identified(id, 3);
  at.pass(10ms);
  at.discord.set_rate(3000);
  at.pass(500ms);
  at.discord.set_rate(0);
  at.pass(100ms);

  std::map<std::int64_t, std::string> guild_of;
  for (auto& row : at.truth_rows("o"))
    guild_of[row[1].as_int64()] = row[2].as_string().c_str() + std::string{row[4].as_string()};
  std::map<std::pair<std::int64_t, std::string>, std::int64_t> last;
  std::map<std::int64_t, int> copies;
  auto inverted_across_guilds = false;
  std::map<std::int64_t, std::int64_t> last_of_session;
  for (auto& row : at.truth_rows("c")) {
    auto k = row[1].as_int64(), id = row[3].as_int64();
    EXPECT_LT((last[{k, guild_of.at(id)}]), id);
    last[{k, guild_of.at(id)}] = id;
    inverted_across_guilds = inverted_across_guilds || id < last_of_session[k];
    last_of_session[k] = id;
    ++copies[id];
  }
  EXPECT_TRUE(inverted_across_guilds); // the delays are at work
  EXPECT_EQ(copies.size(), guild_of.size());
  for (auto& [id, count] : copies)
    EXPECT_EQ(count, 2) << id;
}

TEST(gateway, a_resume_replays_exactly_what_was_missed) {
  scenario at;
  auto& first = at.identified(0, 1);
  at.discord.set_rate(1000);
  at.pass(100ms);
  auto before = first.line.dispatches();
  auto seq = before.size() - 20;
  at.discord.disconnected(first.number, 4000, at.now);
  at.pass(100ms);
  at.discord.set_rate(0);
  at.pass(50ms);
  auto& second = at.connect();
  at.say(second, at.resume_text(at.session_of(first), seq));
  auto replayed = second.line.dispatches();
  ASSERT_GT(replayed.size(), 21u);
  for (std::size_t i = 0; i < replayed.size(); ++i)
    EXPECT_EQ(replayed[i].at("s").to_number<std::uint64_t>(), seq + 1 + i);
  for (std::size_t i = 0; i < 20; ++i)
    EXPECT_EQ(replayed[i], before[seq + i]);
  EXPECT_EQ(replayed.back().at("t"), "RESUMED");
  EXPECT_EQ(at.discord.identifies().used(), 1u);
}

TEST(gateway, a_resume_beyond_the_replay_buffer_is_invalid) {
  auto chosen = small_world();
  chosen.replay_limit = 30;
  scenario at{chosen};
  auto& first = at.identified(0, 1);
  at.pass(4ms);
  at.discord.disconnected(first.number, 1006, at.now);
  at.discord.emit(100, at.now);
  at.pass(50ms);
  auto& second = at.connect();
  at.say(second, at.resume_text(at.session_of(first), 25));
  EXPECT_EQ(second.line.message(1).at("op"), 9);
  EXPECT_EQ(second.line.message(1).at("d"), false);
}

TEST(gateway, an_impossible_seq_closes_with_4007_and_a_repeat_is_invalid) {
  scenario at;
  auto& first = at.identified(0, 1);
  auto session = at.session_of(first);
  at.discord.disconnected(first.number, 4000, at.now);
  auto& second = at.connect();
  at.say(second, at.resume_text(session, 9999));
  EXPECT_EQ(second.line.closed, 4007);
  auto& third = at.connect();
  at.say(third, at.resume_text(session, 9999));
  EXPECT_EQ(third.line.message(1).at("op"), 9);
  EXPECT_EQ(at.broken_rules(), std::vector<std::string>{"resume_seq"});
}

TEST(gateway, a_client_that_closes_with_1000_ends_the_session_other_codes_do_not) {
  for (auto [code, sessions] : {std::pair{1000, 0u}, {1001, 0u}, {4000, 1u}, {1006, 1u}}) {
    scenario at;
    at.discord.disconnected(at.identified(0, 1).number, code, at.now);
    EXPECT_EQ(at.discord.sessions().size(), sessions) << code;
  }
}

TEST(gateway, a_session_without_connection_expires) {
  scenario at;
  at.discord.disconnected(at.identified(0, 1).number, 4000, at.now);
  at.now += 179s;
  at.discord.advance(at.now);
  EXPECT_EQ(at.discord.sessions().size(), 1u);
  at.now += 2s;
  at.discord.advance(at.now);
  EXPECT_EQ(at.discord.sessions().size(), 0u);
  EXPECT_EQ(at.truth_rows("x").at(0).at(2), "expired");
}

TEST(gateway, the_newer_connection_of_a_session_wins) {
  scenario at;
  auto& first = at.identified(0, 1);
  auto& second = at.connect();
  at.say(second, at.resume_text(at.session_of(first), 1));
  EXPECT_EQ(first.line.closed, 4000);
  EXPECT_EQ(second.line.dispatches("RESUMED").size(), 1u);
}

struct refusal {
  std::string text;
  int code;
  std::string rule;
};

TEST(gateway, refuses_what_discord_refuses) {
  auto good = scenario::identify_text(0, 1);
  for (auto& [text, code, rule] : std::vector<refusal>{
           {"{", 4002, "undecodable"},
           {R"({"op":1,"d":")" + std::string(4096, 'x') + "\"}", 4002, "undecodable"},
           {R"({"op":99,"d":{}})", 4001, "unknown_op"},
           {R"({"op":10,"d":{}})", 4001, "unknown_op"},
           {R"({"op":2})", 4001, "missing_fields"},
           {R"({"op":3,"d":{}})", 4003, "not_authenticated"},
           {scenario::identify_text(0, 1, 1, "wrong"), 4004, "token"},
           {scenario::identify_text(1, 1), 4010, "shard"},
           {scenario::identify_text(0, 0), 4010, "shard"},
           {scenario::identify_text(0, 1, 1u << 18), 4013, "intents"},
       }) {
    scenario at;
    auto& who = at.connect();
    at.say(who, text);
    EXPECT_EQ(who.line.closed, code) << text.substr(0, 80);
    EXPECT_EQ(at.broken_rules(), std::vector<std::string>{rule}) << text.substr(0, 80);
  }
}

TEST(gateway, refuses_shards_that_are_no_multiple_or_too_full_and_intents_without_approval) {
  auto chosen = small_world();
  chosen.shard_multiple = 4;
  chosen.guild_limit = 20;
  chosen.privileged_intents = 0;
  scenario at{chosen};
  EXPECT_EQ(at.identified(0, 6, guilds_intent).line.closed, 4010);
  EXPECT_EQ(at.identified(0, 4, guild_presences_intent).line.closed, 4014);
  auto& unsharded = at.connect();
  at.say(unsharded, R"({"op":2,"d":{"token":"Bot simulated.bot.token","properties":{},"intents":1}})");
  EXPECT_EQ(unsharded.line.closed, 4011);
}

TEST(gateway, a_second_identify_closes_with_4005_and_leaves_the_session_resumable) {
  scenario at;
  auto& who = at.identified(0, 1);
  at.say(who, at.identify_text(0, 1));
  EXPECT_EQ(who.line.closed, 4005);
  auto& back = at.connect();
  at.say(back, at.resume_text(at.session_of(who), 1));
  EXPECT_EQ(back.line.dispatches("RESUMED").size(), 1u);
}

TEST(gateway, bad_queries_are_closed_with_their_codes) {
  for (auto& [target, code] : std::map<std::string, int>{{"/?v=10&encoding=etf", 4002},
                                                         {"/?v=10&encoding=json&compress=lz4", 4002},
                                                         {"/?v=5&encoding=json", 4012},
                                                         {"/?encoding=json", 4012},
                                                         {"//?compress=zstd-stream&encoding=json&v=10", 0}}) {
    scenario at;
    EXPECT_EQ(at.connect(target).line.closed, code) << target;
  }
}

TEST(gateway, a_broken_identify_spacing_is_answered_with_op_9_and_the_same_socket_may_try_again) {
  scenario at;
  at.identified(3, 32);
  auto& who = at.identified(3, 16); // another layout, the same key
  at.pass(1100ms);
  EXPECT_EQ(who.line.message(1).at("op"), 9);
  EXPECT_EQ(who.line.closed, 0);
  EXPECT_EQ(at.broken_rules(), std::vector<std::string>{"identify_spacing"});
  at.pass(4s);
  at.say(who, at.identify_text(3, 16));
  EXPECT_EQ(who.line.dispatches("READY").size(), 1u);
  EXPECT_EQ(at.discord.identifies().used(), 3u);
}

TEST(gateway, going_over_the_budget_ends_every_session_and_the_token) {
  auto chosen = small_world();
  chosen.budget = 1;
  scenario at{chosen};
  auto& first = at.identified(0, 2);
  auto& second = at.identified(1, 2);
  EXPECT_EQ(first.line.closed, 4004);
  EXPECT_EQ(second.line.closed, 4004);
  EXPECT_TRUE(at.discord.sessions().empty());
  EXPECT_FALSE(at.discord.authorised("Bot simulated.bot.token"));
}

TEST(gateway, more_than_120_payloads_a_minute_close_with_4008) {
  scenario at;
  auto& who = at.connect();
  for (auto i = 0; i < 120; ++i)
    at.say(who, R"({"op":1,"d":null})");
  EXPECT_EQ(who.line.closed, 0);
  at.say(who, R"({"op":1,"d":null})");
  EXPECT_EQ(who.line.closed, 4008);
}

TEST(gateway, a_missing_heartbeat_closes_the_connection_and_keeps_the_session) {
  scenario at;
  auto& who = at.identified(0, 1);
  at.now += 61s;
  at.discord.advance(at.now);
  EXPECT_EQ(who.line.closed, 0);
  at.now += 1s;
  at.discord.advance(at.now);
  EXPECT_EQ(who.line.closed, 4000);
  EXPECT_EQ(at.broken_rules(), std::vector<std::string>{"heartbeat_missed"});
  EXPECT_EQ(at.discord.sessions().size(), 1u);
}

TEST(gateway, intents_filter_events_and_contents) {
  scenario at;
  auto& all = at.identified(0, 1);
  auto& few = at.identified(1, 2, guilds_intent | guild_messages_intent);
  at.pass(4ms);
  at.discord.emit(1500, at.now);
  at.pass(100ms);
  auto full = all.line.dispatches("MESSAGE_CREATE"), masked = few.line.dispatches("MESSAGE_CREATE");
  ASSERT_FALSE(full.empty());
  ASSERT_FALSE(masked.empty());
  for (auto& message : full)
    EXPECT_FALSE(message.at("d").at("content").as_string().empty());
  for (auto& message : masked) {
    EXPECT_TRUE(message.at("d").at("content").as_string().empty());
    EXPECT_TRUE(message.at("d").at("embeds").as_array().empty());
  }
  EXPECT_FALSE(all.line.dispatches("TYPING_START").empty());
  EXPECT_TRUE(few.line.dispatches("TYPING_START").empty());
  for (auto& dispatch : few.line.dispatches("GUILD_CREATE"))
    EXPECT_EQ(dispatch.at("d").at("members").as_array().size(), 1u); // the bot alone
}

TEST(gateway, events_without_guild_go_to_shard_0_of_every_layout) {
  scenario at;
  auto& zero = at.identified(0, 2);
  auto& one = at.identified(1, 2);
  auto& whole = at.identified(2, 3);
  at.pass(4ms);
  at.discord.emit(5000, at.now);
  at.pass(100ms);
  auto direct = [](scenario::client& who) {
    std::size_t count = 0;
    for (auto& message : who.line.dispatches("MESSAGE_CREATE"))
      count += !message.at("d").as_object().contains("guild_id");
    return count;
  };
  EXPECT_GT(direct(zero), 0u);
  EXPECT_EQ(direct(one), 0u);
  EXPECT_EQ(direct(whole), 0u);
}

} // namespace
} // namespace shardyard::sim
