// A gateway with a clock that only the test moves, and the words that its tests are written in.
#pragma once

#include "tests/sim/recorded_link.hpp"

#include <gtest/gtest.h>

#include <list>

namespace shardyard::sim {

inline settings small_world() {
  settings chosen;
  chosen.guilds = 24;
  chosen.hello_delay = std::chrono::milliseconds{0};
  chosen.ready_delay = std::chrono::milliseconds{0};
  chosen.guild_create_rate = 0;
  chosen.mix = event_mix::no_presences;
  chosen.max_concurrency = 16;
  return chosen;
}

class scenario {
public:
  explicit scenario(settings chosen = small_world()) : discord(chosen, "ws://127.0.0.1:1", now) {}

  struct client {
    recorded_link line;
    std::uint64_t number = 0;
  };

  client& connect(std::string_view target = "/?v=10&encoding=json") {
    auto& made = clients.emplace_back();
    made.number = discord.connect(made.line, parse_connect_query(target), now);
    return made;
  }

  void say(client& who, std::string_view text) { discord.receive(who.number, text, now); }

  client& identified(std::uint32_t id, std::uint32_t count, std::uint64_t intents = known_intents) {
    auto& made = connect();
    say(made, identify_text(id, count, intents));
    return made;
  }

  static std::string identify_text(std::uint32_t id, std::uint32_t count,
                                   std::uint64_t intents = known_intents,
                                   std::string token = "simulated.bot.token") {
    return R"({"op":2,"d":{"token":")" + token + R"(","properties":{},"intents":)" + std::to_string(intents) +
           R"(,"shard":[)" + std::to_string(id) + "," + std::to_string(count) + "]}}";
  }

  static std::string session_of(const client& who) {
    return std::string{who.line.dispatches("READY").at(0).at("d").at("session_id").as_string()};
  }

  static std::string resume_text(std::string_view session, std::uint64_t seq) {
    return R"({"op":6,"d":{"token":"simulated.bot.token","session_id":")" + std::string{session} +
           R"(","seq":)" + std::to_string(seq) + "}}";
  }

  /// Time passes in steps of 2 ms; clients heartbeat.
  void pass(std::chrono::milliseconds duration) {
    for (auto end = now + duration; now < end;) {
      now += std::chrono::milliseconds{2};
      discord.advance(now);
    }
  }

  std::string truth() const {
    std::string lines;
    truth_log::reader{discord.truth()}.read(lines, SIZE_MAX);
    return lines;
  }

  std::vector<boost::json::array> truth_rows(std::string_view letter) const {
    std::vector<boost::json::array> rows;
    auto lines = truth();
    for (std::size_t at = 0; at < lines.size();) {
      auto end = lines.find('\n', at);
      auto row = boost::json::parse(lines.substr(at, end - at)).get_array();
      if (row.at(0).as_string() == boost::json::string_view{letter})
        rows.push_back(std::move(row));
      at = end + 1;
    }
    return rows;
  }

  std::vector<std::string> broken_rules() {
    std::vector<std::string> rules;
    for (auto& row : discord.broken().rows())
      rules.push_back(row.rule);
    return rules;
  }

  moment now = from_unix_ms(1'795'000'000'000);
  gateway discord;
  std::list<client> clients;
};

} // namespace shardyard::sim
