// Lets things happen in the world: draws a kind of event and a guild, changes the world, writes the payload.
// Deterministic for a seed and a sequence of moments; knows nothing of sessions. One thread.
#pragma once

#include "sim/alias_table.hpp"
#include "sim/json_shapes.hpp"
#include "sim/occurrence.hpp"
#include "sim/world.hpp"

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace shardyard::sim {

/// What the bot writes into a channel; all texts are JSON.
struct own_message {
  std::string content;   ///< a string, quoted
  std::string embeds;    ///< an array
  std::string more_keys; ///< empty, or further keys with a comma before each
};

class event_source {
public:
  event_source(world& all, const settings& chosen);

  /// The next occurrence; its `id` is 0, the truth gives it. A world without guilds yields guild-less events
  /// only.
  occurrence next(moment now);

  /// An occurrence of this kind in this guild; falls back to MESSAGE_CREATE where the kind has no object to
  /// act on.
  occurrence next(event_kind kind, guild& in, moment now);

  /// The same in a guild drawn by activity; none in a world without guilds.
  std::optional<occurrence> next(event_kind kind, moment now);

  /// MESSAGE_CREATE of the bot's own message. No intent is needed to see its content.
  occurrence post(guild& in, channel& room, const own_message& sent, moment now);

  /// After joins: draws from the guilds present.
  void guilds_changed();

private:
  struct direct_channel {
    snowflake id = 0;
    std::uint32_t user = 0;
    snowflake last_message = 0;
    bool reacted = false;
  };

  /// Writes `d` and may correct the kind. Empty when the guild has no object for it.
  bool write(event_kind& kind, guild& in, moment now);
  bool write_member_event(event_kind& kind, guild& in, moment now);
  bool write_channel_event(event_kind kind, guild& in, moment now);
  bool write_thread_event(event_kind kind, guild& in, moment now);
  bool write_role_event(event_kind kind, guild& in, moment now);
  void write_emojis(guild& in, moment now);
  bool write_scheduled_event(event_kind kind, guild& in, moment now);
  void write_audit_entry(guild& in, moment now);
  void write_interaction(guild& in, moment now);

  void write_presence(guild& in, moment now);
  bool write_voice_state(guild& in, moment now);
  bool write_typing(guild& in, moment now);
  bool write_new_message(guild& in, moment now);
  bool write_edit(guild& in, moment now);
  bool write_deletion(guild& in);
  bool write_reaction(event_kind& kind, guild& in);

  occurrence direct(moment now);
  void write_message(const scene* at, snowflake channel, const recent_message& message, const member* author,
                     moment now);
  void put_guild_id(guild& in);
  occurrence finish(event_kind kind, snowflake guild_id, std::uint32_t guild_index, snowflake channel);

  /// Now and then keeps a payload to be sent once more, as Discord does.
  void consider_twin(const occurrence& happened);

  /// Writes a GUILD_MEMBER_ADD once more, with a later `joined_at`, if one is due; returns its guild.
  guild* repeat_join(moment now);

  member& some_member(guild& in);
  channel* some_channel(guild& in, std::uint8_t type);
  recent_message* some_message(guild& in);

  world& all_;
  random_source rng_;
  double twin_share_;
  double repeated_join_share_;
  alias_table kinds_;
  alias_table activity_;
  std::vector<direct_channel> direct_channels_;
  struct twin {
    occurrence again;
    std::uint32_t after = 0; ///< events still to pass
  };
  std::deque<twin> twins_;
  struct repeated_join {
    std::uint32_t guild_index = 0;
    std::uint32_t user = 0;
    moment due;
  };
  std::deque<repeated_join> repeated_joins_; ///< in the order of `due`
  payload text_;                             ///< the payload being written
  used_command interaction_;                 ///< in it
};

} // namespace shardyard::sim
