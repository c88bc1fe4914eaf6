#include "net/rest.hpp"

#include "net/io_thread.hpp"
#include "tests/net/scripted_server.hpp"

#include <future>

#include <gtest/gtest.h>

namespace shardyard::net {
namespace {

constexpr auto body =
    R"({"url":"wss://g.gg","shards":2,"session_start_limit":{"total":9,"remaining":8,"reset_after":7,)"
    R"("max_concurrency":1}})";

gateway_bot_answer ask(const rest_settings& settings) {
  io_thread thread;
  std::promise<gateway_bot_answer> answer;
  get_gateway_bot(thread, settings, [&](gateway_bot_answer got) { answer.set_value(std::move(got)); });
  return answer.get_future().get();
}

std::string raw_reply(const std::string& head, const std::string& text) {
  return "HTTP/1.1 " + head + "\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
}

/// Asks a server that answers with `answer` and hands back what it was asked.
gateway_bot_answer ask_server(const std::string& answer, std::string* request = nullptr) {
  scripted_server server{[&](server_peer& peer) {
    auto head = peer.request();
    if (request != nullptr)
      *request = head;
    peer.send_raw(answer);
  }};
  return ask({.api_base = server.http_url() + "/api/v10/", .token = "secret"});
}

TEST(rest, a_good_answer_arrives_and_was_asked_for_in_the_mandatory_form) {
  std::string request;
  auto answer = ask_server(raw_reply("200 OK", body), &request);
  ASSERT_TRUE(std::holds_alternative<gateway_bot>(answer)) << to_string(answer);
  EXPECT_EQ(std::get<gateway_bot>(answer).remaining, 8U);
  EXPECT_TRUE(request.starts_with("GET /api/v10/gateway/bot HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("\r\nAuthorization: Bot secret\r\n"), std::string::npos);
  EXPECT_NE(request.find("\r\nUser-Agent: DiscordBot (http"), std::string::npos);
}

TEST(rest, chunked_answers_and_answers_that_end_with_the_connection_are_read) {
  std::string text = body;
  auto chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + text.substr(0, 5) + "\r\n" +
                 "80\r\n" + text.substr(5) + std::string(128 - (text.size() - 5), ' ') + "\r\n0\r\n\r\n";
  ASSERT_LE(text.size() - 5, 128U);
  EXPECT_TRUE(std::holds_alternative<gateway_bot>(ask_server(chunked)));
  EXPECT_TRUE(std::holds_alternative<gateway_bot>(ask_server("HTTP/1.1 200 OK\r\n\r\n" + text)));
}

TEST(rest, refusals_keep_their_meaning) {
  EXPECT_TRUE(std::holds_alternative<unauthorized>(ask_server(raw_reply("401 Unauthorized", "{}"))));
  auto limited = ask_server(raw_reply("429 Too Many Requests\r\nRetry-After: 77", "{}"));
  ASSERT_TRUE(std::holds_alternative<rate_limited>(limited));
  EXPECT_EQ(std::get<rate_limited>(limited).retry_after, std::chrono::seconds{77});
  EXPECT_TRUE(std::holds_alternative<server_fault>(ask_server(raw_reply("502 Bad Gateway", "<html>"))));
  EXPECT_TRUE(std::holds_alternative<blocked>(ask_server(raw_reply("403 Forbidden", "<html>"))));
}

TEST(rest, what_is_no_answer_is_unreachable) {
  for (std::string answer : {"", "HTTP/1.1 200 OK\r\nContent-Le",
                             "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", "gibberish\r\n\r\n"})
    EXPECT_TRUE(std::holds_alternative<unreachable>(ask_server(answer))) << answer;
  auto endless = raw_reply("200 OK", std::string(3 << 20, 'x'));
  EXPECT_TRUE(std::holds_alternative<unreachable>(ask_server(endless)));
}

TEST(rest, a_silent_server_is_left_after_the_timeout) {
  scripted_server server{[](server_peer& peer) {
    peer.request();
    peer.expect("end");
  }};
  auto answer = ask({.api_base = server.http_url(), .token = "t", .timeout = std::chrono::milliseconds{50}});
  EXPECT_TRUE(std::holds_alternative<unreachable>(answer));
  EXPECT_EQ(server.failures(), std::vector<std::string>{});
}

TEST(rest, plaintext_leaves_only_for_loopback) {
  for (auto base : {"http://192.0.2.1/api", "ws://127.0.0.1", "nonsense"}) {
    auto answer = ask({.api_base = base, .token = "t"});
    ASSERT_TRUE(std::holds_alternative<unreachable>(answer)) << base;
    EXPECT_TRUE(std::get<unreachable>(answer).hopeless) << base;
  }
}

TEST(rest, tls_checks_the_certificate) {
  test_certificate good{"IP:127.0.0.1"}, other{"IP:127.0.0.1"};
  auto play = [](server_peer& peer) {
    peer.request();
    peer.send_raw(raw_reply("200 OK", body));
  };
  scripted_server server{play, compression::none, &good};
  EXPECT_TRUE(std::holds_alternative<gateway_bot>(
      ask({.api_base = server.http_url(), .token = "t", .ca_file = good.file()})));
  EXPECT_TRUE(std::holds_alternative<unreachable>(
      ask({.api_base = server.http_url(), .token = "t", .ca_file = other.file()})));
}

TEST(rest, an_io_thread_that_ends_destroys_the_question) {
  scripted_server server{[](server_peer& peer) {
    peer.request();
    peer.expect("end");
  }};
  auto held = std::make_shared<int>(0);
  std::weak_ptr<int> watch = held;
  {
    io_thread thread;
    get_gateway_bot(thread, {.api_base = server.http_url(), .token = "t"},
                    [held = std::move(held)](const gateway_bot_answer&) { ++*held; });
  }
  EXPECT_TRUE(watch.expired());
}

} // namespace
} // namespace shardyard::net
