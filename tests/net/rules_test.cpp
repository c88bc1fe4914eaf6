#include "net/backoff.hpp"
#include "net/close_codes.hpp"
#include "net/heartbeat.hpp"
#include "net/send_limit.hpp"
#include "net/url.hpp"

#include <deque>
#include <map>
#include <random>

#include <gtest/gtest.h>

namespace shardyard::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using clock = std::chrono::steady_clock;

TEST(close_codes, every_code_of_the_reference_has_its_reaction) {
  using enum reaction;
  std::map<int, reaction> expected{{1000, resume}, {1001, resume},   {1005, resume},   {1006, resume},
                                   {4000, resume}, {4001, resume},   {4002, resume},   {4003, identify},
                                   {4004, fatal},  {4005, resume},   {4006, identify}, {4007, identify},
                                   {4008, resume}, {4009, identify}, {4010, fatal},    {4011, fatal},
                                   {4012, fatal},  {4013, fatal},    {4014, fatal}};
  for (auto [code, what] : expected) {
    EXPECT_EQ(rule_of(code).code, code);
    EXPECT_EQ(rule_of(code).reaction, what) << code;
    EXPECT_FALSE(rule_of(code).text.empty()) << code;
  }
}

TEST(close_codes, an_unlisted_code_leaves_the_session_to_be_resumed) {
  for (int code = 0; code <= 0xFFFF; ++code)
    ASSERT_TRUE(rule_of(code).code == code || rule_of(code).reaction == reaction::resume) << code;
  EXPECT_EQ(rule_of(4015).code, 0);
}

TEST(close_codes, only_1000_and_1001_end_our_session) {
  EXPECT_TRUE(ends_session(1000));
  EXPECT_TRUE(ends_session(1001));
  EXPECT_FALSE(ends_session(resumable_close));
}

TEST(backoff, bounds_double_from_one_second_to_sixty_and_start_again_after_a_success) {
  backoff delay{42};
  for (int expected : {1, 2, 4, 8, 16, 32, 60, 60}) {
    EXPECT_EQ(delay.bound(), seconds{expected});
    EXPECT_LE(delay.next(), seconds{expected});
  }
  delay.reset();
  EXPECT_EQ(delay.bound(), seconds{1});
}

TEST(backoff, draws_from_the_whole_range_and_repeats_with_its_seed) {
  milliseconds least = milliseconds::max(), most{0};
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    backoff one{seed}, two{seed};
    auto drawn = one.next();
    ASSERT_EQ(drawn, two.next()) << "seed " << seed;
    least = std::min(least, drawn);
    most = std::max(most, drawn);
  }
  EXPECT_LT(least, milliseconds{100});
  EXPECT_GT(most, milliseconds{900});
}

