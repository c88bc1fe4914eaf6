// What the door passes on to Discord, whole and in both directions, and what it says when Discord fails.
#include "tests/net/bot_http_scene.hpp"

#include <random>

#include <gtest/gtest.h>

namespace shardyard::net {
namespace {

using std::chrono::milliseconds;

std::string random_bytes(std::size_t size) {
  std::mt19937 random{5};
  std::string result(size, '\0');
  for (auto& c : result)
    c = static_cast<char>(random());
  return result;
}

TEST(bot_http, other_requests_go_to_discord_under_the_real_token_and_come_back) {
  std::string asked;
  scripted_server discord{[&](server_peer& peer) {
    asked = peer.request();
    asked += peer.body(7);
    peer.send_raw(
        "HTTP/1.1 429 Too Many Requests\r\nX-RateLimit-Remaining: 0\r\nx-ratelimit-reset-after: 1.25\r\n"
        "Retry-After: 2\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    peer.expect("end");
  }};
  open_door at{passing_to(discord)};
  door_client bot{at.door->port()};
  auto answer =
      bot.ask("POST /api/v9/channels/1/messages?wait=true",
              good + "Content-Length: 7\r\nUser-Agent: DiscordBot (lib, 1)\r\nX-Audit-Log-Reason: r\r\n",
              R"({"a":1})");
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.field("X-RateLimit-Remaining"), "0");
  EXPECT_EQ(answer.field("x-ratelimit-reset-after"), "1.25");
  EXPECT_EQ(answer.field("Retry-After"), "2");
  EXPECT_EQ(answer.body, "{}");
  EXPECT_EQ(at.figures().passed_on, 1U);
  at.door.reset();
  EXPECT_TRUE(asked.starts_with("POST /api/v9/channels/1/messages?wait=true HTTP/1.1\r\n")) << asked;
  EXPECT_EQ(field_of(asked, "Host"), discord.http_url().substr(7));
  EXPECT_EQ(field_of(asked, "Authorization"), "Bot real");
  EXPECT_EQ(field_of(asked, "User-Agent"), "DiscordBot (lib, 1)");
  EXPECT_EQ(field_of(asked, "X-Audit-Log-Reason"), "r");
  EXPECT_TRUE(asked.ends_with("\r\n\r\n{\"a\":1}"));
}

TEST(bot_http, connections_to_discord_are_used_again_and_a_stale_one_is_replaced) {
  std::atomic<int> connections = 0;
  scripted_server discord{[&](server_peer& peer) {
    ++connections;
    for (int i = 0; i < 3; ++i) { // then it closes, as servers do with old connections
      peer.request();
      peer.send_raw(reply("x"));
    }
  }};
  open_door at{passing_to(discord)};
  door_client one{at.door->port()}, two{at.door->port()};
  for (int i = 0; i < 6; ++i)
    ASSERT_EQ((i % 2 == 0 ? one : two).ask("GET /api/v10/users/@me", good).body, "x") << i;
  EXPECT_EQ(connections, 2);
}

TEST(bot_http, every_framing_of_an_answer_reaches_the_bot_whole) {
  auto large = random_bytes(3 << 20);
  std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < large.size(); at += 70'000) {
    auto piece = large.substr(at, 70'000);
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    chunked += size + piece + "\r\n";
  }
  chunked += "0\r\n\r\n";
  for (auto& answer : {reply(large), chunked, "HTTP/1.1 200 OK\r\n\r\n" + large,
                       "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + reply(large)}) {
    scripted_server discord{[&](server_peer& peer) {
      peer.request();
      peer.send_raw(answer);
    }};
    open_door at{passing_to(discord)};
    door_client bot{at.door->port()};
    auto got = bot.ask("GET /api/v10/x", good);
    EXPECT_EQ(got.status, 200);
    ASSERT_TRUE(got.body == large) << got.body.size();
  }
}

TEST(bot_http, answers_without_a_body_leave_the_connection_usable) {
  scripted_server discord{[&](server_peer& peer) {
    for (;;) {
      auto head = peer.request();
      peer.send_raw(head.starts_with("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
                                             : "HTTP/1.1 204 No Content\r\n\r\n");
    }
  }};
  open_door at{passing_to(discord)};
  door_client bot{at.door->port()};
  EXPECT_EQ(bot.ask("PUT /api/v10/reaction", good).status, 204);
  EXPECT_EQ(bot.ask("HEAD /api/v10/x", good).field("Content-Length"), "500");
  EXPECT_EQ(bot.ask("DELETE /api/v10/reaction", good).status, 204);
}

TEST(bot_http, an_upload_of_megabytes_is_streamed_in_either_framing) {
  auto large = random_bytes(5 << 20);
  std::string got;
  scripted_server discord{[&](server_peer& peer) {
    auto head = peer.request();
    if (field_of(head, "Transfer-Encoding") == "chunked") {
      for (;;) {
        std::string line;
        while (!line.ends_with("\r\n"))
          line += peer.body(1);
        auto size = std::stoul(line, nullptr, 16);
        got += peer.body(size);
        peer.body(2);
        if (size == 0)
          break;
      }
    } else {
      got = peer.body(std::stoul(field_of(head, "Content-Length")));
    }
    peer.send_raw(reply("done"));
  }};
  open_door at{passing_to(discord)};
  door_client bot{at.door->port()};
  auto sized = bot.ask(
      "POST /api/v10/x",
      good + "Expect: 100-continue\r\nContent-Length: " + std::to_string(large.size()) + "\r\n", large);
  EXPECT_EQ(sized.body, "done");
  EXPECT_TRUE(got == large) << got.size();
  got.clear();
  std::string chunked;
  for (std::size_t from = 0; from < large.size(); from += 9999) {
    auto piece = large.substr(from, 9999);
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    chunked += size + piece + "\r\n";
  }
  EXPECT_EQ(bot.ask("POST /api/v10/x", good + "Transfer-Encoding: chunked\r\n", chunked + "0\r\n\r\n").body,
            "done");
  EXPECT_TRUE(got == large) << got.size();
}

TEST(bot_http, a_discord_that_does_not_read_stops_the_bots_upload_and_not_the_door) {
  std::promise<void> go_on;
  auto released = go_on.get_future().share();
  constexpr std::size_t size = 40 << 20;
  scripted_server discord{[&, released](server_peer& peer) {
    auto head = peer.request();
    if (head.starts_with("GET"))
      return peer.send_raw(reply("small"));
    released.wait();
    peer.body(size);
    peer.send_raw(reply("large"));
  }};
  open_door at{passing_to(discord)};
  door_client bot{at.door->port()}, other{at.door->port()};
  std::atomic<std::size_t> sent = 0;
  std::thread upload{[&] {
    bot.send("POST /api/v10/x HTTP/1.1\r\nHost: h\r\n" + good + "Content-Length: " + std::to_string(size) +
             "\r\n\r\n");
    std::string piece(1 << 20, 'x');
    for (std::size_t i = 0; i < size; i += piece.size()) {
      bot.send(piece);
      sent += piece.size();
    }
  }};
  EXPECT_EQ(other.ask("GET /api/v10/x", good).body, "small");
  // The kernel's buffers take some of it; the rest stays with the bot.
  EXPECT_LT(sent.load(), size);
  go_on.set_value();
  upload.join();
  EXPECT_EQ(bot.answer().body, "large");
}

TEST(bot_http, a_bot_that_does_not_read_its_answer_stops_discords_sending) {
  std::atomic<bool> sent = false;
  auto large = std::string(40 << 20, 'x');
  scripted_server discord{[&](server_peer& peer) {
    peer.request();
    peer.send_raw(reply(large));
    sent = true;
  }};
  open_door at{passing_to(discord)};
  door_client bot{at.door->port(), {}, 4096};
  bot.send("GET /api/v10/x HTTP/1.1\r\nHost: h\r\n" + good + "\r\n");
  door_client other{at.door->port()};
  EXPECT_EQ(other.ask("GET /gateway").status, 200);
  EXPECT_FALSE(sent);
  EXPECT_TRUE(bot.answer().body == large);
}

TEST(bot_http, an_answer_before_the_upload_is_complete_reaches_the_bot) {
  scripted_server discord{[&](server_peer& peer) {
    peer.request();
    peer.send_raw("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
  }};
  open_door at{passing_to(discord)};
  door_client bot{at.door->port()};
  bot.send("POST /api/v10/x HTTP/1.1\r\nHost: h\r\n" + good + "Content-Length: 50000000\r\n\r\n" +
           std::string(100'000, 'x'));
  auto answer = bot.answer();
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.body, "big");
  EXPECT_EQ(answer.field("Connection"), "close");
}

TEST(bot_http, trouble_with_discord_is_502_or_504_and_says_what_is_wrong) {
  {
    std::uint16_t port = 0;
    {
      scripted_server gone{[](server_peer&) {}};
      port = gone.port();
    }
    open_door at{{.api_base = "http://127.0.0.1:" + std::to_string(port) + "/api/v10"}};
    door_client bot{at.door->port()};
    auto answer = bot.ask("GET /api/v10/x", good);
    EXPECT_EQ(answer.status, 502);
    EXPECT_NE(answer.body.find("Connection refused"), std::string::npos) << answer.body;
    EXPECT_EQ(bot.ask("GET /gateway").status, 200) << "the bot's connection is kept";
  }
  for (std::string nonsense : {"", "gibberish\r\n\r\n",
                               "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: "
                               "chunked\r\n\r\n",
                               "HTTP/1.1 101 Switching Protocols\r\n\r\n"}) {
    scripted_server discord{[&](server_peer& peer) {
      peer.request();
      peer.send_raw(nonsense);
    }};
    open_door at{passing_to(discord)};
    door_client bot{at.door->port()};
    SCOPED_TRACE(nonsense);
    EXPECT_EQ(bot.ask("GET /api/v10/x", good).status, 502);
  }
  scripted_server silent{[](server_peer& peer) {
    peer.request();
    peer.expect("end");
  }};
  auto settings = passing_to(silent);
  settings.upstream_timeout = milliseconds{50};
  open_door at{settings};
  door_client bot{at.door->port()};
  EXPECT_EQ(bot.ask("GET /api/v10/x", good).status, 504);
  EXPECT_EQ(silent.failures(), std::vector<std::string>{});
}

TEST(bot_http, an_answer_that_is_cut_off_does_not_look_complete) {
  for (std::string half : {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"}) {
    scripted_server discord{[&](server_peer& peer) {
      peer.request();
      peer.send_raw(half);
    }};
    open_door at{passing_to(discord)};
    door_client bot{at.door->port()};
    EXPECT_THROW(bot.ask("GET /api/v10/x", good), std::runtime_error) << half;
  }
}

TEST(bot_http, discords_certificate_is_checked) {
  test_certificate right{"IP:127.0.0.1"}, other{"IP:127.0.0.1"};
  scripted_server discord{[](server_peer& peer) {
                            peer.request();
                            peer.send_raw(reply("secure"));
                          },
                          compression::none, &right};
  auto ask = [&](const test_certificate& trusted) {
    auto settings = passing_to(discord);
    settings.ca_file = trusted.file();
    open_door at{settings};
    door_client bot{at.door->port()};
    return bot.ask("GET /api/v10/x", good);
  };
  EXPECT_EQ(ask(right).body, "secure");
  auto refused = ask(other);
  EXPECT_EQ(refused.status, 502);
  EXPECT_NE(refused.body.find("certificate refused"), std::string::npos) << refused.body;
}

} // namespace
} // namespace shardyard::net
