// One bot's socket as the switch sees it: HELLO, heartbeats, limits, the order in which a payload is checked,
// and which close code answers what (Gateway reference, "Connection Lifecycle"; Opcodes and Status Codes).
// What is done with a valid payload is its owner's business. Not thread-safe.
#pragma once

#include "actors/bot_session/client_payload.hpp"
#include "actors/bot_session/send_window.hpp"
#include "net/bot_link.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

namespace shardyard {

class bot_connection;
class bot_session;

/// Takes the valid payloads of its connections. Calls may close the connection.
class connection_owner {
public:
  using time = std::chrono::steady_clock::time_point;

  virtual time now() const = 0;
  virtual client_payload read(std::string_view payload) = 0;
  virtual void identified(bot_connection& from, const identification_sent& x) = 0;
  virtual void resumed(bot_connection& from, const resume_sent& x) = 0;
  virtual void said_presence(bot_connection& from, std::string_view d) = 0;
  virtual void commanded(bot_connection& from, const command_sent& x) = 0;
  virtual void drained(bot_connection& from) = 0;
  /// The connection has closed, or is being closed: its session, if any, is without it from now on. `ended`:
  /// the bot has ended the session too.
  virtual void detached(bot_connection& from, bool ended) = 0;
  /// The last call: the socket is gone.
  virtual void gone(bot_connection& from) = 0;

protected:
  ~connection_owner() = default;
};

class bot_connection : public net::bot_events {
public:
  using time = connection_owner::time;

  struct limits {
    std::chrono::milliseconds heartbeat{41'250};
    std::chrono::milliseconds identify_patience{60'000};
  };

  bot_connection(connection_owner& owner, std::shared_ptr<net::bot_link> link, limits bounds, time now);

  /// The owner goes: nothing is called any more.
  void leave_owner() { owner_ = nullptr; }

  /// HELLO, or the close that a wrong query is answered with.
  void open(const net::bot_query& query);

  /// Set by the owner: the session that it carries.
  void attach(bot_session& session, time now);
  void detach() { session_ = nullptr; }
  bot_session* session() const { return session_; }
  net::bot_link& link() { return *link_; }

  /// READY or RESUMED is on its way: heartbeats are counted from here at the latest.
  void greeted(time now);

  /// op 9 `d:false`: the bot may IDENTIFY or RESUME on the same socket.
  void say_invalid(time now);

  void close(std::uint16_t code);
  bool closing() const { return closing_; }

  void tick(time now);
  /// When tick() has something to do; time_point::max(): never.
  time deadline() const;

  void on_payload(std::string_view payload) override;
  void on_undecodable() override;
  void on_drained() override;
  void on_closed(std::uint16_t code) override;

private:
  void handle(const payload_refused& x);
  void handle(const heartbeat_sent& x);
  void handle(const identification_sent& x);
  void handle(const resume_sent& x);
  void handle(const presence_sent& x);
  void handle(const command_sent& x);
  bool open_for_handshake();
  bool authenticated();

  connection_owner* owner_;
  std::shared_ptr<net::bot_link> link_;
  limits limits_;
  send_window payloads_{120, std::chrono::seconds{60}};
  send_window presences_{5, std::chrono::seconds{20}};
  bot_session* session_ = nullptr;
  bool waiting_ = false; // for READY
  bool closing_ = false;
  time silent_since_; // without IDENTIFY or RESUME
  time last_beat_;
};

} // namespace shardyard
