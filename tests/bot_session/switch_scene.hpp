// A bot_switch between fake bots and a fake cluster, in virtual time: verbs for what bots and groups do, and
// records of what each bot got.
#pragma once

#include "actors/bot_session/bot_switch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

using namespace std::chrono_literals;

struct got_dispatch {
  std::string t;
  std::uint64_t s = 0;
  std::string d;
  bool operator==(const got_dispatch&) const = default;
};

/// The bot's end: what arrived. A slow link takes what drain() allows.
class fake_link : public net::bot_link {
public:
  void dispatch(std::string_view t, std::uint64_t s, std::string_view d) override {
    got.push_back({std::string{t}, s, std::string{d}});
    if (slow)
      queued_ += d.size() + 1;
  }
  void send(std::string_view payload) override { sent.emplace_back(payload); }
  void compress_payloads() override { compressed = true; }
  std::size_t queued() const override { return queued_; }
  void close(std::uint16_t code, std::string_view) override {
    if (!closed)
      closed = code;
  }
  void abort() override { closed = 1006; }

  std::size_t count(std::string_view t) const {
    return static_cast<std::size_t>(std::ranges::count(got, t, &got_dispatch::t));
  }
  const got_dispatch* find(std::string_view t) const {
    auto found = std::ranges::find(got, t, &got_dispatch::t);
    return found == got.end() ? nullptr : &*found;
  }
  bool was_sent(std::string_view op) const {
    return std::ranges::any_of(sent,
                               [&](auto& x) { return x.find("\"op\":" + std::string{op} + ",") != x.npos; });
  }

  std::vector<got_dispatch> got;
  std::vector<std::string> sent;
  std::optional<std::uint16_t> closed;
  bool compressed = false;
  bool slow = false;
  std::size_t queued_ = 0;
};

struct fake_cluster : cluster_port {
  struct listing {
    std::uint32_t asker;
    guild_filter which;
  };
  struct fetching {
    std::uint32_t asker;
    snapshot_request wanted;
  };
  void list_guilds(std::uint32_t asker, const guild_filter& which) override {
    lists.push_back({asker, which});
  }
  void fetch_guilds(std::uint32_t asker, const snapshot_request& wanted) override {
    fetches.push_back({asker, wanted});
  }
  void command(const bot_command& x) override { commands.push_back(x); }
  void presence(const bot_presence& x) override { presences.push_back(x); }

  std::vector<listing> lists;
  std::vector<fetching> fetches;
  std::vector<bot_command> commands;
  std::vector<bot_presence> presences;
};

inline constexpr snowflake bot_user = 982934807904649217;

/// The guild whose shard is `slot` under every count above it.
constexpr snowflake guild_at(std::uint64_t slot) {
  return slot << 22 | 1;
}

inline constexpr snowflake guild = guild_at(40); ///< where most claims are made

struct delivered {
  std::string_view t;
  snowflake guild = 0;
  std::uint64_t n = 0;
  std::string d = "{}";
  std::uint32_t asker = 0;
  std::uint16_t flags = 0;
  snowflake channel = 0;
  std::uint64_t epoch = 1;
  std::uint64_t s = 0; ///< 0: one that no other event has
};

inline event_block block_of(const std::vector<delivered>& events) {
  event_block block;
  std::string bytes;
  for (auto& x : events) {
    event_entry e;
    e.guild = x.guild;
    e.n = x.n;
    e.channel = x.channel;
    e.epoch = x.epoch;
    e.flags = x.flags;
    e.asker = x.asker;
    static std::uint64_t last_s = 1'000'000;
    e.s = x.s != 0 ? x.s : ++last_s;
    e.type = find_event_type(x.t);
    e.lane = type_of(e.type).lane;
    e.t_offset = static_cast<std::uint32_t>(bytes.size());
    e.t_size = static_cast<std::uint16_t>(x.t.size());
    bytes += x.t;
    e.d_offset = static_cast<std::uint32_t>(bytes.size());
    e.d_size = static_cast<std::uint32_t>(x.d.size());
    bytes += x.d;
    block.entries.push_back(e);
  }
  block.bytes = std::make_shared<const std::string>(std::move(bytes));
  return block;
}

