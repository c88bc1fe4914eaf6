// Discord's objects as text, in the shapes and key order seen on the wire. Used by the events and by
// GUILD_CREATE alike, so that an object looks the same in both.
#pragma once

#include "sim/world.hpp"

#include <string>

namespace shardyard::sim {

/// A guild and the users it refers to.
struct scene {
  const world& all;
  const guild& in;
};

/// The keys of a member object, without braces and without `user`.
void put_member_keys(std::string& out, const scene& at, const member& who);
void put_member(std::string& out, const scene& at, const member& who);

/// The keys of a voice state, without braces, `member` and `guild_id`.
void put_voice_state_keys(std::string& out, const scene& at, const member& who);

/// The whole `d` of VOICE_STATE_UPDATE and of PRESENCE_UPDATE.
void put_voice_state_update(std::string& out, const scene& at, const member& who);
void put_presence_update(std::string& out, const scene& at, const member& who);

/// The keys of a presence after `user`, without braces and `guild_id`. The same until the presence changes.
void put_presence_keys(std::string& out, const scene& at, const member& who);

/// `emojis` with its key, as GUILD_EMOJIS_UPDATE and the guild object have it.
void put_emojis(std::string& out, const guild& in);

/// `soundboard_sounds` with its key. A guild has two, which never change.
void put_soundboard_sounds(std::string& out, const guild& in);

/// The keys of a channel, thread, role or scheduled event, without braces and (but for threads and events)
/// `guild_id`.
void put_channel_keys(std::string& out, const scene& at, const channel& which);
void put_thread_keys(std::string& out, const scene& at, const thread& which);
void put_role_keys(std::string& out, const scene& at, const role& which);
void put_scheduled_event_keys(std::string& out, const scene& at, const scheduled_event& which);

/// The keys of the guild object that GUILD_UPDATE and GUILD_CREATE share, without braces.
void put_guild_keys(std::string& out, const scene& at);

/// `d` of GUILD_CREATE.
struct snapshot_view {
  std::uint64_t intents = 0;
  std::uint32_t large_threshold = 50;
  bool everyone = false;   ///< all members that the world shows and all presences, whatever the threshold
  std::size_t padding = 0; ///< bytes of an unknown field on top
  /// The bot has just been added: `unavailable` stands only where a guild comes back or is shown at the start
  /// (discord.py tells a join by that).
  bool joined = false;
};
void put_guild_create(std::string& out, const scene& at, const snapshot_view& view);

} // namespace shardyard::sim
