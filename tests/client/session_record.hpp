// What one session of a client was told, over all its connections: every dispatch with its sequence, and the
// words of the gateway. Thread-safe; a test waits for conditions on it, never for time.
#pragma once

#include "net/gateway_link.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace shardyard::client {

using namespace std::chrono_literals;

struct heard_event {
  std::uint64_t s = 0;
  std::string name;
  snowflake guild = 0;
  std::uint16_t flags = 0;
  event_type_id type = unknown_event;
  std::size_t size = 0; ///< bytes of d
  std::string d;        ///< of short events only
};

struct session_story {
  std::string session_id, resume_url;
  std::set<snowflake> awaited; ///< guilds of READY that have not arrived
  std::vector<heard_event> events;
  std::vector<std::uint64_t> own; ///< sequences of READY and RESUMED
  std::uint64_t last_s = 0;
  std::size_t readies = 0, resumes = 0;

  std::size_t count(std::string_view name, std::optional<snowflake> guild = std::nullopt) const {
    std::size_t n = 0;
    for (auto& x : events)
      n += x.name == name && (!guild || x.guild == *guild);
    return n;
  }
  std::size_t about(snowflake guild) const {
    std::size_t n = 0;
    for (auto& x : events)
      n += x.guild == guild;
    return n;
  }
};

/// What the present connection did.
struct line_story {
  bool hello = false;
  std::size_t reconnects = 0, acks = 0;
  std::vector<bool> invalid; ///< op 9: resumable
  std::optional<net::close_reason> closed;
};

class session_record {
public:
  session_story session;
  line_story line;

  /// Waits until `holds(session, line)`; a failure of the test names `what` when it does not come about.
  template <class Condition>
  bool await(const char* what, Condition holds) {
    std::unique_lock lock{mutex};
    auto came = changed.wait_for(lock, 20s, [&] { return holds(session, line); });
    EXPECT_TRUE(came) << "waited in vain for " << what << "; last_s " << session.last_s
                      << ", closed: " << (line.closed ? line.closed->text : "no");
    return came;
  }

  /// Runs `change` or reads under the lock.
  template <class Work>
  auto locked(Work work) {
    std::lock_guard lock{mutex};
    changed.notify_all();
    return work(session, line);
  }

  std::mutex mutex;
  std::condition_variable changed;
};

/// One connection's listener; writes into the record of its session.
class line_listener final : public net::link_events {
public:
  explicit line_listener(std::shared_ptr<session_record> record) : record_(std::move(record)) {}

  void on_hello(std::chrono::milliseconds) override {
    record_->locked([](session_story&, line_story& line) { line.hello = true; });
  }
  void on_events(event_block block) override {
    record_->locked([&](session_story& x, line_story&) {
      for (auto& e : block.entries)
        note(x, block, e);
    });
  }
  void on_ready(net::ready_view ready) override {
    record_->locked([&](session_story& x, line_story&) {
      auto readies = x.readies + 1;
      x = {};
      x.readies = readies;
      x.session_id = std::move(ready.session_id);
      x.resume_url = std::move(ready.resume_gateway_url);
      x.own = {ready.s};
      x.last_s = ready.s;
      for (auto& guild : ready.guilds)
        x.awaited.insert(guild.id);
    });
  }
  void on_resumed(std::uint64_t s) override {
    record_->locked([&](session_story& x, line_story&) {
      ++x.resumes;
      x.own.push_back(s);
      x.last_s = std::max(x.last_s, s);
    });
  }
  void on_reconnect() override {
    record_->locked([](session_story&, line_story& line) { ++line.reconnects; });
  }
  void on_invalid_session(bool resumable) override {
    record_->locked([&](session_story&, line_story& line) { line.invalid.push_back(resumable); });
  }
  void on_heartbeat_ack(std::uint64_t) override {
    record_->locked([](session_story&, line_story& line) { ++line.acks; });
  }
  void on_closed(const net::close_reason& reason) override {
    record_->locked([&](session_story&, line_story& line) { line.closed = reason; });
  }

private:
  static void note(session_story& x, const event_block& block, const event_entry& e) {
    auto d = block.data(e);
    std::string name{block.name(e)};
    if (name == "GUILD_CREATE")
      x.awaited.erase(e.guild);
    x.events.push_back({e.s, std::move(name), e.guild, e.flags, e.type, d.size(),
                        d.size() < 4096 ? std::string{d} : std::string{}});
    x.last_s = std::max(x.last_s, e.s);
  }

  std::shared_ptr<session_record> record_;
};

} // namespace shardyard::client