/// One bot's socket.
struct fake_bot {
  std::shared_ptr<fake_link> link = std::make_shared<fake_link>();
  std::shared_ptr<net::bot_events> events;

  void say(const std::string& payload) { events->on_payload(payload); }
  void say(int op, const std::string& d) { say(R"({"op":)" + std::to_string(op) + R"(,"d":)" + d + "}"); }
  void leave(std::uint16_t code) { events->on_closed(code); }
};

class switch_scene {
public:
  static constexpr std::uint64_t every_intent = 53608447;

  explicit switch_scene(bot_switch_settings given = {}) {
    if (given.intents == 0)
      given.intents = every_intent;
    given.resume_url = "ws://127.0.0.1:7500";
    given.seed = 7;
    given.find_bot = [this](std::string_view token) {
      auto found = bots.find(std::string{token});
      return bot_name{found == bots.end() ? std::string{} : found->second};
    };
    subject.emplace(std::move(given), cluster);
    subject->set_clock([this] { return now; });
  }

  void know_the_bot() {
    subject->set_identity(R"({"id":"982934807904649217","username":"Lantern","bot":true})",
                          R"({"id":"982934807904649217","flags":0})", bot_user, now);
  }

  fake_bot connect(net::bot_query query = {}) {
    fake_bot result;
    result.events = subject->connected(result.link, query, now);
    return result;
  }

  static std::string identify_fields(std::uint64_t intents, const std::string& more = {},
                                     const std::string& token = "secret") {
    return R"({"token":")" + token + R"(","properties":{},"intents":)" + std::to_string(intents) + more + "}";
  }

  /// A socket on which IDENTIFY was said; the cluster has not answered.
  fake_bot identify(std::uint64_t intents = every_intent, const std::string& more = {},
                    const std::string& token = "secret") {
    auto result = connect();
    result.say(2, identify_fields(intents, more, token));
    return result;
  }

  void list(const std::vector<snowflake>& guilds) {
    subject->guilds_listed(cluster.lists.back().asker, guilds, now);
  }

  /// Answers the newest request for guilds: each with a GUILD_CREATE that holds deliveries up to `n`.
  void fetch(std::uint64_t n = 0) {
    auto request = cluster.fetches.back();
    std::vector<guild_snapshot> rows;
    std::string bytes;
    for (auto guild : request.wanted.guilds) {
      auto d = created(guild);
      rows.push_back({guild, n, static_cast<std::uint32_t>(d.size()), false});
      bytes += d;
    }
    subject->guilds_fetched(request.asker, rows, bytes, now);
  }

  static std::string created(snowflake guild) {
    return R"({"id":")" + std::to_string(guild) + R"(","name":"x"})";
  }

  /// A session that has READY and its guilds.
  fake_bot live(const std::vector<snowflake>& guilds, std::uint64_t intents = every_intent,
                const std::string& more = {}, const std::string& token = "secret") {
    know_the_bot();
    auto result = identify(intents, more, token);
    list(guilds);
    auto asked = cluster.fetches.size();
    if ((intents & 1) != 0 && !guilds.empty() && asked > 0)
      fetch();
    return result;
  }

  void deliver(const std::vector<delivered>& events) { subject->deliver({block_of(events)}, now); }

  void pass(std::chrono::milliseconds span) {
    auto end = now + span;
    while (subject->next_tick() <= end) {
      now = std::max(now, subject->next_tick());
      subject->tick(now);
    }
    now = end;
    subject->tick(now);
  }

  static std::string session_in(std::string_view ready) {
    return std::string{ready.substr(ready.find(R"("session_id":")") + 14, 32)};
  }

  static std::string session_of(const fake_bot& bot) {
    auto* ready = bot.link->find("READY");
    return ready ? session_in(ready->d) : std::string{};
  }

  /// A new socket on which RESUME was said.
  fake_bot resume(const std::string& session, std::uint64_t seq, const std::string& token = "secret") {
    auto result = connect();
    result.say(6, R"({"token":")" + token + R"(","session_id":")" + session + R"(","seq":)" +
                      std::to_string(seq) + "}");
    return result;
  }

  std::map<std::string, std::string> bots{{"secret", "lantern"}, {"other-secret", "beacon"}};
  bot_switch::time now{1000h};
  fake_cluster cluster;
  std::optional<bot_switch> subject;
};

} // namespace shardyard
