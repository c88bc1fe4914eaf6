// One session of a bot: what it asked for at IDENTIFY, what it got, how far it has been sent. Outlives its
// connection, so that RESUME can go on with it. Owns its sequences; the events are the ring's. Not
// thread-safe.
#pragma once

#include "actors/bot_session/guild_backfill.hpp"
#include "actors/bot_session/session_log.hpp"
#include "messages/bots.hpp"
#include "net/bot_link.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace shardyard {

class bot_connection;

enum class session_phase : std::uint8_t {
  listing, ///< identified; READY waits for the list of its guilds, or for the bot's identity
  live,    ///< READY is in its log: events are for it
};

/// Why a session cannot go on.
enum class session_loss : std::uint8_t {
  none,
  missing,   ///< something that it should get never came here
  overtaken, ///< it was too slow: the next event is not kept any more
};

class bot_session {
public:
  using time = std::chrono::steady_clock::time_point;

  explicit bot_session(std::size_t own_bytes) : log_(own_bytes) {}

  // As declared in IDENTIFY.
  std::string id; ///< 32 hex digits
  std::string bot;
  std::uint32_t asker = 0;
  guild_filter filter;
  bool sharded = false;
  std::uint64_t intents = 0;
  std::uint8_t mask = 0; ///< content_mask.hpp
  std::uint16_t large_threshold = 50;

  session_phase phase = session_phase::listing;
  bool listed = false;                    ///< the cluster has said which guilds it has
  std::vector<snowflake> guilds_of_ready; ///< while listing: what was listed, and what was joined since
  time ask_list_again;
  guild_backfill backfill;
  std::uint64_t guilds = 0; ///< that it has, or is going to be sent
  std::uint64_t resumes = 0;
  session_loss loss = session_loss::none; ///< to be ended
  bool touched = false;                   ///< something was appended since the last pump

  bot_connection* connection = nullptr;
  time detached_at; ///< when it lost its connection

  bool lost() const { return loss != session_loss::none; }
  bool live() const { return phase == session_phase::live; }
  session_log& log() { return log_; }
  const session_log& log() const { return log_; }

  std::uint64_t newest() const { return log_.end() - 1; } ///< newest sequence made; 0: none
  std::uint64_t sent() const { return next_ - 1; }        ///< newest sequence given to a link
  std::uint64_t behind() const { return log_.end() - next_; }

  /// RESUME: the next to be sent is the one behind `seq`.
  void rewind(std::uint64_t seq) { next_ = seq + 1; }

  /// Sends what the link takes before `high_water` bytes are queued at it. False when the next event is not
  /// kept any more.
  bool pump(net::bot_link& link, delivery_ring& ring, std::size_t high_water, snowflake self);

private:
  session_log log_;
  std::uint64_t next_ = 1;
};

} // namespace shardyard
