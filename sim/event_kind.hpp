// The events that the simulated world produces, with the intents that a session needs to receive them
// (Gateway reference, "Gateway Intents").
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace shardyard::sim {

enum intent : std::uint64_t {
  guilds_intent = 1u << 0,
  guild_members_intent = 1u << 1,
  guild_moderation_intent = 1u << 2,
  guild_expressions_intent = 1u << 3,
  guild_voice_states_intent = 1u << 7,
  guild_presences_intent = 1u << 8,
  guild_messages_intent = 1u << 9,
  guild_reactions_intent = 1u << 10,
  guild_typing_intent = 1u << 11,
  direct_messages_intent = 1u << 12,
  direct_reactions_intent = 1u << 13,
  direct_typing_intent = 1u << 14,
  message_content_intent = 1u << 15,
  scheduled_events_intent = 1u << 16,
};

/// All documented bits; others are refused with 4013.
inline constexpr std::uint64_t known_intents = 53608447;
inline constexpr std::uint64_t privileged_intents =
    guild_members_intent | guild_presences_intent | message_content_intent;

enum class event_kind : std::uint8_t {
  presence_update,
  message_create,
  typing_start,
  guild_member_update,
  voice_state_update,
  message_update,
  message_reaction_add,
  message_reaction_remove,
  message_delete,
  interaction_create,
  guild_member_add,
  guild_member_remove,
  channel_create,
  channel_update,
  channel_delete,
  thread_create,
  thread_update,
  thread_delete,
  guild_role_create,
  guild_role_update,
  guild_role_delete,
  guild_emojis_update,
  scheduled_event_create,
  scheduled_event_user_add,
  scheduled_event_delete,
  audit_log_entry_create,
  guild_update,
  entitlement_create,
  user_update,
  guild_create,
  guild_delete,
  unknown, ///< a name of a later API; goes to all sessions whatever their intents
};

struct event_rule {
  std::string_view name;
  std::uint64_t guild_intents;  ///< any of these admits the event; 0: nothing needed
  std::uint64_t direct_intents; ///< the same for events without guild
};

const event_rule& rule_of(event_kind kind);

/// The kind of this name; `unknown` when the world does not produce it.
event_kind find_kind(std::string_view name);

/// Whether a session with `intents` gets an event of this kind.
inline bool admits(std::uint64_t intents, event_kind kind, bool in_guild) {
  auto& rule = rule_of(kind);
  auto needed = in_guild ? rule.guild_intents : rule.direct_intents;
  return needed == 0 || (needed & intents) != 0;
}

} // namespace shardyard::sim
