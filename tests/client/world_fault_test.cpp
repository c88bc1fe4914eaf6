// Faults of the world behind the connection: outages, delays, repeated and unknown events, guilds that come
// and go, and what GET /gateway/bot says.
#include "tests/client/driver.hpp"

#include <random>

namespace shardyard::client {
namespace {

struct world_fault : testing::Test {
  discord at;
  shard_client who{at};

  json::object of_guild(const char* kind, snowflake guild) {
    return {{"kind", kind}, {"guild", std::to_string(guild)}};
  }
};

TEST_F(world_fault, an_outage_is_marked_and_ends_with_a_snapshot) {
  who.identify();
  auto guild = who.any_guild();
  EXPECT_EQ(at.fault(of_guild("outage", guild)), 1u);
  ASSERT_NO_FATAL_FAILURE(who.catch_up());
  auto gone = who.last("GUILD_DELETE");
  EXPECT_EQ(gone.guild, guild);
  EXPECT_TRUE(gone.flags & unavailable_flag);
  auto before = who.about(guild);
  at.emit(1000);
  ASSERT_NO_FATAL_FAILURE(who.catch_up());
  EXPECT_EQ(who.about(guild), before);
  EXPECT_EQ(at.fault({{"kind", "outage_end"}}), 1u);
  who.expect_the_truth();
  EXPECT_EQ(who.count("GUILD_CREATE", guild), 2u);
  EXPECT_FALSE(who.last("GUILD_CREATE").flags & unavailable_flag);
}

TEST_F(world_fault, an_outage_that_began_and_ended_while_away_comes_with_the_resume) {
  who.identify();
  auto guild = who.any_guild();
  at.fault({{"kind", "reset"}});
  who.closed();
  EXPECT_EQ(at.fault(of_guild("outage", guild)), 1u);
  at.emit(100);
  EXPECT_EQ(at.fault(of_guild("outage_end", guild)), 1u);
  who.resume();
  who.expect_the_truth();
  EXPECT_EQ(who.count("GUILD_DELETE", guild), 1u);
  EXPECT_EQ(who.count("GUILD_CREATE", guild), 2u);
}

TEST_F(world_fault, a_constant_lag_loses_nothing_over_a_reset) {
  who.identify();
  EXPECT_EQ(at.fault({{"kind", "delay"}, {"ms", 150}}), 1u);
  at.emit(200);
  at.fault({{"kind", "reset"}});
  who.closed();
  who.resume();
  at.emit(100);
  who.expect_the_truth();
}

TEST_F(world_fault, what_discord_says_twice_is_heard_twice) {
  who.identify();
  EXPECT_EQ(at.fault({{"kind", "duplicate"}}), 1u);
  at.emit(1);
  EXPECT_EQ(at.fault({{"kind", "duplicate"}, {"session", who.session_id()}}), 1u);
  at.emit(1);
  who.expect_the_truth();
  EXPECT_EQ(at.stat("occurrences"), 4u);
  auto heard = who.record->locked([](auto& x, auto&) { return x.events; });
  std::erase_if(heard, [](auto& x) { return x.name == "GUILD_CREATE"; });
  ASSERT_EQ(heard.size(), 4u);
  std::map<std::string, int> times;
  for (auto& x : heard)
    ++times[x.name + x.d];
  for (auto& [event, n] : times)
    EXPECT_EQ(n % 2, 0) << event;
}

TEST_F(world_fault, an_event_that_only_this_session_misses_leaves_no_gap_in_its_sequence) {
  who.identify();
  EXPECT_EQ(at.fault({{"kind", "drop_event"}}), 1u);
  at.emit(20);
  who.expect_the_truth();
  EXPECT_EQ(who.count("GUILD_CREATE"), 24u);
  EXPECT_EQ(who.events(), 24u + 19u + (at.stat("occurrences") - 20));
}

TEST_F(world_fault, an_unknown_event_is_handed_on_with_its_guild) {
  who.identify();
  auto guild = who.any_guild();
  EXPECT_EQ(at.fault(of_guild("unknown_event", guild)), 1u);
  ASSERT_NO_FATAL_FAILURE(who.catch_up());
  auto heard = who.last("GUILD_LANTERN_UPDATE");
  EXPECT_EQ(heard.type, unknown_event);
  EXPECT_EQ(heard.guild, guild);
  EXPECT_EQ(at.fault({{"kind", "unknown_event"}}), 1u);
  who.expect_the_truth();
  EXPECT_EQ(who.last("GUILD_LANTERN_UPDATE").guild, 0u);
  EXPECT_EQ(who.count("GUILD_LANTERN_UPDATE"), 2u);
}

TEST_F(world_fault, guilds_are_joined_and_left_without_being_mistaken_for_outages) {
  who.identify();
  auto guild = at.join();
  ASSERT_NO_FATAL_FAILURE(who.catch_up());
  EXPECT_EQ(who.count("GUILD_CREATE", guild), 1u);
  at.fault({{"kind", "reset"}});
  who.closed();
  EXPECT_EQ(at.fault(of_guild("leave", guild)), 1u);
  auto second = at.join();
  who.resume();
  who.expect_the_truth();
  EXPECT_EQ(who.count("GUILD_CREATE", second), 1u);
  auto left = who.last("GUILD_DELETE");
  EXPECT_EQ(left.guild, guild);
  EXPECT_FALSE(left.flags & unavailable_flag);
}

TEST_F(world_fault, many_random_faults_lose_double_and_reorder_nothing) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random{seed};
  who.identify();
  at.rate(2000);
  std::vector<snowflake> joined;
  for (int round = 0; round < 60; ++round) {
    switch (random() % 8) {
    case 0:
      at.fault({{"kind", "reset"}});
      who.closed();
      who.resume();
      break;
    case 1:
      at.fault({{"kind", "close"}, {"code", 4000}});
      who.closed();
      who.resume();
      break;
    case 2:
      at.fault({{"kind", "invalid_session"}, {"resumable", true}});
      who.record->await("op 9", [](auto&, auto& line) { return !line.invalid.empty(); });
      who.close();
      who.resume();
      break;
    case 3:
      at.fault({{"kind", "delay"}, {"ms", random() % 10}});
      break;
    case 4:
      at.fault(of_guild("outage", who.any_guild()));
      break;
    case 5:
      at.fault({{"kind", "outage_end"}});
      break;
    case 6:
      joined.push_back(at.join());
      break;
    case 7:
      if (!joined.empty()) {
        at.fault(of_guild("leave", joined.back()));
        joined.pop_back();
      }
      break;
    }
    at.emit(static_cast<int>(random() % 40));
  }
  at.rate(0);
  who.expect_the_truth();
  EXPECT_EQ(at.stat("identifies_used"), 1u);
}

// ---- GET /gateway/bot

struct gateway_bot_fault : testing::TestWithParam<bool> {
  discord at{small_discord(), GetParam()};
  net::io_thread io;

