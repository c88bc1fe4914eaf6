// The door as the bots see it: which requests are answered here, who is let in, and how many.
#include "tests/net/bot_http_scene.hpp"

#include <gtest/gtest.h>

namespace shardyard::net {
namespace {

using std::chrono::milliseconds;

TEST(bot_http, the_gateway_requests_are_answered_here_and_the_connection_is_kept) {
  open_door at;
  door_client bot{at.door->port()};
  for (auto base : {"/api/v10", "/api", "/v9", ""}) {
    auto open = bot.ask("GET " + std::string{base} + "/gateway");
    EXPECT_EQ(open.status, 200);
    EXPECT_EQ(open.body, R"({"url":"ws://here"})");
    auto all = bot.ask("GET " + std::string{base} + "/gateway/bot", good);
    EXPECT_EQ(all.status, 200);
    EXPECT_EQ(all.body, R"({"url":"ws://here","shards":3})");
    EXPECT_EQ(all.field("Content-Type"), "application/json");
  }
}

TEST(bot_http, who_is_not_known_gets_401) {
  open_door at;
  door_client bot{at.door->port()};
  for (auto fields : {"", "Authorization: Bot bad\r\n", "Authorization: good\r\n"}) {
    auto answer = bot.ask("GET /api/v10/gateway/bot", fields);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.body, R"({"message":"401: Unauthorized","code":0})");
  }
  EXPECT_EQ(bot.ask("GET /api/v10/users/@me", "Authorization: Bot bad\r\n").status, 401);
}

TEST(bot_http, what_is_no_path_of_the_api_is_404_or_400) {
  open_door at;
  door_client bot{at.door->port()};
  EXPECT_EQ(bot.ask("GET /index.html").status, 404);
  EXPECT_EQ(bot.ask("GET /").status, 404);
  EXPECT_EQ(bot.ask("POST /api/v10/gateway").status, 405);
  EXPECT_EQ(bot.ask("GET /api/v10/../../x").status, 400);
  EXPECT_EQ(bot.to_end(), "");
}

TEST(bot_http, requests_that_come_at_once_are_answered_in_turn) {
  open_door at;
  door_client bot{at.door->port()};
  std::string many;
  for (int i = 0; i < 500; ++i)
    many += "GET /gateway HTTP/1.1\r\nHost: h\r\n\r\n";
  std::thread sender{[&] { bot.send(many); }};
  for (int i = 0; i < 500; ++i)
    ASSERT_EQ(bot.answer().status, 200);
  sender.join();
}

TEST(bot_http, no_request_is_smuggled_past_the_door) {
  std::mutex mutex;
  std::vector<std::string> lines;
  scripted_server discord{[&](server_peer& peer) {
    for (;;) {
      auto head = peer.request();
      std::lock_guard lock{mutex};
      lines.push_back(head.substr(0, head.find("\r\n")));
      auto length = field_of(head, "Content-Length");
      peer.body(length.empty() ? 0 : std::stoul(length));
      peer.send_raw(reply("x"));
    }
  }};
  open_door at{passing_to(discord)};
  std::string inner = "DELETE /api/v10/guilds/1 HTTP/1.1\r\nHost: h\r\n\r\n";
  for (std::string fields :
       {"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Content-Length: 0\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: gzip\r\n", "Transfer-Encoding: identity\r\n", "Transfer-Encoding : chunked\r\n",
        "X: y\rTransfer-Encoding: chunked\r\n", "Content-Length: 5x\r\n"}) {
    door_client bot{at.door->port()};
    bot.send("POST /api/v10/x HTTP/1.1\r\nHost: h\r\n" + good + fields + "\r\n" + inner);
    EXPECT_EQ(bot.answer().status, 400) << fields;
    EXPECT_EQ(bot.to_end(), "") << fields;
  }
  {
    door_client bot{at.door->port()};
    bot.ask("GET /api/v10/y", good + "X-Folded: a\r\n DELETE /api/v10/guilds/1 HTTP/1.1\r\n");
  }
  at.door.reset();
  std::lock_guard lock{mutex};
  for (auto& line : lines)
    EXPECT_EQ(line, "GET /api/v10/y HTTP/1.1");
}

TEST(bot_http, a_slow_loris_and_a_silent_caller_are_shown_out_in_time) {
  test_certificate certificate{"IP:127.0.0.1"};
  open_door at{{.request_timeout = milliseconds{60}}};
  door_client loris{at.door->port()}, silent{at.door->port()};
  loris.send("GET /gateway HTTP/1.1\r\nHos");
  EXPECT_EQ(loris.answer().status, 408);
  EXPECT_EQ(silent.answer().status, 408);
  open_door secure{{.certificate_file = certificate.file(),
                    .key_file = certificate.key_file(),
                    .request_timeout = milliseconds{60}}};
  door_client no_handshake{secure.door->port()};
  EXPECT_EQ(no_handshake.to_end(), "");
  EXPECT_EQ(secure.until([](auto& now) { return now.connections == 0; }).refused, 1U);
}

TEST(bot_http, an_idle_connection_and_a_stalled_body_end_after_the_idle_time) {
  scripted_server discord{[](server_peer& peer) {
    peer.request();
    peer.expect("end");
  }};
  auto settings = passing_to(discord);
  settings.idle_timeout = milliseconds{60};
  open_door at{settings};
  door_client idle{at.door->port()}, stalled{at.door->port()};
  idle.ask("GET /gateway");
  EXPECT_EQ(idle.to_end(), "");
  stalled.send("POST /api/v10/x HTTP/1.1\r\nHost: h\r\n" + good + "Content-Length: 10\r\n\r\nhalf");
  EXPECT_EQ(stalled.to_end(), "");
  at.until([](auto& now) { return now.connections == 0; });
}

TEST(bot_http, connections_beyond_the_bound_are_closed_at_once_and_a_free_place_is_taken_again) {
  open_door at{{.most_connections = 2}};
  door_client one{at.door->port()};
  auto two = std::make_optional<door_client>(at.door->port());
  one.upgrade();
  two->ask("GET /gateway");
  door_client three{at.door->port()};
  EXPECT_EQ(three.to_end(), "");
  auto figures = at.figures();
  EXPECT_EQ(figures.connections, 2U);
  EXPECT_EQ(figures.web_sockets, 1U);
  EXPECT_EQ(figures.refused, 1U);
  two.reset();
  at.until([](auto& now) { return now.connections == 1; });
  door_client four{at.door->port()};
  EXPECT_EQ(four.ask("GET /gateway").status, 200);
}

TEST(bot_http, a_half_closed_client_still_gets_its_answer) {
  scripted_server discord{[](server_peer& peer) {
    peer.request();
    peer.send_raw(reply("late"));
  }};
  open_door at{passing_to(discord)};
  door_client bot{at.door->port()};
  bot.send("GET /api/v10/x HTTP/1.1\r\nHost: h\r\n" + good + "\r\n");
  bot.end_writing();
  EXPECT_EQ(bot.answer().body, "late");
  EXPECT_EQ(bot.to_end(), "");
}

TEST(bot_http, over_tls_everything_is_the_same_and_plain_callers_are_refused) {
  test_certificate certificate{"IP:127.0.0.1"};
  open_door at{{.certificate_file = certificate.file(), .key_file = certificate.key_file()}};
  door_client bot{at.door->port(), certificate.file()};
  EXPECT_EQ(bot.ask("GET /api/v10/gateway/bot", good).status, 200);
  bot.upgrade();
  EXPECT_EQ(bot.frame(), R"(text {"op":10})");
  door_client plain{at.door->port()};
  plain.send("GET /gateway HTTP/1.1\r\nHost: h\r\n\r\n");
  plain.to_end();
  EXPECT_EQ(at.until([](auto& now) { return now.connections == 1; }).refused, 1U);
}

TEST(bot_http, what_cannot_be_listened_with_is_an_error_at_start_that_names_it) {
  test_certificate right{"IP:127.0.0.1"}, other{"IP:127.0.0.1"};
  auto why = [](bot_door_settings settings) -> std::string {
    try {
      open_door at{std::move(settings)};
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "it started";
  };
  auto says = [&](const std::string& text, bot_door_settings settings) {
    auto what = why(std::move(settings));
    EXPECT_NE(what.find(text), std::string::npos) << what;
  };
  says("'/no/such.pem'", {.certificate_file = "/no/such.pem", .key_file = right.key_file()});
  says(other.key_file(), {.certificate_file = right.file(), .key_file = other.key_file()});
  says("key in ''", {.certificate_file = right.file()});
  says("nonsense", {.api_base = "nonsense"});
  says("level", {.zlib_level = 77});
  open_door at;
  says("in use", {.port = at.door->port()});
}

TEST(bot_http, a_door_may_end_while_requests_are_under_way) {
  scripted_server discord{[](server_peer& peer) {
    peer.request();
    peer.expect("end");
  }};
  open_door at{passing_to(discord)};
  door_client waiting{at.door->port()}, asking{at.door->port()};
  waiting.send("GET /api/v10/x HTTP/1.1\r\nHost: h\r\n" + good + "\r\n");
  asking.send("GET /api");
  at.until([](auto& now) { return now.connections == 2; });
  at.door.reset();
  EXPECT_EQ(waiting.to_end(), "");
  EXPECT_EQ(asking.to_end(), "");
}

} // namespace
} // namespace shardyard::net
