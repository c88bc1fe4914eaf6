// One shard as a patient client of a simulated Discord in the same process: identifies, resumes, injects
// faults, and compares what it heard with what really happened. All waiting of these tests is in here and
// bounded.
#pragma once

#include "net/io_thread.hpp"
#include "net/rest.hpp"
#include "sim/server.hpp"
#include "tests/client/session_record.hpp"

#include <boost/json.hpp>

#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include <stdlib.h>
#include <unistd.h>

namespace shardyard::client {

namespace json = boost::json;

/// Small, immediate, and silent until told to speak.
inline sim::settings small_discord() {
  sim::settings chosen;
  chosen.guilds = 24;
  chosen.large_guilds = chosen.medium_guilds = 0;
  chosen.hello_delay = 0ms;
  chosen.ready_delay = 0ms;
  chosen.guild_create_rate = 0;
  chosen.mix = sim::event_mix::no_presences;
  chosen.identify_spacing = 0ms;
  chosen.copy_delay_max = 4ms;
  chosen.tick = 1ms;
  return chosen;
}

/// A simulated Discord, TLS with a certificate of its own if asked for.
class discord {
public:
  explicit discord(sim::settings chosen = small_discord(), bool tls = false) : server(with_tls(chosen, tls)) {
    if (tls)
      std::ofstream{ca_file_} << server.ca_pem();
  }
  ~discord() {
    if (!ca_file_.empty())
      std::filesystem::remove(ca_file_);
  }
  discord(const discord&) = delete;
  discord& operator=(const discord&) = delete;

  /// POST /fault; how many it hit.
  std::uint64_t fault(const json::object& what) {
    return post("/fault", what).at("hit").to_number<std::uint64_t>();
  }
  snowflake join() {
    return std::stoull(std::string{post("/fault", {{"kind", "join"}}).at("guild").as_string()});
  }
  void emit(int events) { post("/world", {{"emit", events}}); }
  void rate(double per_second) { post("/world", {{"rate", per_second}}); }

  json::object post(std::string_view target, const json::object& body) {
    auto reply = server.request("POST", target, json::serialize(body));
    EXPECT_EQ(reply.status, 200) << reply.body;
    return json::parse(reply.body).as_object();
  }
  json::value get(std::string_view target) { return json::parse(server.request("GET", target).body); }
  std::uint64_t stat(std::string_view name) { return get("/stats").at(name).to_number<std::uint64_t>(); }

  /// The row of GET /sessions, none when the session has ended.
  std::optional<json::object> session(const std::string& id) {
    auto rows = get("/sessions");
    for (auto& row : rows.as_array())
      if (row.at("id").as_string() == id)
        return row.as_object();
    return std::nullopt;
  }

  std::string ca_file() const { return ca_file_; }

private:
  sim::settings with_tls(sim::settings chosen, bool tls) {
    chosen.self_signed = tls;
    if (tls) {
      auto name = (std::filesystem::temp_directory_path() / "shardyard-ca-XXXXXX").string();
      ::close(::mkstemp(name.data()));
      ca_file_ = name;
    }
    return chosen;
  }

  std::string ca_file_;

public:
  sim::server server;
};

struct client_wishes {
  std::uint32_t shard = 0, count = 1;
  net::compression compress = net::compression::none;
  std::size_t max_message_bytes = 64 << 20;
};

class shard_client {
public:
  explicit shard_client(discord& at, client_wishes wishes = {}) : at_(at), wishes_(wishes) {}

  std::shared_ptr<session_record> record = std::make_shared<session_record>();

  /// A connection with HELLO seen.
  void connect(const std::string& url) {
    link_.reset();
    record->locked([](session_story&, line_story& line) { line = {}; });
    // A callback of the old connection may still be under way; it writes into a record that nobody reads.
    auto fresh = std::make_shared<session_record>();
    fresh->session = record->locked([](session_story& x, line_story&) { return x; });
    record = fresh;
    net::link_settings chosen;
    chosen.url = url;
    chosen.compress = wishes_.compress;
    chosen.ca_file = at_.ca_file();
    chosen.max_message_bytes = wishes_.max_message_bytes;
    chosen.close_timeout = 300ms;
    link_ = std::make_unique<net::gateway_link>(io_, chosen, std::make_shared<line_listener>(record));
    record->await("HELLO", [](auto&, auto& line) { return line.hello; });
  }

  /// IDENTIFY on the present connection, until READY and all its guilds are there.
  void identify_here() {
    auto before = record->locked([](session_story& x, line_story&) { return x.readies; });
    net::identify_payload say;
    say.token = token;
    say.intents = intents;
    say.shard_id = wishes_.shard;
    say.shard_count = wishes_.count;
    EXPECT_EQ(link_->identify(say), net::send_status::accepted);
    record->await("READY and its guilds",
                  [&](auto& x, auto&) { return x.readies > before && x.awaited.empty(); });
  }

  void identify() {
    connect(at_.server.gateway_url());
    identify_here();
  }

  /// RESUME on the present connection, until RESUMED.
  void resume_here() {
    auto [session, s, before] = record->locked([](session_story& x, line_story&) {
      return std::tuple{x.session_id, x.last_s, x.resumes};
    });
    EXPECT_EQ(link_->resume(session, token, s), net::send_status::accepted);
    record->await("RESUMED", [&](auto& x, auto&) { return x.resumes > before; });
  }

  /// A new connection to the session's own URL.
  void resume() {
    connect(record->locked([](session_story& x, line_story&) { return x.resume_url; }));
    resume_here();
  }

