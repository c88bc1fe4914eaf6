#include "sim/control.hpp"
#include "tests/sim/scenario.hpp"

namespace shardyard::sim {
namespace {

using namespace std::chrono_literals;

/// POST /fault; the answer's body.
boost::json::object inject(scenario& at, std::string body, int status = 200) {
  auto result =
      answer(at.discord, {.method = "POST", .target = "/fault", .body = std::move(body)}, "ws://x", at.now);
  EXPECT_EQ(result.status, status) << result.body;
  return boost::json::parse(result.body).get_object();
}

std::string guild_of(scenario& at, std::uint32_t id, std::uint32_t count) {
  return std::to_string(at.discord.all().guilds()[at.discord.all().guilds_of(id, count).at(0)].id);
}

TEST(fault, reconnect_is_op_7_and_later_the_end_of_the_line) {
  scenario at;
  auto& one = at.identified(0, 2);
  auto& two = at.identified(1, 2);
  EXPECT_EQ(inject(at, R"({"kind":"reconnect","shard":[1,2]})").at("hit"), 1);
  EXPECT_NE(one.line.sent.back(), two.line.sent.back());
  EXPECT_EQ(two.line.sent.back(), R"({"t":null,"s":null,"op":7,"d":null})");
  at.pass(5100ms);
  EXPECT_EQ(two.line.closed, 1006);
  EXPECT_EQ(at.discord.sessions().size(), 2u);
}

TEST(fault, an_invalid_session_is_resumable_or_gone) {
  for (auto resumable : {true, false}) {
    scenario at;
    auto& who = at.identified(0, 1);
    auto session = at.session_of(who);
    inject(at,
           resumable ? R"({"kind":"invalid_session","resumable":true})" : R"({"kind":"invalid_session"})");
    at.say(who, at.resume_text(session, 1)); // on the same socket
    EXPECT_EQ(who.line.dispatches("RESUMED").size(), resumable ? 1u : 0u);
    EXPECT_TRUE(at.broken_rules().empty());
  }
}

TEST(fault, a_refused_resume_is_answered_once_and_ends_the_session) {
  scenario at;
  auto& who = at.identified(0, 1);
  auto session = at.session_of(who);
  EXPECT_EQ(inject(at, R"({"kind":"refuse_resume","shard":[0,1]})").at("hit"), 1);
  EXPECT_EQ(at.discord.sessions().size(), 1u);
  at.discord.disconnected(who.number, 4000, at.now);
  auto& back = at.connect();
  at.say(back, at.resume_text(session, 1));
  EXPECT_EQ(back.line.message(1).at("op"), 9);
  EXPECT_EQ(back.line.message(1).at("d"), false);
  EXPECT_TRUE(at.discord.sessions().empty());
  EXPECT_TRUE(at.broken_rules().empty());
}

TEST(fault, closing_with_a_fatal_code_ends_the_session) {
  for (auto [code, sessions] : {std::pair{4000, 1u}, {4009, 0u}, {1001, 1u}}) {
    scenario at;
    auto& who = at.identified(0, 1);
    inject(at, R"({"kind":"close","code":)" + std::to_string(code) + "}");
    EXPECT_EQ(who.line.closed, code);
    EXPECT_EQ(at.discord.sessions().size(), sessions);
  }
}

TEST(fault, an_outage_concerns_one_session_and_ends_with_a_snapshot) {
  scenario at;
  auto& hit = at.identified(0, 1);
  at.pass(5100ms);
  auto& spared = at.identified(0, 1);
  at.pass(10ms);
  auto guild = guild_of(at, 0, 1);
  auto& id = at.discord.sessions().begin()->second->id();
  EXPECT_EQ(inject(at, R"({"kind":"outage","session":")" + id + R"(","guild":")" + guild + "\"}").at("hit"),
            1);
  at.pass(4ms);
  EXPECT_EQ(hit.line.dispatches("GUILD_DELETE").at(0).at("d").at("unavailable"), true);
  EXPECT_TRUE(spared.line.dispatches("GUILD_DELETE").empty());
  at.discord.emit(3000, at.now);
  at.pass(100ms);
  auto about = [&](scenario::client& who) {
    std::size_t count = 0;
    for (auto& dispatch : who.line.dispatches("MESSAGE_CREATE"))
      if (auto* named = dispatch.at("d").as_object().if_contains("guild_id"))
        count += *named == boost::json::value(guild);
    return count;
  };
  EXPECT_EQ(about(hit), 0u);
  EXPECT_GT(about(spared), 0u);
  auto before = hit.line.dispatches("GUILD_CREATE").size();
  inject(at, R"({"kind":"outage_end","guild":")" + guild + "\"}");
  at.pass(4ms);
  EXPECT_EQ(hit.line.dispatches("GUILD_CREATE").size(), before + 1);
  EXPECT_EQ(at.truth_rows("u").size(), 1u);
  EXPECT_EQ(at.truth_rows("g").back().at(3), at.truth_rows("o").size());
}

