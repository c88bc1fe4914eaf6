// What a small bot needs of REST: itself, its commands, messages, answers to interactions.
#include "sim/rest_routes.hpp"
#include "tests/sim/scenario.hpp"

namespace shardyard::sim {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

struct small_bot : scenario {
  small_bot() : who(identified(0, 1)) { pass(10ms); }

  http_answer ask(const std::string& method, const std::string& target, const std::string& body = {},
                  bool authorised = true) {
    return answer(discord,
                  {.method = method,
                   .target = target,
                   .authorization = authorised ? "Bot simulated.bot.token" : "",
                   .user_agent = "DiscordBot (https://example.org, 1)",
                   .body = body},
                  "ws://127.0.0.1:1", now);
  }
  static std::int64_t code(const http_answer& of) { return json::parse(of.body).at("code").as_int64(); }

  /// The newest interaction, as the client was told of it.
  json::object interaction() {
    discord.set_interaction_rate(500);
    pass(2ms);
    discord.set_interaction_rate(0);
    pass(60ms);
    return who.line.dispatches("INTERACTION_CREATE").back().at("d").as_object();
  }
  static std::string callback(const json::object& of, const std::string& more = {}) {
    return "/api/v10/interactions/" + std::string{of.at("id").as_string()} + "/" +
           std::string{of.at("token").as_string()} + "/callback" + more;
  }

  std::string text_channel() const {
    return std::to_string(discord.all().guilds().front().channels.at(1).id);
  }

  client& who;
};

constexpr auto aye = R"({"type":4,"data":{"content":"aye"}})";

TEST(interactions, one_answer_is_taken_and_shown_and_a_second_is_refused) {
  small_bot at;
  auto asked = at.interaction();
  EXPECT_EQ(at.ask("POST", at.callback(asked), aye, false).status, 204); // the token is the authorization
  auto again = at.ask("POST", at.callback(asked), aye);
  EXPECT_EQ(again.status, 400);
  EXPECT_EQ(at.code(again), 40060);
  at.pass(60ms);
  auto shown = at.who.line.dispatches("MESSAGE_CREATE").back().at("d").as_object();
  EXPECT_EQ(shown.at("content"), "aye");
  EXPECT_EQ(shown.at("channel_id"), asked.at("channel_id"));
  EXPECT_EQ(shown.at("author").at("bot"), true);
  EXPECT_EQ(shown.at("interaction_metadata").at("user"), asked.at("member").at("user"));
  auto rows = json::parse(at.ask("GET", "/interactions").body).as_array();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].at("id"), asked.at("id"));
  EXPECT_EQ(rows[0].at("answers"), 1);
  EXPECT_EQ(rows[0].at("refused"), 1);
  auto totals = json::parse(at.ask("GET", "/stats").body).at("interactions");
  EXPECT_EQ(json::serialize(totals), R"({"happened":1,"answered":1,"answered_again":1,"answered_late":0})");
}

TEST(interactions, after_three_seconds_and_under_a_wrong_token_they_are_unknown) {
  small_bot at;
  auto asked = at.interaction();
  auto wrong = asked;
  wrong["token"] = "0123";
  EXPECT_EQ(at.code(at.ask("POST", at.callback(wrong), aye)), 10062);
  at.pass(3s);
  auto late = at.ask("POST", at.callback(asked), aye);
  EXPECT_EQ(late.status, 404);
  EXPECT_EQ(at.code(late), 10062);
  EXPECT_EQ(at.discord.interactions().all().late, 1u);
  EXPECT_EQ(at.discord.interactions().all().answered, 0u);
}

TEST(interactions, what_is_no_answer_leaves_the_interaction_open) {
  small_bot at;
  auto asked = at.interaction();
  for (auto* body : {"", "[]", "{}", R"({"type":99})"})
    EXPECT_EQ(at.code(at.ask("POST", at.callback(asked), body)), 50035) << body;
  EXPECT_EQ(at.code(at.ask("POST", at.callback(asked), R"({"type":4,"data":{}})")), 50006);
  EXPECT_EQ(at.ask("GET", at.callback(asked)).status, 405);
  EXPECT_EQ(at.ask("POST", at.callback(asked), aye).status, 204);
}

TEST(interactions, a_deferred_answer_is_followed_up_by_its_token) {
  small_bot at;
  auto asked = at.interaction();
  auto deferred = at.ask("POST", at.callback(asked, "?with_response=true"), R"({"type":5})");
  EXPECT_EQ(deferred.status, 200);
  EXPECT_EQ(json::parse(deferred.body).at("interaction").at("id"), asked.at("id"));
  auto hook = "/api/webhooks/" + std::to_string(at.discord.all().bot().id) + "/" +
              std::string{asked.at("token").as_string()};
  at.pass(10s);
  auto edited = at.ask("PATCH", hook + "/messages/@original", R"({"content":"done"})", false);
  EXPECT_EQ(edited.status, 200);
  EXPECT_EQ(json::parse(edited.body).at("content"), "done");
  EXPECT_EQ(at.ask("POST", hook, R"({"content":"more"})").status, 200);
  EXPECT_EQ(at.code(at.ask("POST", hook + "0", R"({"content":"more"})")), 10015);
}

TEST(interactions, the_book_forgets_after_the_life_of_a_token_and_keeps_the_counts) {
  interaction_book book;
  auto at = from_unix_ms(1'795'000'000'000);
  for (snowflake id = 1; id <= 1000; ++id)
    book.happened({.id = id}, 5, at + std::chrono::seconds{id});
  EXPECT_EQ(book.rows().size(), 901u);
  EXPECT_EQ(book.all().happened, 1000u);
  EXPECT_EQ(book.find(99), nullptr);
  ASSERT_NE(book.find(100), nullptr);
  EXPECT_EQ(book.find(100)->command.id, 100u);
  book.happened({.id = 1000}, 5, at + 1000s); // told twice, happened once
  EXPECT_EQ(book.all().happened, 1000u);
}

