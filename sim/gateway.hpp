// The simulated Discord without sockets: the world, its sessions, the limits on IDENTIFY, the truth and the
// faults. Owns all of them; connections come in as `link`. Every call passes the moment; one thread.
#pragma once

#include "sim/application_commands.hpp"
#include "sim/connect_query.hpp"
#include "sim/event_source.hpp"
#include "sim/fault.hpp"
#include "sim/identify_limiter.hpp"
#include "sim/interaction_book.hpp"
#include "sim/link.hpp"
#include "sim/session.hpp"
#include "sim/settings.hpp"
#include "sim/truth_log.hpp"
#include "sim/violations.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>

namespace shardyard::sim {

struct member_request;

class gateway {
public:
  /// `resume_url` is what READY names; without query and trailing slash.
  gateway(const settings& chosen, std::string resume_url, moment now);

  /// A WebSocket was opened: sends HELLO, or closes it if the query is unacceptable. `out` must live until
  /// `disconnected` or until one of its closing functions was called. Returns the client's number.
  std::uint64_t connect(link& out, const connect_query& query, moment now);

  /// A message of the client.
  void receive(std::uint64_t client, std::string_view text, moment now);

  /// The client sent something that is no text message.
  void undecodable(std::uint64_t client, std::string complaint, moment now);

  /// The connection is gone. `code`: of the client's close frame; 1006 when there was none.
  void disconnected(std::uint64_t client, int code, moment now);

  /// Lets the world and all timers go on to `now`.
  void advance(moment now);

  fault_result apply(const fault& what, moment now);
  void set_rate(double events_per_second) { rate_ = events_per_second; }
  double rate() const { return rate_; }
  double interaction_rate() const { return interaction_rate_; }
  void set_interaction_rate(double per_second) { interaction_rate_ = per_second; }
  void emit(std::uint64_t count, moment now);

  /// The bot writes into a channel of a guild; `d` of the MESSAGE_CREATE. None: there is no such channel.
  std::optional<std::string> post(snowflake channel, const own_message& message, moment now);
  snowflake fresh_id(moment now) { return world_.fresh_id(world_time(now)); }

  /// Whether the header `Bot <token>` names the bot.
  bool authorised(std::string_view header) const;
  std::uint32_t recommended_shards() const;
  interaction_book& interactions() { return interactions_; }
  application_commands& commands() { return commands_; }
  identify_limiter& identifies() { return limiter_; }
  std::optional<moment> rate_limited_until() const { return rate_limited_until_; }

  const settings& chosen() const { return settings_; }
  const world& all() const { return world_; }
  const truth_log& truth() const { return truth_; }
  violations& broken() { return violations_; }
  const std::map<std::uint32_t, std::unique_ptr<session>>& sessions() const { return sessions_; }

  struct counters {
    std::uint64_t occurrences = 0, copies = 0, connections = 0, in_flight = 0, unwritten_bytes = 0,
                  unacked_bytes = 0;
  };
  counters count() const;

private:
  struct client {
    link* out = nullptr;
    bool gone = false;
    std::uint32_t node = 0;
    session* current = nullptr;
    moment opened_at{};
    moment last_beat{};
    std::deque<moment> sent;           ///< the last minute's payloads
    std::deque<moment> presences;      ///< the last 20 s of op 3
    std::optional<moment> ask_beat_at; ///< op 1 is to be sent
    std::optional<moment> beat_due;    ///< op 1 was sent; the client's own is expected until then
    std::optional<moment> hello_at;    ///< HELLO is to be sent
    std::optional<moment> invalid_at;  ///< op 9 false is to be sent
    std::optional<moment> refused_at;  ///< op 9 was sent
    std::optional<moment> cut_at;
  };

  // gateway.cpp: connections and timers
  void check(client& who, moment now);
  void send_hello(client& who);
  void close(client& who, int code, std::string_view reason, moment now);
  /// Takes the session off the connection; null when there was none or it was not READY yet and so ended.
  session* detach(client& who, moment now);
  void violated(const client& who, std::string rule, std::string text, moment now);
  void ask_for_heartbeat(client& who, moment now);
  void send_reconnect(client& who, moment now);
  void send_invalid(client& who, bool resumable, moment now);

  // gateway_protocol.cpp: what clients say
  void handle(std::uint64_t number, client& who, const boost::json::object& message, moment now);
  void identify(std::uint64_t number, client& who, const boost::json::object& d, moment now);
  bool acceptable(client& who, const boost::json::object& d, session::declared& as, moment now);
  void resume(std::uint64_t number, client& who, const boost::json::object& d, moment now);
  bool token_matches(const boost::json::object& d) const;
  void budget_overrun(moment now);

  // gateway_requests.cpp: what clients ask for on a session
  void command(client& who, int op, const boost::json::object* d, moment now);
  /// nullptr: the session does not have it.
  guild* guild_of(const session& which, snowflake id);
  void reply(session& to, const guild& in, std::string_view name, std::string d, moment now);
  void presence(client& who, const boost::json::object* d, moment now);
  void show_presence(const session& from, const boost::json::object& wanted, moment now);
  void send_members(client& who, member_request request, moment now);
  void send_sounds(session& to, const guild& in, moment now);
  void send_channel_info(session& to, const guild& in, const boost::json::array& fields, moment now);
  void set_voice(session& from, guild& in, snowflake channel, bool mute, bool deaf, moment now);
  void tell_bot_voice(guild& in, moment now);
  void leave_voice(const session& ended, moment now);

  // gateway_fanout.cpp: what sessions get
  void greet(session& which, moment now);
  void stream_guilds(session& which, moment now);
  void show_guild(session& which, std::uint32_t index, moment now, std::size_t padding = 0);
  void lose_guild(session& which, std::uint32_t index, moment now);
  void release(session& which, moment now);
  void happen(occurrence what, moment now);
  bool deliver(session& which, const occurrence& what, moment now);
  void end(session& which, std::string_view reason, moment now);
  std::size_t replay_limit(std::size_t guild_count) const;
  template <class Visit>
  void each_session_of(snowflake guild, Visit visit) {
    for (auto& [count, shards] : layouts_)
      for (auto* which : shards[(guild >> 22) % count])
        visit(*which);
  }

  // gateway_faults.cpp
  std::vector<session*> targets(const fault& what);
  fault_result join(moment now);
  fault_result leave(const fault& what, moment now);
  fault_result unknown_event(const fault& what, moment now);
  bool strike(session& which, const fault& what, moment now);

  moment world_time(moment now) const { return now + settings_.clock_skew; }

  settings settings_;
  std::string resume_url_;
  world world_;
  event_source source_;
  random_source delays_;
  identify_limiter limiter_;
  interaction_book interactions_;
  application_commands commands_;
  truth_log truth_;
  violations violations_;
  bool token_valid_ = true;
  std::optional<moment> rate_limited_until_;

  std::unordered_map<std::uint64_t, client> clients_;
  std::uint64_t last_client_ = 0;
  std::map<std::uint32_t, std::unique_ptr<session>> sessions_;
  std::unordered_map<std::string, session*> by_id_;
  std::map<std::uint32_t, std::vector<std::vector<session*>>> layouts_; ///< shard count, shard id
  std::uint32_t last_session_ = 0;
  std::unordered_map<snowflake, moment> member_requests_; ///< per guild, the last for all members

  moment last_advance_;
  double rate_;
  double event_credit_ = 0;
  double interaction_rate_;
  double interaction_credit_ = 0;
  std::uint32_t duplicates_ = 0;
  std::uint64_t copies_ = 0;
};

} // namespace shardyard::sim