TEST(send_limit, no_window_of_sixty_seconds_ever_holds_more_than_120_payloads) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    std::mt19937 random{seed};
    send_limit limit;
    limit.reserve_for(milliseconds{41'250});
    std::deque<std::pair<clock::time_point, bool>> sent;
    auto now = clock::time_point{} + seconds{1000};
    for (int i = 0; i < 3000; ++i) {
      now += milliseconds{random() % (random() % 20 == 0 ? 20'000 : 300)};
      auto beat = random() % 10 == 0;
      if (!(beat ? limit.may_beat(now) : limit.may_send(now)))
        continue;
      limit.sent(now);
      sent.emplace_back(now, beat);
      while (sent.front().first + seconds{60} <= now)
        sent.pop_front();
      ASSERT_LE(sent.size(), 120U) << "seed " << seed;
    }
  }
}

TEST(send_limit, slots_stay_free_for_heartbeats) {
  send_limit limit;
  limit.reserve_for(milliseconds{41'250});
  EXPECT_EQ(limit.reserved(), 4U);
  auto now = clock::time_point{} + seconds{1000};
  int sent = 0;
  for (; limit.may_send(now); ++sent)
    limit.sent(now);
  EXPECT_EQ(sent, 116);
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(limit.may_beat(now));
    limit.sent(now);
  }
  EXPECT_FALSE(limit.may_beat(now));
  EXPECT_EQ(limit.next_slot(), now + seconds{60});
  EXPECT_FALSE(limit.may_send(limit.next_slot() - milliseconds{1}));
  EXPECT_TRUE(limit.may_send(limit.next_slot()));
}

TEST(send_limit, a_tiny_interval_reserves_half_at_most) {
  send_limit limit;
  limit.reserve_for(milliseconds{0});
  EXPECT_EQ(limit.reserved(), 60U);
}

TEST(heartbeat, the_first_beat_is_jittered_and_the_rest_keep_the_interval) {
  heartbeat heart;
  auto start = clock::time_point{} + seconds{10};
  heart.start(milliseconds{40'000}, 0.25, start);
  EXPECT_EQ(heart.due(), start + seconds{10});
  heart.beat(5, start + seconds{10} + milliseconds{7});
  EXPECT_EQ(heart.due(), start + seconds{50}) << "a late timer does not add up";
}

TEST(heartbeat, missed_beats_are_not_sent_in_a_row) {
  heartbeat heart;
  auto start = clock::time_point{};
  heart.start(milliseconds{1000}, 0, start);
  heart.beat(0, start + seconds{10});
  EXPECT_EQ(heart.due(), start + seconds{11});
}

TEST(heartbeat, a_beat_without_ack_until_the_next_is_a_zombie) {
  heartbeat heart;
  auto now = clock::time_point{};
  heart.start(milliseconds{1000}, 0, now);
  EXPECT_FALSE(heart.overdue()) << "nothing has been sent yet";
  heart.beat(7, now);
  EXPECT_TRUE(heart.overdue());
  EXPECT_EQ(heart.acknowledged(), 7U);
  EXPECT_FALSE(heart.overdue());
}

TEST(heartbeat, each_ack_names_the_sequence_its_beat_carried) {
  heartbeat heart;
  auto now = clock::time_point{};
  heart.start(milliseconds{1000}, 0, now);
  heart.beat(10, now);
  heart.extra_beat(20, now + milliseconds{900});
  EXPECT_EQ(heart.acknowledged(), 10U);
  EXPECT_FALSE(heart.overdue()) << "the extra beat went out after the scheduled one and has its time still";
  EXPECT_EQ(heart.acknowledged(), 20U);
  EXPECT_EQ(heart.acknowledged(), std::nullopt);
}

TEST(heartbeat, missing_acks_prove_nothing_when_the_socket_was_not_read) {
  heartbeat heart;
  auto now = clock::time_point{};
  heart.start(milliseconds{1000}, 0, now);
  heart.beat(1, now);
  heart.forgive();
  EXPECT_FALSE(heart.overdue());
  heart.beat(2, now + seconds{1});
  EXPECT_EQ(heart.acknowledged(), 1U);
  EXPECT_TRUE(heart.overdue()) << "the beat after that counts again";
}

TEST(url, parts_of_gateway_addresses_are_found) {
  auto plain = parse_url("wss://gateway.discord.gg");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "gateway.discord.gg");
  EXPECT_EQ(plain->port, 443);
  EXPECT_EQ(plain->path, "/");
  EXPECT_EQ(plain->authority(), "gateway.discord.gg");
  auto full = parse_url("ws://[::1]:8080/a/b?x=1&y=2#part");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->host, "::1");
  EXPECT_EQ(full->authority(), "[::1]:8080");
  EXPECT_EQ(full->target(), "/a/b?x=1&y=2");
  EXPECT_EQ(parse_url("wss://Gateway.Discord.GG/")->host, "gateway.discord.gg");
}

TEST(url, what_could_smuggle_something_into_a_request_is_no_url) {
  for (auto text :
       {"", "gateway.discord.gg", "ftp://host", "wss://", "wss:///path", "wss://user@host", "wss://host:0",
        "wss://host:70000", "wss://host:1a", "wss://ho st", "wss://host/a\r\nX: y", "wss://host/a b",
        "wss://[::1", "wss://[gg]", "wss://[::1]x", "wss://h\xC3\xB6st", "wss://host/\"", "wss://host:-1"})
    EXPECT_FALSE(parse_url(text)) << text;
}

TEST(url, the_query_of_a_connection_is_ours_and_path_and_port_are_the_servers) {
  auto query = [](const char* text, compression mode) { return with_gateway_query(*parse_url(text), mode); };
  EXPECT_EQ(query("wss://g.gg", compression::none).target(), "/?v=10&encoding=json");
  EXPECT_EQ(query("wss://g.gg/", compression::zstd_stream).target(),
            "/?v=10&encoding=json&compress=zstd-stream");
  auto other = query("wss://g.gg:8443/resume?old=1", compression::zlib_stream);
  EXPECT_EQ(other.target(), "/resume?v=10&encoding=json&compress=zlib-stream");
  EXPECT_EQ(other.authority(), "g.gg:8443");
}

TEST(url, loopback_is_recognised_by_address_and_never_by_prefix_of_a_name) {
  for (auto host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (auto host :
       {"128.0.0.1", "127.0.0.1.example.org", "localhost.example.org", "::2", "0.0.0.0", "10.0.0.1", ""})
    EXPECT_FALSE(is_loopback_host(host)) << host;
}

TEST(url, the_user_agent_has_the_form_that_discord_demands) {
  EXPECT_TRUE(default_user_agent().starts_with("DiscordBot (https://"));
}

} // namespace
} // namespace shardyard::net
