// One gateway session: its shard, intents, sequence, replay buffer, the copies on their way to it and what it
// was told of each guild. Outlives connections. Sessions know nothing of each other.
#pragma once

#include "sim/delay_line.hpp"
#include "sim/event_kind.hpp"
#include "sim/link.hpp"
#include "sim/replay_buffer.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace shardyard::sim {

enum class guild_view : std::uint8_t {
  pending,  ///< listed in READY, GUILD_CREATE still to come; its events are not sent, the snapshot will hold
            ///< them
  attached, ///< events are sent
  outage,   ///< this session has lost the guild
};

class session {
public:
  struct declared {
    std::uint32_t shard_id = 0, shard_count = 1;
    bool sharded = false; ///< IDENTIFY named a shard
    std::uint64_t intents = 0;
    std::uint32_t large_threshold = 50;
  };

  session(std::uint32_t number, std::string id, declared as, std::size_t replay_limit)
      : number_(number), id_(std::move(id)), declared_(as), replay_(replay_limit) {}

  std::uint32_t number() const { return number_; } ///< k in the truth
  const std::string& id() const { return id_; }
  const declared& as() const { return declared_; }
  std::uint64_t s() const { return replay_.newest(); }
  const replay_buffer& replay() const { return replay_; }

  /// Gives the payload the next sequence, keeps it for RESUME and sends it if there is a connection. Returns
  /// the sequence.
  std::uint64_t dispatch(shared_payload content, bool in_guild);

  /// Sends again everything after `seq` (which the replay buffer covers).
  void replay_after(std::uint64_t seq);

  /// Adds a copy to the delay line, not before the guild's (or direct channel's) previous one.
  void queue(snowflake order_key, std::int64_t due_ms, copy item);

  link* connection = nullptr;                           ///< null: waiting for RESUME
  std::uint64_t client = 0;                             ///< the gateway's number of that connection
  moment disconnected_at{};                             ///< valid without connection
  bool ready = false;                                   ///< READY was dispatched
  moment ready_at{};                                    ///< when it is to be
  std::int64_t lag_ms = 0;                              ///< constant delay on top of the random one
  std::uint32_t duplicates = 0;                         ///< next copies to send twice
  std::vector<snowflake> drops;                         ///< next copies to withhold; 0: of any guild
  std::set<event_kind> muted;                           ///< kinds that it does not bring any more
  bool refuses_resume = false;                          ///< the next one, with which the session ends
  std::unordered_map<std::uint32_t, guild_view> guilds; ///< by index in the world
  std::set<std::uint32_t> voice;      ///< guilds in which its op 4 set the bot's voice state last
  std::string presence;               ///< `presence` of IDENTIFY as JSON, or empty
  std::vector<std::uint32_t> pending; ///< guilds whose GUILD_CREATE is to come, next one last
  double create_credit = 0;           ///< GUILD_CREATEs that may be sent now
  delay_line line;
  bool shuffle_envelope = false;

private:
  /// One gateway message in a scratch buffer, valid until the next call.
  std::string_view envelope(std::uint64_t s, const payload& content);

  std::uint32_t number_;
  std::string id_;
  declared declared_;
  replay_buffer replay_;
  std::unordered_map<snowflake, std::int64_t> last_due_;
  std::string scratch_;
};

} // namespace shardyard::sim
