// Op 4 of all bots in one group of partitions: who speaks in which guild, and joins that are still on their
// way (Gateway Events, "Update Voice State"). Plain class, time is an argument.
#pragma once

#include "actors/partition/asked_upstream.hpp"
#include "actors/partition/desk_words.hpp"

#include <map>

namespace shardyard {

/// Where the bot stands in a guild's voice channels, and how.
struct voice_seat {
  snowflake channel = 0; ///< 0: nowhere
  std::string session_id;
  bool mute = false; ///< by itself
  bool deaf = false;
};

class voice_asks {
public:
  explicit voice_asks(const desk_tuning& tuning) : tuning_(&tuning) {}

  void take(const bot_command& x, const desk_port& port, desk_output& out, monotonic now);
  void look(const desk_port& port, desk_output& out, monotonic now);

  /// VOICE_SERVER_UPDATE of the guild: whose connection it is.
  desk_reading server_update(snowflake guild);
  /// The bot's own voice state in the guild.
  void seated(snowflake guild, snowflake channel);
  /// The guild's lead was cut while the bot was there: the same channel once more, through the new lead.
  /// Sent at the next look().
  void rejoin(snowflake guild, const voice_seat& where, desk_output& out);

  /// A join is on its way: the guild must not be cut now.
  bool joining(snowflake guild) const;
  std::size_t open() const { return asks_.size(); }

private:
  struct ask {
    std::uint32_t asker = 0;
    std::string bot;
    std::string d;
    snowflake channel = 0;
    asked_upstream asked;
    monotonic until{0}; ///< 0: not sent yet
  };

  /// Whether it goes on.
  bool step(snowflake guild, ask& x, const desk_port& port, desk_output& out, monotonic now);
  void put(snowflake guild, ask x, const desk_port& port, desk_output& out, monotonic now);

  const desk_tuning* tuning_;
  std::map<snowflake, ask> asks_; ///< the newest of each guild
  struct speaker {
    std::uint32_t asker = 0;
    std::string bot;
  };
  std::map<snowflake, speaker> speakers_;
};

} // namespace shardyard
