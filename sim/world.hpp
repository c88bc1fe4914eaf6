// The guilds that the simulated Discord knows, with everything that GUILD_CREATE shows. Made from a seed;
// afterwards changed only by the event source, so that a snapshot is always the sum of the events so far.
#pragma once

#include "sim/clock.hpp"
#include "sim/random.hpp"
#include "sim/settings.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace shardyard::sim {

struct user {
  snowflake id = 0;
  std::string json; ///< the user object
};

/// The user object of a user with this number.
std::string user_json(snowflake id, std::uint64_t number, bool bot);

struct channel {
  snowflake id = 0;
  snowflake parent = 0;
  snowflake last_message = 0; ///< the greatest id, also when ids of one millisecond came in another order
  std::uint32_t version = 0;
  std::uint8_t type = 0;           ///< 0 text, 2 voice, 4 category
  std::int64_t voice_since_ms = 0; ///< when the first of those in the voice channel came; 0: empty
};

/// Members that a voice channel holds (`user_limit`).
inline constexpr std::uint32_t voice_places = 12;

struct thread {
  snowflake id = 0;
  snowflake parent = 0;
  std::uint32_t owner = 0; ///< user index
  std::uint32_t version = 0;
  std::int64_t created_ms = 0;
  bool archived = false; ///< only while its last THREAD_UPDATE is written; then it is no longer listed
};

struct emoji {
  snowflake id = 0;
  std::uint32_t version = 0; ///< counts renamings
};

struct role {
  snowflake id = 0;
  std::uint32_t color = 0;
};

struct member {
  std::uint32_t user = 0;  ///< index; 0 is the bot
  std::uint8_t nick = 0;   ///< 0: none
  std::uint8_t status = 0; ///< 0 offline, 1 online, 2 idle, 3 dnd
  std::uint8_t activity = 0;
  bool has_role = false;
  bool self_mute = false;
  bool self_deaf = false;
  snowflake voice_channel = 0;
  std::int64_t joined_ms = 0;
  std::int64_t presence_ms = 0; ///< when status and activity became what they are
};

struct scheduled_event {
  snowflake id = 0;
  std::int64_t starts_ms = 0;
  std::uint32_t user_count = 0;
};

/// A message that later edits, reactions and deletions may name. id 0: none.
struct recent_message {
  snowflake id = 0;
  snowflake channel = 0;
  std::int64_t sent_ms = 0;
  std::uint32_t author = 0; ///< user index
  std::uint32_t edits = 0;
  std::uint16_t reactions = 0; ///< one bit per (reacting member, emoji)
};

enum class guild_size : std::uint8_t { small, medium, large };

struct guild {
  snowflake id = 0;
  std::uint32_t index = 0;
  guild_size size = guild_size::small;
  bool present = true; ///< false: the bot has left
  std::uint32_t version = 0;
  std::uint32_t member_count = 0;
  std::uint32_t owner = 1; ///< user index
  double activity = 1;
  std::int64_t joined_ms = 0;
  std::vector<channel> channels;
  std::vector<thread> threads;
  std::vector<role> roles;     ///< without @everyone, whose id is the guild's
  std::vector<member> members; ///< those worth showing; the first is the bot
  std::vector<scheduled_event> events;
  std::vector<emoji> emojis;
  std::string voice_session; ///< id of the session whose op 4 set the bot's voice state last
  std::string bot_presence; ///< activities that a session gave the bot, to tell whether a new word changes it
  std::shared_ptr<const std::string> bot_activities; ///< the same as others see them; null: none
  std::array<recent_message, 6> recent{};
  std::uint8_t next_recent = 0;

  member& bot() { return members.front(); }
  const member& bot() const { return members.front(); }

  /// Members that are counted but never act. They exist for whoever requests all members.
  std::uint32_t silent_members() const { return member_count - static_cast<std::uint32_t>(members.size()); }

  /// nullptr: no such channel (threads are none).
  channel* find_channel(snowflake channel_id);
  std::uint32_t count_in_voice(snowflake channel_id) const;

  /// To another voice channel, or out of voice (0).
  void move_in_voice(member& who, snowflake channel_id, std::int64_t now_ms);
};

class world {
public:
  /// `now` is the present of the world: all ids made here lie before it.
  world(const settings& chosen, moment now);

  std::vector<guild>& guilds() { return guilds_; }
  const std::vector<guild>& guilds() const { return guilds_; }
  const std::vector<user>& users() const { return users_; }
  const user& bot() const { return users_.front(); }

  /// nullptr: no such guild, or the bot left it.
  guild* find(snowflake id);
  const guild* find(snowflake id) const;

  /// The guild present that has this channel; nullptr: none has.
  guild* guild_of_channel(snowflake channel_id);
  const guild* guild_of_channel(snowflake channel_id) const;

  /// The bot joins a small guild made now.
  guild& join(moment now);
  void leave(guild& which) { which.present = false; }

  /// An id that no other has, with `now` as its time. Ids of one millisecond need not rise.
  snowflake fresh_id(moment now);

  /// Guilds present with `(id >> 22) % shard_count == shard_id`.
  std::vector<std::uint32_t> guilds_of(std::uint32_t shard_id, std::uint32_t shard_count) const;
  std::uint32_t present() const;

private:
  guild& add(snowflake id, guild_size size, moment now);
  void make_users(std::uint32_t count, moment now);
  void make_channels(guild& made, std::uint32_t count);

  random_source rng_;
  double exponent_;
  std::vector<user> users_;
  std::vector<guild> guilds_;
  std::unordered_map<snowflake, std::uint32_t> index_;
  std::uint32_t increment_ = 0;
};

} // namespace shardyard::sim