TEST(bot_routes, the_bots_messages_reach_the_sessions_unmasked) {
  small_bot at;
  at.pass(5s);
  auto& blind = at.identified(0, 1, known_intents & ~message_content_intent);
  at.pass(10ms);
  auto sent = at.ask("POST", "/api/v10/channels/" + at.text_channel() + "/messages",
                     R"({"content":"all \"hands\"","nonce":"7"})");
  ASSERT_EQ(sent.status, 200);
  auto message = json::parse(sent.body).get_object();
  EXPECT_EQ(message.at("content"), "all \"hands\"");
  EXPECT_EQ(message.at("nonce"), "7");
  EXPECT_FALSE(message.contains("guild_id"));
  at.pass(60ms);
  for (auto* each : {&at.who, &blind}) {
    auto seen = each->line.dispatches("MESSAGE_CREATE").back().at("d").as_object();
    EXPECT_EQ(seen.at("id"), message.at("id"));
    EXPECT_EQ(seen.at("content"), message.at("content"));
  }
  EXPECT_EQ(at.truth_rows("o").size(), 1u);
}

TEST(bot_routes, messages_that_discord_refuses_are_refused) {
  small_bot at;
  auto to = "/channels/" + at.text_channel() + "/messages";
  EXPECT_EQ(at.code(at.ask("POST", to, R"({"content":""})")), 50006);
  EXPECT_EQ(at.code(at.ask("POST", to, R"({"content":")" + std::string(2001, 'x') + "\"}")), 50035);
  EXPECT_EQ(at.code(at.ask("POST", to, "{")), 50109);
  EXPECT_EQ(at.code(at.ask("POST", "/channels/5/messages", R"({"content":"x"})")), 10003);
  EXPECT_EQ(at.ask("POST", to, R"({"content":"x"})", false).status, 401);
  EXPECT_EQ(at.truth_rows("o").size(), 0u);
}

TEST(bot_routes, commands_keep_their_ids_when_they_are_put_again) {
  small_bot at;
  auto route = "/api/v10/applications/" + std::to_string(at.discord.all().bot().id) + "/commands";
  auto first = json::parse(at.ask("PUT", route, R"([{"name":"sail"},{"name":"anchor","type":1}])").body);
  ASSERT_EQ(first.as_array().size(), 2u);
  EXPECT_NE(first.at(0).at("id"), first.at(1).at("id"));
  auto second = json::parse(at.ask("PUT", route, R"([{"name":"anchor","description":"new"}])").body);
  EXPECT_EQ(second.at(0).at("id"), first.at(1).at("id"));
  EXPECT_EQ(json::parse(at.ask("GET", route).body), second);
  EXPECT_EQ(at.code(at.ask("PUT", route, R"([{"description":"nameless"}])")), 50035);
  EXPECT_EQ(at.ask("POST", route, R"({"name":"reef"})").status, 201);
  EXPECT_EQ(json::parse(at.ask("GET", route).body).as_array().size(), 2u);
  EXPECT_EQ(at.code(at.ask("PUT", "/applications/5/commands", "[]")), 10002);
}

TEST(bot_routes, the_api_is_under_every_prefix_and_unknown_routes_are_not_found) {
  small_bot at;
  for (std::string prefix : {"", "/api", "/api/v10", "/v10"}) {
    EXPECT_EQ(at.ask("GET", prefix + "/gateway", {}, false).status, 200);
    EXPECT_EQ(at.ask("GET", prefix + "/gateway/bot").status, 200);
    EXPECT_EQ(at.ask("GET", prefix + "/users/@me").status, 200);
    EXPECT_EQ(at.ask("GET", prefix + "/applications/@me").status, 200);
    auto nowhere = at.ask("POST", prefix + "/nowhere", "{}");
    EXPECT_EQ(nowhere.status, 404);
    EXPECT_EQ(nowhere.body, R"({"message":"404: Not Found","code":0})");
  }
  EXPECT_EQ(at.ask("GET", "/users/@me", {}, false).status, 401);
  EXPECT_EQ(at.ask("DELETE", "/users/@me").status, 405);
}

TEST(control, the_world_shows_a_guild_as_guild_create_would) {
  small_bot at;
  auto& g = at.discord.all().guilds().front();
  auto id = std::to_string(g.id);
  at.discord.emit(2000, at.now);
  auto full = at.ask("GET", "/world?guild=" + id);
  auto shown = json::parse(full.body).get_object();
  EXPECT_EQ(shown.at("id"), json::value(id));
  EXPECT_EQ(shown.at("members").as_array().size(), g.members.size());
  EXPECT_EQ(shown.at("channels").as_array().size(), g.channels.size());
  EXPECT_EQ(full.headers.at(0), std::pair(std::string{"X-Occurrence"}, std::string{"2000"}));
  auto blind = json::parse(at.ask("GET", "/world?guild=" + id + "&intents=1&large_threshold=50").body);
  EXPECT_TRUE(blind.at("presences").as_array().empty());
  EXPECT_EQ(at.ask("GET", "/world?guild=5").status, 404);
  EXPECT_EQ(at.ask("GET", "/world?guild=x").status, 400);
  EXPECT_EQ(json::parse(at.ask("GET", "/world").body).at("guilds"), 24);
}

} // namespace
} // namespace shardyard::sim
