// Where one request of a bot has been asked of Discord, and whether it has to be asked again: a request
// belongs to the session that leads its guild, and leads change. Plain class, time is an argument.
#pragma once

#include "actors/partition/guild_handover.hpp"
#include "messages/ids.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace shardyard {

/// The session that leads a guild at this moment.
struct leading_session {
  shard_key shard;
  std::uint32_t number = 0; ///< of the session in its group; 0: none lives
  std::string session_id;
  bool connected = false;
};

/// What the desk asks of its partitions.
class desk_port {
public:
  virtual ~desk_port() = default;
  /// Nothing: the bot is not in the guild.
  virtual std::optional<leading_session> lead(snowflake guild) const = 0;
  /// The session has not been lost for good.
  virtual bool lives(std::uint32_t session) const = 0;
  /// The `members` array for these users of the guild; nothing: not all of them are kept.
  virtual std::optional<std::string> members(snowflake guild, std::span<const snowflake> users) const {
    static_cast<void>(guild);
    static_cast<void>(users);
    return std::nullopt;
  }
};

struct desk_tuning {
  monotonic hold = std::chrono::seconds(30);   ///< for a guild without a live lead, then the bot is told
  monotonic life = std::chrono::seconds(60);   ///< of a request for members
  monotonic owed = std::chrono::seconds(300);  ///< longer than a session lives without connection: a RESUME
                                               ///< replays its answers
  monotonic answer = std::chrono::seconds(15); ///< for sounds and channels: then the next in line is asked
  monotonic again = std::chrono::seconds(
      10); ///< unanswered for so long: asked once more, then after twice as long, and so on
  monotonic spacing = std::chrono::seconds(30); ///< all members of a guild (Gateway reference, rate limits)
  std::size_t most_open = 4096;                 ///< requests
  std::size_t most_of_bot = 256;                ///< of them
};

class asked_upstream {
public:
  enum class step : std::uint8_t {
    wait,
    ask,     ///< the lead, now
    give_up, ///< nobody could be asked for too long
    drop,    ///< the bot has left the guild: Discord would not answer either
  };

  /// `again`: see desk_tuning; 0: an answer is not promised, so silence is no reason to ask again.
  /// `not_before`: Discord would refuse it.
  step next(const desk_port& port, snowflake guild, const desk_tuning& tuning, monotonic again,
            monotonic not_before, monotonic now);

  /// Asked of this session; returns the number of the try, from 0.
  std::size_t asked(std::uint32_t session, monotonic now);
  /// Try `which` has begun to answer. False: another one did before, and its session lives.
  bool answers(std::size_t which);
  std::size_t tries() const { return tries_.size(); }

private:
  static constexpr std::size_t most_tries = 200;

  struct attempt {
    std::uint32_t session = 0; ///< 0: lost
    monotonic at{};
  };
  std::vector<attempt> tries_;
  std::optional<std::size_t> answering_;
  std::optional<monotonic> held_since_;
};

} // namespace shardyard
