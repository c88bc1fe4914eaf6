#include "actors/bot_session/event_intents.hpp"

#include <array>
#include <string_view>
#include <vector>

namespace shardyard {
namespace {

constexpr std::uint64_t bit(int n) {
  return std::uint64_t{1} << n;
}

struct named_gate {
  std::string_view name;
  event_gate gate;
};

// Events that are not listed need no intent: READY, interactions, entitlements, answers to commands, and
// names that nobody has documented.
constexpr std::array rows{
    named_gate{"GUILD_CREATE", {bit(0), bit(0)}},
    named_gate{"GUILD_UPDATE", {bit(0), bit(0)}},
    named_gate{"GUILD_DELETE", {bit(0), bit(0)}},
    named_gate{"GUILD_ROLE_CREATE", {bit(0), bit(0)}},
    named_gate{"GUILD_ROLE_UPDATE", {bit(0), bit(0)}},
    named_gate{"GUILD_ROLE_DELETE", {bit(0), bit(0)}},
    named_gate{"CHANNEL_CREATE", {bit(0), bit(0)}},
    named_gate{"CHANNEL_UPDATE", {bit(0), bit(0)}},
    named_gate{"CHANNEL_DELETE", {bit(0), bit(0)}},
    named_gate{"CHANNEL_PINS_UPDATE", {bit(0), bit(12)}},
    named_gate{"THREAD_CREATE", {bit(0), bit(0)}},
    named_gate{"THREAD_UPDATE", {bit(0), bit(0)}},
    named_gate{"THREAD_DELETE", {bit(0), bit(0)}},
    named_gate{"THREAD_LIST_SYNC", {bit(0), bit(0)}},
    named_gate{"THREAD_MEMBER_UPDATE", {bit(0), bit(0)}},
    named_gate{"THREAD_MEMBERS_UPDATE", {bit(1), bit(1), true, bit(0)}},
    named_gate{"STAGE_INSTANCE_CREATE", {bit(0), bit(0)}},
    named_gate{"STAGE_INSTANCE_UPDATE", {bit(0), bit(0)}},
    named_gate{"STAGE_INSTANCE_DELETE", {bit(0), bit(0)}},
    named_gate{"VOICE_CHANNEL_STATUS_UPDATE", {bit(0), bit(0)}},
    named_gate{"VOICE_CHANNEL_START_TIME_UPDATE", {bit(0), bit(0)}},
    named_gate{"GUILD_MEMBER_ADD", {bit(1), bit(1)}},
    named_gate{"GUILD_MEMBER_UPDATE", {bit(1), bit(1), true, 0}},
    named_gate{"GUILD_MEMBER_REMOVE", {bit(1), bit(1)}},
    named_gate{"GUILD_AUDIT_LOG_ENTRY_CREATE", {bit(2), bit(2)}},
    named_gate{"GUILD_BAN_ADD", {bit(2), bit(2)}},
    named_gate{"GUILD_BAN_REMOVE", {bit(2), bit(2)}},
    named_gate{"GUILD_EMOJIS_UPDATE", {bit(3), bit(3)}},
    named_gate{"GUILD_STICKERS_UPDATE", {bit(3), bit(3)}},
    named_gate{"GUILD_SOUNDBOARD_SOUND_CREATE", {bit(3), bit(3)}},
    named_gate{"GUILD_SOUNDBOARD_SOUND_UPDATE", {bit(3), bit(3)}},
    named_gate{"GUILD_SOUNDBOARD_SOUND_DELETE", {bit(3), bit(3)}},
    named_gate{"GUILD_SOUNDBOARD_SOUNDS_UPDATE", {bit(3), bit(3)}},
    named_gate{"GUILD_INTEGRATIONS_UPDATE", {bit(4), bit(4)}},
    named_gate{"INTEGRATION_CREATE", {bit(4), bit(4)}},
    named_gate{"INTEGRATION_UPDATE", {bit(4), bit(4)}},
    named_gate{"INTEGRATION_DELETE", {bit(4), bit(4)}},
    named_gate{"WEBHOOKS_UPDATE", {bit(5), bit(5)}},
    named_gate{"INVITE_CREATE", {bit(6), bit(6)}},
    named_gate{"INVITE_DELETE", {bit(6), bit(6)}},
    named_gate{"VOICE_STATE_UPDATE", {bit(7), bit(7)}},
    named_gate{"VOICE_CHANNEL_EFFECT_SEND", {bit(7), bit(7)}},
    named_gate{"PRESENCE_UPDATE", {bit(8), bit(8)}},
    named_gate{"MESSAGE_CREATE", {bit(9), bit(12)}},
    named_gate{"MESSAGE_UPDATE", {bit(9), bit(12)}},
    named_gate{"MESSAGE_DELETE", {bit(9), bit(12)}},
    named_gate{"MESSAGE_DELETE_BULK", {bit(9), bit(12)}},
    named_gate{"MESSAGE_REACTION_ADD", {bit(10), bit(13)}},
    named_gate{"MESSAGE_REACTION_REMOVE", {bit(10), bit(13)}},
    named_gate{"MESSAGE_REACTION_REMOVE_ALL", {bit(10), bit(13)}},
    named_gate{"MESSAGE_REACTION_REMOVE_EMOJI", {bit(10), bit(13)}},
    named_gate{"TYPING_START", {bit(11), bit(14)}},
    named_gate{"GUILD_SCHEDULED_EVENT_CREATE", {bit(16), bit(16)}},
    named_gate{"GUILD_SCHEDULED_EVENT_UPDATE", {bit(16), bit(16)}},
    named_gate{"GUILD_SCHEDULED_EVENT_DELETE", {bit(16), bit(16)}},
    named_gate{"GUILD_SCHEDULED_EVENT_USER_ADD", {bit(16), bit(16)}},
    named_gate{"GUILD_SCHEDULED_EVENT_USER_REMOVE", {bit(16), bit(16)}},
    named_gate{"AUTO_MODERATION_RULE_CREATE", {bit(20), bit(20)}},
    named_gate{"AUTO_MODERATION_RULE_UPDATE", {bit(20), bit(20)}},
    named_gate{"AUTO_MODERATION_RULE_DELETE", {bit(20), bit(20)}},
    named_gate{"AUTO_MODERATION_ACTION_EXECUTION", {bit(21), bit(21)}},
    named_gate{"MESSAGE_POLL_VOTE_ADD", {bit(24), bit(25)}},
    named_gate{"MESSAGE_POLL_VOTE_REMOVE", {bit(24), bit(25)}},
};

constexpr std::array<std::string_view, 7> alone{
    "INTERACTION_CREATE",  "ENTITLEMENT_CREATE",  "ENTITLEMENT_UPDATE", "ENTITLEMENT_DELETE",
    "SUBSCRIPTION_CREATE", "SUBSCRIPTION_UPDATE", "SUBSCRIPTION_DELETE"};

} // namespace

const event_gate& gate_of(event_type_id type) {
  static const auto by_type = [] {
    std::vector<event_gate> result(event_types().size());
    for (auto& row : rows)
      result[find_event_type(row.name)] = row.gate;
    result[unknown_event] = {};
    return result;
  }();
  return by_type[type < by_type.size() ? type : unknown_event];
}

bool stands_alone(event_type_id type) {
  static const auto by_type = [] {
    std::vector<bool> result(event_types().size());
    for (auto name : alone)
      result[find_event_type(name)] = true;
    return result;
  }();
  return type < by_type.size() && by_type[type];
}

} // namespace shardyard