TEST(fault, a_dropped_event_is_missed_by_one_session_only) {
  scenario at;
  at.identified(0, 1);
  at.pass(5100ms);
  at.identified(0, 1);
  at.pass(10ms);
  auto id = at.discord.sessions().begin()->second->id();
  inject(at, R"({"kind":"drop_event","session":")" + id + "\"}");
  at.discord.emit(10, at.now);
  at.pass(100ms);
  EXPECT_EQ(at.truth_rows("o").size(), 10u);
  EXPECT_EQ(at.truth_rows("c").size(), 19u);
}

TEST(fault, a_muted_kind_is_missed_by_one_session_which_brings_all_else) {
  scenario at;
  auto& hit = at.identified(0, 1);
  at.pass(5100ms);
  auto& spared = at.identified(0, 1);
  at.pass(10ms);
  inject(at, R"({"kind":"mute","event":"MESSAGE_CREATE","session":")" +
                 at.discord.sessions().begin()->second->id() + "\"}");
  auto before = hit.line.dispatches().size();
  at.discord.emit(200, at.now);
  at.pass(100ms);
  EXPECT_TRUE(hit.line.dispatches("MESSAGE_CREATE").empty());
  EXPECT_FALSE(spared.line.dispatches("MESSAGE_CREATE").empty());
  EXPECT_GT(hit.line.dispatches().size(), before);
  fault nameless{.kind = fault_kind::mute, .event = find_kind("MESSAGE_CREAT")};
  EXPECT_FALSE(at.discord.apply(nameless, at.now).error.empty());
}

TEST(fault, a_duplicate_is_an_occurrence_of_its_own) {
  scenario at;
  auto& who = at.identified(0, 1);
  at.pass(10ms);
  inject(at, R"({"kind":"duplicate"})");
  at.discord.emit(1, at.now);
  at.pass(100ms);
  auto occurrences = at.truth_rows("o");
  ASSERT_EQ(occurrences.size(), 2u);
  EXPECT_EQ(occurrences[0].at(3), occurrences[1].at(3));
  auto seen = who.line.dispatches();
  EXPECT_EQ(seen[seen.size() - 1].at("d"), seen[seen.size() - 2].at("d"));
}

TEST(fault, a_constant_lag_delays_one_session) {
  scenario at;
  auto& slow = at.identified(0, 2);
  at.pass(10ms);
  inject(at, R"({"kind":"delay","shard":[0,2],"ms":300})");
  auto before = slow.line.sent.size();
  at.discord.emit(200, at.now);
  at.pass(290ms);
  EXPECT_EQ(slow.line.sent.size(), before);
  EXPECT_GT(at.discord.count().in_flight, 0u);
  at.pass(50ms);
  EXPECT_GT(slow.line.sent.size(), before);
  EXPECT_EQ(at.discord.count().in_flight, 0u);
}

