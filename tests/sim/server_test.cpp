#include "sim/server.hpp"
#include "tests/sim/raw_client.hpp"
#include "tests/sim/scenario.hpp"

#include <fstream>

namespace shardyard::sim {
namespace {

namespace json = boost::json;

settings on_loopback(bool tls = false) {
  auto chosen = small_world();
  chosen.self_signed = tls;
  chosen.tick = std::chrono::milliseconds{1};
  return chosen;
}

/// Reads until a dispatch of this name; counts what it passed.
json::object read_until(raw_client& from, std::string_view name,
                        std::map<std::string, int>* passed = nullptr) {
  for (;;) {
    auto message = json::parse(from.receive()).get_object();
    if (message.at("op") != 0)
      continue;
    std::string t{message.at("t").as_string()};
    if (t == name)
      return message;
    if (passed)
      ++(*passed)[t];
  }
}

json::value get(server& at, std::string_view target) {
  return json::parse(at.request("GET", target).body);
}

class every_transport : public testing::TestWithParam<std::tuple<bool, std::string>> {};

TEST_P(every_transport, carries_hello_ready_all_guilds_and_a_resume_on_the_other_port) {
  auto [tls, compress] = GetParam();
  server at{on_loopback(tls)};
  auto query = "v=10&encoding=json" + compress;
  std::string session;
  std::uint64_t seq = 0;
  {
    raw_client first{at.port(), at.ca_pem()};
    first.open(query);
    EXPECT_EQ(json::parse(first.receive()).at("op"), 10);
    first.say(scenario::identify_text(0, 1));
    auto ready = read_until(first, "READY");
    session = ready.at("d").at("session_id").as_string();
    auto url = std::string{ready.at("d").at("resume_gateway_url").as_string()};
    EXPECT_TRUE(url.ends_with(":" + std::to_string(at.resume_port())));
    EXPECT_NE(url, at.gateway_url());
    for (auto i = 0; i < 24; ++i)
      seq = read_until(first, "GUILD_CREATE").at("s").to_number<std::uint64_t>();
    first.close(4000);
    EXPECT_THROW(first.receive(), raw_client::ended);
  }
  at.request("POST", "/world", R"({"emit":50})");
  raw_client second{at.resume_port(), at.ca_pem()};
  second.open(query);
  second.say(scenario::resume_text(session, seq - 5));
  std::map<std::string, int> passed;
  read_until(second, "RESUMED", &passed);
  EXPECT_GE(passed["GUILD_CREATE"], 5);
  EXPECT_EQ(get(at, "/stats").at("identifies_used"), 1);
  EXPECT_EQ(get(at, "/violations").as_array().size(), 0u);
}

INSTANTIATE_TEST_SUITE_P(server, every_transport,
                         testing::Combine(testing::Bool(), testing::Values("", "&compress=zlib-stream",
                                                                           "&compress=zstd-stream")));

TEST(server, a_split_zlib_message_arrives_whole) {
  auto chosen = on_loopback();
  chosen.split_bytes = 100;
  server at{chosen};
  raw_client who{at.port()};
  who.open("v=10&encoding=json&compress=zlib-stream");
  who.say(scenario::identify_text(0, 1));
  for (auto i = 0; i < 24; ++i)
    read_until(who, "GUILD_CREATE");
}

TEST(server, close_codes_reach_the_client) {
  server at{on_loopback()};
  for (auto& [text, code] : std::map<std::string, int>{
           {scenario::identify_text(5, 2), 4010}, {R"({"op":3,"d":{}})", 4003}, {"no json", 4002}}) {
    raw_client who{at.port()};
    who.open();
    who.receive();
    who.say(text);
    try {
      who.receive();
      FAIL() << "still open after " << text;
    } catch (const raw_client::ended& end) {
      EXPECT_EQ(end.code, code);
    }
  }
  EXPECT_EQ(get(at, "/violations").as_array().size(), 3u);
}

TEST(server, reset_drop_and_half_open_look_different_to_the_client) {
  server at{on_loopback()};
  for (auto body : {R"({"kind":"reset"})", R"({"kind":"close"})"}) {
    at.request("POST", "/world", R"({"rate":0})");
    raw_client who{at.port()};
    who.open();
    who.say(scenario::identify_text(body[9] == 'r' ? 0 : 1, 2));
    read_until(who, "READY");
    EXPECT_EQ(json::parse(at.request("POST", "/fault", body).body).at("hit"), 1);
    try {
      for (;;)
        who.receive();
    } catch (const raw_client::ended& end) {
      EXPECT_EQ(end.code, 1006);
    }
  }
  raw_client who{at.port()};
  who.open();
  who.say(scenario::identify_text(2, 4));
  auto session = std::string{read_until(who, "READY").at("d").at("session_id").as_string()};
  at.request("POST", "/fault", R"({"kind":"half_open","session":")" + session + "\"}");
  who.say(R"({"op":1,"d":null})"); // nobody answers, nobody refuses
  raw_client other{at.port()};
  other.open();
  other.say(scenario::resume_text(session, 1));
  read_until(other, "RESUMED");
}

TEST(server, truth_is_served_over_http_without_tls_even_when_the_gateway_has_tls) {
  server at{on_loopback(true)};
  at.request("POST", "/world", R"({"emit":20000})");
  raw_client plain{at.port()};
  auto text = plain.http("GET", "/truth");
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200")) << text.substr(0, 100);
  EXPECT_NE(text.find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_NE(text.find(R"(["o",20000,)"), std::string::npos);
  EXPECT_TRUE(text.ends_with("0\r\n\r\n"));
  raw_client rest{at.port()};
  EXPECT_TRUE(rest.http("GET", "/api/v10/gateway").starts_with("HTTP/1.1 400"));
}

TEST(server, a_reader_too_slow_loses_its_line_but_not_its_session) {
  auto chosen = on_loopback();
  chosen.max_queue_bytes = 100'000;
  server at{chosen};
  raw_client who{at.port()};
  who.open();
  who.say(scenario::identify_text(0, 1));
  read_until(who, "READY");
  auto sessions = [&] { return get(at, "/sessions").as_array(); };
  for (auto i = 0; i < 1000 && sessions().at(0).at("state") == "live"; ++i)
    at.request("POST", "/world", R"({"emit":500})");
  EXPECT_EQ(sessions().at(0).at("state"), "disconnected");
  EXPECT_EQ(get(at, "/violations").as_array().size(), 0u);
}

TEST(server, hello_may_come_in_the_segment_of_the_upgrade_or_later) {
  for (auto delay : {0, 20}) {
    auto chosen = on_loopback();
    chosen.hello_delay = std::chrono::milliseconds{delay};
    server at{chosen};
    raw_client patient{at.port()};
    patient.open();
    EXPECT_EQ(json::parse(patient.receive()).at("op"), 10);
    raw_client hasty{at.port()};
    hasty.open();
    hasty.say(scenario::identify_text(static_cast<std::uint32_t>(delay > 0), 2));
    EXPECT_EQ(json::parse(hasty.receive()).at("op"), 10);
    read_until(hasty, "READY");
  }
}

TEST(server, permessage_deflate_is_declined) {
  server at{on_loopback()};
  raw_client who{at.port()};
  who.open();
  EXPECT_EQ(who.head.find("Extensions"), std::string::npos);
}

TEST(server, a_stranger_s_certificate_is_not_trusted) {
  server at{on_loopback(true)}, other{on_loopback(true)};
  EXPECT_THROW((raw_client{at.port(), other.ca_pem()}), std::runtime_error);
}

TEST(server, settings_that_cannot_work_are_refused) {
  server first{on_loopback()};
  auto taken = on_loopback();
  taken.port = first.port();
  EXPECT_ANY_THROW(server{taken});
  auto nonsense = on_loopback();
  nonsense.max_concurrency = 0;
  EXPECT_THROW(server{nonsense}, std::invalid_argument);
  auto missing = on_loopback();
  missing.certificate_file = missing.key_file = "/nonexistent.pem";
  EXPECT_ANY_THROW(server{missing});
}

TEST(server, the_truth_stays_after_stop) {
  server at{on_loopback()};
  at.request("POST", "/world", R"({"emit":3})");
  at.stop();
  EXPECT_EQ(std::ranges::count(at.request("GET", "/truth").body, '\n'), 3);
}

} // namespace
} // namespace shardyard::sim
