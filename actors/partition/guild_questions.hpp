// Op 31 and op 43 of all bots in one group of partitions: sounds and channels of a guild (Gateway Events,
// "Request Soundboard Sounds", "Request Channel Info"). Their answers name the guild alone, so one question
// of a kind is asked of a guild at a time, and what a session still owes is kept. Bots that ask the same at
// the same time share an answer. Plain class, time is an argument.
#pragma once

#include "actors/partition/asked_upstream.hpp"
#include "actors/partition/desk_words.hpp"

#include <deque>
#include <map>
#include <tuple>

namespace shardyard {

class guild_questions {
public:
  explicit guild_questions(const desk_tuning& tuning) : tuning_(&tuning) {}

  /// Op 31 may name several guilds of the group.
  void take(const bot_command& x, const desk_port& port, desk_output& out, monotonic now);
  void look(const desk_port& port, desk_output& out, monotonic now);

  /// An answer to op `op` about `guild`, brought by this session.
  desk_reading answered(std::uint8_t op, snowflake guild, std::uint32_t session);

  std::size_t open() const { return open_; }

private:
  struct question {
    std::uint64_t id = 0;
    std::string bot; ///< of the first who asked
    std::string d;   ///< op 31: empty
    std::vector<std::uint32_t> askers;
    asked_upstream asked;
    monotonic until{0}; ///< 0: not its turn yet
  };
  struct debt {
    std::uint64_t question = 0;
    std::string d; ///< of the question
    monotonic until{};
  };
  using subject = std::pair<std::uint8_t, snowflake>;                ///< op, guild
  using debtor = std::tuple<std::uint32_t, std::uint8_t, snowflake>; ///< session, op, guild

  void ask(const subject& about, std::uint32_t asker, const std::string& bot, std::string d);
  /// Whether it goes on.
  bool step(const subject& about, question& x, const desk_port& port, desk_output& out, monotonic now);
  void send(const subject& about, question& x, const leading_session& lead, desk_output& out, monotonic now);

  const desk_tuning* tuning_;
  std::map<subject, std::deque<question>> lines_;
  std::map<debtor, std::deque<debt>> debts_;
  std::uint64_t ids_ = 0;
  std::size_t open_ = 0;
};

} // namespace shardyard