  /// RESUME that the server is expected to refuse with op 9.
  bool resume_is_refused() {
    connect(record->locked([](session_story& x, line_story&) { return x.resume_url; }));
    auto [session, s] = record->locked([](session_story& x, line_story&) {
      return std::tuple{x.session_id, x.last_s};
    });
    EXPECT_EQ(link_->resume(session, token, s), net::send_status::accepted);
    record->await("op 9", [](auto&, auto& line) { return !line.invalid.empty(); });
    return record->locked(
        [](session_story&, line_story& line) { return line.invalid == std::vector{false}; });
  }

  net::close_reason closed() {
    record->await("the end of the connection", [](auto&, auto& line) { return line.closed.has_value(); });
    return record->locked(
        [](session_story&, line_story& line) { return line.closed.value_or(net::close_reason{}); });
  }

  net::close_reason close(std::uint16_t code = net::resumable_close) {
    link_->close(code);
    return closed();
  }

  net::gateway_link& link() { return *link_; }
  std::string session_id() {
    return record->locked([](session_story& x, line_story&) { return x.session_id; });
  }
  std::size_t events() {
    return record->locked([](session_story& x, line_story&) { return x.events.size(); });
  }
  std::size_t count(std::string_view name, std::optional<snowflake> guild = std::nullopt) {
    return record->locked([&](session_story& x, line_story&) { return x.count(name, guild); });
  }
  std::size_t about(snowflake guild) {
    return record->locked([&](session_story& x, line_story&) { return x.about(guild); });
  }
  heard_event last(std::string_view name) {
    return record->locked([&](session_story& x, line_story&) {
      heard_event result;
      for (auto& e : x.events)
        if (e.name == name)
          result = e;
      return result;
    });
  }
  snowflake any_guild() {
    return record->locked([](session_story& x, line_story&) {
      for (auto& e : x.events)
        if (e.name == "GUILD_CREATE")
          return e.guild;
      return snowflake{0};
    });
  }

  /// Until everything that the server has sent, or still delays, is heard.
  void catch_up() {
    auto until = std::chrono::steady_clock::now() + 20s;
    auto row = at_.session(session_id());
    while (row && row->at("in_flight").to_number<std::uint64_t>() > 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << "copies are delayed for too long";
      std::unique_lock lock{record->mutex};
      record->changed.wait_for(lock, 2ms);
      lock.unlock();
      row = at_.session(session_id());
    }
    ASSERT_TRUE(row) << "the session has ended at the server";
    auto s = row->at("s").to_number<std::uint64_t>();
    record->await("the newest sequence", [s](auto& x, auto&) { return x.last_s >= s; });
  }

  /// Catches up, then compares every sequence with GET /truth: exactly once, in order, of the right name and
  /// guild. No rule may have been broken.
  void expect_the_truth();

  static constexpr auto token = "simulated.bot.token";
  static constexpr std::uint64_t intents = 53'608'447; ///< every documented one

private:
  discord& at_;
  client_wishes wishes_;
  net::io_thread io_;
  std::unique_ptr<net::gateway_link> link_;
};

/// What GET /truth says about one session.
struct session_truth {
  struct occurrence {
    std::string name;
    snowflake guild = 0;
  };
  std::map<std::uint64_t, occurrence> carried; ///< by sequence

  session_truth(const std::string& lines, const std::string& session_id) {
    std::map<std::uint64_t, occurrence> happened;
    std::optional<std::uint64_t> session;
    std::istringstream in{lines};
    for (std::string line; std::getline(in, line);) {
      auto row = json::parse(line).as_array();
      auto& letter = row.at(0).as_string();
      auto number = row.at(1).to_number<std::uint64_t>();
      if (letter == "o")
        happened[number] = {std::string{row.at(3).as_string()},
                            std::stoull(std::string{row.at(2).as_string()})};
      else if (letter == "S" && row.at(2).as_string() == session_id)
        session = number;
      else if (letter == "c" && number == session)
        carried[row.at(2).to_number<std::uint64_t>()] = happened.at(row.at(3).to_number<std::uint64_t>());
    }
  }
};

inline void shard_client::expect_the_truth() {
  ASSERT_NO_FATAL_FAILURE(catch_up());
  EXPECT_EQ(json::serialize(at_.get("/violations")), "[]");
  auto heard = record->locked([](session_story& x, line_story&) { return x; });
  session_truth truth{at_.server.request("GET", "/truth").body, heard.session_id};
  std::uint64_t before = 0;
  std::set<std::uint64_t> seen{heard.own.begin(), heard.own.end()};
  ASSERT_EQ(seen.size(), heard.own.size());
  for (auto& x : heard.events) {
    ASSERT_GT(x.s, before) << "out of order, or twice: " << x.name;
    before = x.s;
    ASSERT_TRUE(seen.insert(x.s).second) << "sequence " << x.s << " twice";
    if (auto found = truth.carried.find(x.s); found != truth.carried.end()) {
      EXPECT_EQ(x.name, found->second.name) << "sequence " << x.s;
      EXPECT_EQ(x.guild, found->second.guild) << "sequence " << x.s;
    } else {
      EXPECT_TRUE(x.name == "GUILD_CREATE" || x.name == "GUILD_DELETE") << x.name << " never happened";
    }
  }
  EXPECT_EQ(seen.size(), heard.last_s) << "a sequence is missing";
  for (auto& [s, what] : truth.carried)
    EXPECT_TRUE(seen.contains(s)) << what.name << " with sequence " << s << " never came";
}

} // namespace shardyard::client
