// Where the bot itself speaks, in the guilds of one partition, and which of them a plan has to cut last: a
// voice connection ends with the gateway session that joined (Gateway Events, "Update Voice State"; voice
// close code 4014), so no cut is seamless for it. Plain class, time is an argument.
#pragma once

#include "actors/partition/voice_asks.hpp"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace shardyard {

enum class voice_policy : std::uint8_t {
  wait, ///< until the call has ended, `longest_wait` at most; then as `move`
  move, ///< when all other guilds of the shard are cut: cut, and joined once more through the new lead
};

struct voice_tuning {
  voice_policy policy = voice_policy::wait;
  monotonic longest_wait = std::chrono::minutes(15);
};

class voice_watch {
public:
  /// True: it was not known before.
  bool set_self(snowflake user);
  void sits(snowflake guild, voice_seat where) { seats_[guild] = std::move(where); }

  /// VOICE_STATE_UPDATE `d` of a guild. True: it is the bot's own, and the seat is as it says.
  bool note(snowflake guild, std::string_view d);
  /// Null: the bot is in no voice channel of the guild.
  const voice_seat* seat(snowflake guild) const;
  /// The session is gone, and its voice connection with it; empty: whatever session.
  void leave(snowflake guild, std::string_view session_id = {});

  /// The plan would cut this guild, but the bot speaks there. True while it has to wait.
  bool must_wait(snowflake guild);
  /// Nothing keeps the guild any more, or nobody wants to cut it.
  void stop_waiting(snowflake guild) { waiting_.erase(guild); }
  /// All guilds that wait or are let go.
  std::vector<snowflake> waiting() const;
  bool any_waiting() const { return !waiting_.empty(); }
  bool waits(snowflake guild) const;

  /// Lets the guild go if its time has come. `others_cut`: no other guild of its unit is left to be cut;
  /// without it the guild goes after `patience` more.
  bool let_go(snowflake guild, const voice_tuning& tuning, bool others_cut, monotonic patience,
              monotonic now);

private:
  struct wait {
    monotonic since{0}; ///< 0: since just now
    bool over = false;
  };

  std::string own_user_; ///< as it stands in `d`; empty: not known
  std::unordered_map<snowflake, voice_seat> seats_;
  std::unordered_map<snowflake, wait> waiting_;
};

} // namespace shardyard
