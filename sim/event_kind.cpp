#include "sim/event_kind.hpp"

#include <algorithm>
#include <array>

namespace shardyard::sim {
namespace {

// In the order of event_kind.
constexpr std::array<event_rule, 32> rules{{
    {"PRESENCE_UPDATE", guild_presences_intent, 0},
    {"MESSAGE_CREATE", guild_messages_intent, direct_messages_intent},
    {"TYPING_START", guild_typing_intent, direct_typing_intent},
    {"GUILD_MEMBER_UPDATE", guild_members_intent, 0},
    {"VOICE_STATE_UPDATE", guild_voice_states_intent, 0},
    {"MESSAGE_UPDATE", guild_messages_intent, direct_messages_intent},
    {"MESSAGE_REACTION_ADD", guild_reactions_intent, direct_reactions_intent},
    {"MESSAGE_REACTION_REMOVE", guild_reactions_intent, direct_reactions_intent},
    {"MESSAGE_DELETE", guild_messages_intent, direct_messages_intent},
    {"INTERACTION_CREATE", 0, 0},
    {"GUILD_MEMBER_ADD", guild_members_intent, 0},
    {"GUILD_MEMBER_REMOVE", guild_members_intent, 0},
    {"CHANNEL_CREATE", guilds_intent, 0},
    {"CHANNEL_UPDATE", guilds_intent, 0},
    {"CHANNEL_DELETE", guilds_intent, 0},
    {"THREAD_CREATE", guilds_intent, 0},
    {"THREAD_UPDATE", guilds_intent, 0},
    {"THREAD_DELETE", guilds_intent, 0},
    {"GUILD_ROLE_CREATE", guilds_intent, 0},
    {"GUILD_ROLE_UPDATE", guilds_intent, 0},
    {"GUILD_ROLE_DELETE", guilds_intent, 0},
    {"GUILD_EMOJIS_UPDATE", guild_expressions_intent, 0},
    {"GUILD_SCHEDULED_EVENT_CREATE", scheduled_events_intent, 0},
    {"GUILD_SCHEDULED_EVENT_USER_ADD", scheduled_events_intent, 0},
    {"GUILD_SCHEDULED_EVENT_DELETE", scheduled_events_intent, 0},
    {"GUILD_AUDIT_LOG_ENTRY_CREATE", guild_moderation_intent, 0},
    {"GUILD_UPDATE", guilds_intent, 0},
    {"ENTITLEMENT_CREATE", 0, 0},
    {"USER_UPDATE", 0, 0},
    {"GUILD_CREATE", guilds_intent, 0},
    {"GUILD_DELETE", guilds_intent, 0},
    {"", 0, 0},
}};

} // namespace

const event_rule& rule_of(event_kind kind) {
  return rules[static_cast<std::size_t>(kind)];
}

event_kind find_kind(std::string_view name) {
  auto found = std::ranges::find(rules, name, &event_rule::name);
  return found == rules.end() ? event_kind::unknown : static_cast<event_kind>(found - rules.begin());
}

} // namespace shardyard::sim
