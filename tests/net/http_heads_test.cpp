#include "net/http_heads.hpp"

#include <random>

#include <gtest/gtest.h>

namespace shardyard::net {
namespace {

struct read_request {
  http_progress progress = http_progress::more;
  http_head head;
  std::string body, rest, fault;
  unsigned status = 0;
};

/// Reads one request in pieces of `step` bytes.
read_request read(std::string_view bytes, std::size_t step = 1 << 20, http_bounds bounds = {}) {
  http_requests requests{bounds};
  read_request result;
  auto headed = false;
  while (result.progress == http_progress::more && !bytes.empty()) {
    requests.push(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
    if (!headed) {
      result.progress = requests.read_head();
      headed = result.progress == http_progress::complete;
    }
    if (headed)
      result.progress = requests.read_body(result.body);
  }
  result.head = requests.head();
  result.rest = std::string{requests.rest()} + std::string{bytes};
  result.fault = requests.fault();
  result.status = requests.fault_status();
  return result;
}

TEST(http_stream, a_request_is_read_however_it_is_cut) {
  std::string sized = "POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhelloGET ";
  std::string chunked = "POST /a?b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: t\r\n\r\nGET ";
  for (std::size_t step : {1, 2, 3, 7, 50, 1000})
    for (auto& text : {sized, chunked}) {
      auto got = read(text, step);
      ASSERT_EQ(got.progress, http_progress::complete) << got.fault << step;
      EXPECT_EQ(got.head.method, "POST");
      EXPECT_EQ(got.head.target, "/a?b");
      EXPECT_EQ(got.body, "hello");
      EXPECT_EQ(got.rest, "GET ");
      EXPECT_EQ(got.head.find("trailer"), std::nullopt) << "a trailer must not become a header";
      EXPECT_TRUE(got.head.keep_alive);
    }
}

TEST(http_stream, what_two_servers_could_read_differently_is_refused) {
  for (auto fields :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5, 6", "Content-Length: +5",
        "Content-Length: -1", "Content-Length: 0x5", "Content-Length : 5", "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: gzip", "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked", "X: a\rb", "X: a\x01", "X\x01: a", ": a"}) {
    auto got = read("POST / HTTP/1.1\r\nHost: h\r\n" + std::string{fields} + "\r\n\r\nhello");
    EXPECT_EQ(got.progress, http_progress::broken) << fields;
  }
  for (auto line : {"GET /\r\n", "GET  / HTTP/1.1\r\n", "GET / HTTP/1.2\r\n", "GET / HTTP/2.0\r\n",
                    "GE T / HTTP/1.1\r\n", "GET / x HTTP/1.1\r\n", "\x16\x03\x01\x02\r\n"})
    EXPECT_EQ(read(line + std::string{"Host: h\r\n\r\n"}).progress, http_progress::broken) << line;
  EXPECT_EQ(read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").progress,
            http_progress::broken);
}

TEST(http_stream, a_folded_field_comes_out_on_one_line) {
  auto got = read("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n");
  ASSERT_EQ(got.progress, http_progress::complete);
  EXPECT_EQ(got.head.find("X")->find_first_of("\r\n"), std::string_view::npos);
}

TEST(http_stream, heads_and_bodies_have_bounds) {
  http_bounds bounds{.head = 1000, .body = 10};
  auto long_field = "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(2000, 'x');
  for (std::size_t step : {1, 100, 5000}) {
    EXPECT_EQ(read(long_field, step, bounds).status, 431U) << step;
    EXPECT_EQ(read("GET /" + std::string(2000, 'x'), step, bounds).status, 431U) << step;
  }
  std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(read(head + "Content-Length: 11\r\n\r\n", 1000, bounds).status, 413U);
  auto chunks =
      read(head + "Transfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n5\r\n12345\r\n0\r\n\r\n", 1000, bounds);
  EXPECT_EQ(chunks.progress, http_progress::broken);
  EXPECT_EQ(chunks.status, 413U);
  auto endless_extension = head + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(100'000, 'x');
  EXPECT_EQ(read(endless_extension, 1000).progress, http_progress::broken);
}

TEST(http_stream, random_damage_never_gets_further_than_broken_or_more) {
  std::string good = "POST /api/v10/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n"
                     "3\r\nabc\r\n0\r\n\r\n";
  for (unsigned seed = 1; seed <= 5000; ++seed) {
    std::mt19937 random{seed};
    auto text = good;
    for (auto i = random() % 4; i > 0; --i)
      text[random() % text.size()] =
          static_cast<char>(random() % 3 == 0 ? random() : "\r\n :;0\t"[random() % 7]);
    auto got = read(text, 1 + random() % 40);
    for (auto& field : got.head.fields)
      ASSERT_EQ((field.name + field.value).find_first_of(std::string_view{"\r\n\0", 3}), std::string::npos)
          << "seed " << seed;
  }
}

http_head head_of(std::string_view text) {
  auto got = read(std::string{text} + "\r\n");
  EXPECT_NE(got.progress, http_progress::broken) << got.fault;
  return got.head;
}

TEST(http_heads, a_request_goes_on_without_what_belongs_to_its_connection) {
  auto from =
      head_of("POST /api/v10/x HTTP/1.1\r\nHost: here\r\nAuthorization: Bot secret\r\nUser-Agent: lib\r\n"
              "X-Audit-Log-Reason: because\r\nAccept-Encoding: gzip, br\r\nConnection: keep-alive, X-Mine\r\n"
              "X-Mine: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"
              "Expect: 100-continue\r\nProxy-Authorization: x\r\nContent-Length: 5\r\n");
  EXPECT_EQ(request_head(from, {"/api/v10/x", "discord.com", "Bot real", "ours"}),
            "POST /api/v10/x HTTP/1.1\r\nHost: discord.com\r\nAuthorization: Bot real\r\nUser-Agent: lib\r\n"
            "X-Audit-Log-Reason: because\r\nAccept-Encoding: gzip, br\r\nContent-Length: 5\r\n\r\n");
}

TEST(http_heads, a_request_without_token_agent_or_body_gets_what_discord_demands) {
  auto from = head_of("PUT /x HTTP/1.1\r\nHost: here\r\n");
  EXPECT_EQ(request_head(from, {"/y", "discord.com", {}, "ours"}),
            "PUT /y HTTP/1.1\r\nHost: discord.com\r\nUser-Agent: ours\r\nContent-Length: 0\r\n\r\n");
}

http_head answer_of(std::string_view text, bool to_head = false) {
  http_answers answers{{}};
  answers.next(to_head);
  answers.push(text);
  EXPECT_EQ(answers.read_head(), http_progress::complete);
  return answers.head();
}

TEST(http_heads, an_answer_keeps_its_rate_limits_and_its_framing_fits_the_client) {
  auto client = head_of("GET /x HTTP/1.1\r\nHost: h\r\n");
  auto old = head_of("GET /x HTTP/1.0\r\n");
  auto sized =
      answer_of("HTTP/1.1 429 Too Many Requests\r\nX-RateLimit-Reset-After: 1.5\r\nRetry-After: 2\r\n"
                "Set-Cookie: a=b\r\nSet-Cookie: c=d\r\nConnection: close\r\nAlt-Svc: h3\r\n"
                "Content-Length: 2\r\n\r\n{}");
  EXPECT_EQ(answer_head(sized, client, true),
            "HTTP/1.1 429 Too Many Requests\r\nX-RateLimit-Reset-After: 1.5\r\nRetry-After: 2\r\n"
            "Set-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 2\r\n\r\n");
  auto chunked = answer_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(answer_head(chunked, client, true), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(answer_head(chunked, old, false), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  auto endless = answer_of("HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(answer_head(endless, client, true), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  auto none = answer_of("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(answer_head(none, client, true), "HTTP/1.1 204 No Content\r\n\r\n");
  auto to_head = answer_of("HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n", true);
  EXPECT_EQ(answer_head(to_head, client, true), "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n");
}

TEST(http_heads, an_upgrade_is_told_from_other_requests) {
  std::string upgrade =
      "GET /?v=10 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  EXPECT_TRUE(asks_for_web_socket(head_of(upgrade)));
  EXPECT_FALSE(upgrade_objection(head_of(upgrade)));
  EXPECT_FALSE(
      asks_for_web_socket(head_of("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n")));
  auto changed = [&](std::string_view from, std::string_view to) {
    auto text = upgrade;
    text.replace(text.find(from), from.size(), to);
    return upgrade_objection(head_of(text));
  };
  EXPECT_EQ(changed("Version: 13", "Version: 8")->status, 426U);
  EXPECT_EQ(changed("dGhlIHNhbXBsZSBub25jZQ==", "short")->status, 400U);
  EXPECT_EQ(changed("GET", "PUT")->status, 400U);
}

TEST(http_heads, what_a_server_must_not_serve_is_objected_to) {
  EXPECT_EQ(objection_to(head_of("GET / HTTP/1.1\r\n"))->status, 400U);
  EXPECT_EQ(objection_to(head_of("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n"))->status, 400U);
  EXPECT_EQ(
      objection_to(head_of("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n"))->status,
      400U);
  EXPECT_EQ(objection_to(head_of("TRACE / HTTP/1.1\r\nHost: a\r\n"))->status, 405U);
  EXPECT_EQ(objection_to(head_of("GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n"))->status, 417U);
  EXPECT_FALSE(objection_to(head_of("GET / HTTP/1.0\r\n")));
}

} // namespace
} // namespace shardyard::net