  net::gateway_bot_answer ask() {
    net::rest_settings chosen;
    chosen.api_base = at.server.api_base();
    chosen.token = shard_client::token;
    chosen.ca_file = at.ca_file();
    std::promise<net::gateway_bot_answer> answer;
    net::get_gateway_bot(io, chosen, [&](net::gateway_bot_answer x) { answer.set_value(std::move(x)); });
    return answer.get_future().get();
  }
};

TEST_P(gateway_bot_fault, tells_how_little_budget_is_left) {
  at.fault({{"kind", "budget"}, {"remaining", 1}});
  auto before = ask();
  ASSERT_TRUE(std::holds_alternative<net::gateway_bot>(before)) << net::to_string(before);
  EXPECT_EQ(std::get<net::gateway_bot>(before).remaining, 1u);
  EXPECT_EQ(std::get<net::gateway_bot>(before).url, at.server.gateway_url());
  shard_client who{at};
  who.identify();
  auto after = std::get<net::gateway_bot>(ask());
  EXPECT_EQ(after.remaining, 0u);
  EXPECT_GT(after.reset_after, 23h);
  at.fault({{"kind", "reset"}});
  who.closed();
  at.emit(50);
  who.resume(); // needs no budget
  who.expect_the_truth();
}

TEST_P(gateway_bot_fault, a_429_says_how_long_to_wait_and_then_passes) {
  at.fault({{"kind", "rate_limit"}, {"retry_after", 0.3}});
  auto first = ask();
  ASSERT_TRUE(std::holds_alternative<net::rate_limited>(first)) << net::to_string(first);
  EXPECT_GT(std::get<net::rate_limited>(first).retry_after, 0ms);
  EXPECT_LE(std::get<net::rate_limited>(first).retry_after, 1000ms);
  EXPECT_FALSE(std::get<net::rate_limited>(first).global);
  auto until = std::chrono::steady_clock::now() + 20s;
  auto answer = ask();
  while (std::holds_alternative<net::rate_limited>(answer) && std::chrono::steady_clock::now() < until)
    answer = ask();
  EXPECT_TRUE(std::holds_alternative<net::gateway_bot>(answer)) << net::to_string(answer);
  EXPECT_EQ(json::serialize(at.get("/violations")), "[]");
}

INSTANTIATE_TEST_SUITE_P(client, gateway_bot_fault, testing::Bool(),
                         [](auto& x) { return x.param ? "tls" : "plain"; });

} // namespace
} // namespace shardyard::client