TEST(fault, the_bot_joins_and_leaves_a_guild_for_all_sessions) {
  scenario at;
  at.identified(0, 1);
  at.pass(10ms);
  auto guild = std::string{inject(at, R"({"kind":"join"})").at("guild").as_string()};
  EXPECT_EQ(at.clients.front().line.dispatches("GUILD_CREATE").size(), 25u);
  inject(at, R"({"kind":"leave","guild":")" + guild + "\"}");
  at.pass(100ms);
  EXPECT_FALSE(
      at.clients.front().line.dispatches("GUILD_DELETE").at(0).at("d").as_object().contains("unavailable"));
  auto occurrences = at.truth_rows("o");
  EXPECT_EQ(occurrences.at(0).at(3), "GUILD_CREATE");
  EXPECT_EQ(occurrences.at(1).at(3), "GUILD_DELETE");
  EXPECT_EQ(at.truth_rows("c").size(), 2u);
  inject(at, R"({"kind":"leave","guild":")" + guild + "\"}", 400);
}

TEST(fault, budget_and_rate_limit_show_in_gateway_bot) {
  scenario at;
  http_question ask{.target = "/api/v10/gateway/bot",
                    .authorization = "Bot simulated.bot.token",
                    .user_agent = "DiscordBot (x, 1)"};
  inject(at, R"({"kind":"budget","remaining":3})");
  auto body = boost::json::parse(answer(at.discord, ask, "ws://x", at.now).body);
  EXPECT_EQ(body.at("session_start_limit").at("remaining"), 3);
  inject(at, R"({"kind":"rate_limit","retry_after":2.5})");
  auto limited = answer(at.discord, ask, "ws://x", at.now);
  EXPECT_EQ(limited.status, 429);
  EXPECT_EQ(limited.headers.at(0), (std::pair<std::string, std::string>{"Retry-After", "3"}));
  at.now += 2500ms;
  EXPECT_EQ(answer(at.discord, ask, "ws://x", at.now).status, 200);
}

TEST(fault, nonsense_is_answered_with_what_is_allowed) {
  scenario at;
  for (auto body : {"", "[]", "{}", R"({"kind":"explode"})", R"({"kind":"reset","colour":1})",
                    R"({"kind":"close","code":12})", R"({"kind":"outage"})",
                    R"({"kind":"outage","guild":"12"})", R"({"kind":"reset","shard":[4,2]})"})
    EXPECT_TRUE(inject(at, body, 400).contains("error")) << body;
}

TEST(control, libraries_may_name_themselves_otherwise) {
  scenario at;
  for (auto* name : {"Discordbot (https://github.com/DasWolke/SnowTransfer, 0.17.5) Node.js/v22", "node"}) {
    http_question ask{
        .target = "/api/v10/gateway/bot", .authorization = "Bot " + small_world().token, .user_agent = name};
    EXPECT_EQ(answer(at.discord, ask, "ws://x", at.now).status, 200) << name;
  }
  EXPECT_TRUE(at.broken_rules().empty());
}

TEST(control, rest_wants_the_token_and_the_bot_user_agent) {
  scenario at;
  http_question ask{
      .target = "/api/v10/gateway/bot", .authorization = "Bot wrong", .user_agent = "DiscordBot (x, 1)"};
  EXPECT_EQ(answer(at.discord, ask, "ws://x", at.now).status, 401);
  ask.user_agent = "curl/8";
  EXPECT_EQ(answer(at.discord, ask, "ws://x", at.now).status, 403);
  EXPECT_EQ(at.broken_rules(), (std::vector<std::string>{"token", "user_agent"}));
  ask.target = "/truth";
  ask.from_loopback = false;
  EXPECT_EQ(answer(at.discord, ask, "ws://x", at.now).status, 403);
}

} // namespace
} // namespace shardyard::sim
