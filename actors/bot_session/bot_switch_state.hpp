// Inside of bot_switch: the sessions and connections of an endpoint and what is done with each input. Only
// the bot_switch*.cpp files see it.
#pragma once

#include "actors/bot_session/answer_memory.hpp"
#include "actors/bot_session/bot_connection.hpp"
#include "actors/bot_session/bot_session.hpp"
#include "actors/bot_session/bot_switch.hpp"
#include "actors/bot_session/command_book.hpp"
#include "actors/bot_session/delivery_ring.hpp"
#include "actors/bot_session/delivery_scopes.hpp"
#include "actors/bot_session/voice_claims.hpp"

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace shardyard {

struct bot_switch::state final : connection_owner {
  state(bot_switch_settings given, cluster_port& port);
  ~state();

  bot_switch_settings settings;
  cluster_port& cluster;
  std::function<time()> clock = [] { return std::chrono::steady_clock::now(); };
  std::mt19937_64 random;
  client_payload_reader reader;

  std::vector<std::shared_ptr<bot_connection>> connections;
  std::vector<std::unique_ptr<bot_session>> sessions;
  delivery_ring ring;
  delivery_scopes scopes;
  command_book commands;

  std::string user, application;
  snowflake self = 0;
  bool has_identity = false;

  answer_memory answers;
  voice_claims voices;

  std::uint64_t last_presence = 0;
  std::vector<bot_session*> touched; // got something since the last flush
  std::size_t without_guilds = 0;    ///< live sessions that are sent no guilds
  bool any_lost = false;
  std::uint64_t identifies = 0, resumes = 0, invalid = 0, holes = 0, gaps = 0;

  // -- connection_owner: bot_switch_clients.cpp

  time now() const override { return clock(); }
  client_payload read(std::string_view payload) override { return reader.read(payload); }
  void identified(bot_connection& from, const identification_sent& x) override;
  void resumed(bot_connection& from, const resume_sent& x) override;
  void said_presence(bot_connection& from, std::string_view d) override;
  void commanded(bot_connection& from, const command_sent& x) override;
  void drained(bot_connection& from) override;
  void detached(bot_connection& from, bool ended) override;
  void gone(bot_connection& from) override;

  std::uint16_t refusal_of(const identification_sent& x, bot_name& name) const;
  bool make_room();
  void start(bot_connection& from, const identification_sent& x, bot_name name);
  void tell_presence(const bot_session& of, std::string_view d);
  void request_sounds(const bot_session& from, const command_sent& x);

  // -- sessions: bot_switch.cpp

  bot_session* find(std::uint32_t asker);
  bot_session* find(std::string_view id);
  void end(bot_session& x); ///< forgets it; a connection of it stays open without session
  void lose(bot_session& x, session_loss how) {
    if (!x.lost())
      x.loss = how;
    any_lost = true;
  }
  void end_lost(time now);
  void tick(bot_session& x, time now);
  time deadline(const bot_session& x) const;

  // -- guilds of a session: bot_switch_guilds.cpp

  bool may_fetch(const bot_session& x) const; ///< its link has room for another batch
  void try_ready(bot_session& x, time now);
  void fetch_more(bot_session& x, time now);
  void fetched(bot_session& x, const guild_snapshot& row, std::string_view d, time now);
  void show_guild(bot_session& x, guild_seat& seat, const guild_snapshot& row, std::string_view d,
                  guild_backfill::wanted& wanted, time now);
  bool shown(const bot_session& x, event_type_id type, snowflake guild, std::string_view d) const;
  void catch_up(bot_session& x, const guild_snapshot& row, std::uint64_t since);
  void tell_overdue(bot_session& x, time now);

  // -- events: bot_switch_delivery.cpp

  void deliver(const event_block& block, const event_entry& e, time now);
  void append(bot_session& to, std::uint64_t position);
  void touch(bot_session& x);
  void flush(time now); ///< sends what was appended, ends what was lost
  void pump(bot_session& x, time now);
  void break_off(const event_entry& e, delivery_scope& scope, delivery_place place);

private:
  struct arrival;
  void voice_server(arrival& in);
  void answer(arrival& in, std::uint32_t asker);
  void joined(arrival& in, delivery_scope& scope);
  void left(arrival& in, delivery_scope& scope);
  void to_all(arrival& in);
  void to_seats(arrival& in, delivery_scope& scope);
};

/// Whether a session is sent its guilds at all.
inline bool has_guilds(const bot_session& x) {
  return (x.intents & 1) != 0;
}

} // namespace shardyard
