#include "messages/event_type.hpp"

#include <array>
#include <unordered_map>

namespace shardyard {
namespace {

using enum lane;
using g = guild_field;
using k = key_field;

// Rows are numbered by position and the numbers cross hosts: append only.
constexpr std::array table{
    event_type{"", plain, g::guild_id, k::none},
    event_type{"READY", local, g::none, k::none},
    event_type{"RESUMED", local, g::none, k::none},
    event_type{"RATE_LIMITED", local, g::meta, k::none},
    event_type{"APPLICATION_COMMAND_PERMISSIONS_UPDATE", plain, g::guild_id, k::none},
    event_type{"AUTO_MODERATION_RULE_CREATE", plain, g::guild_id, k::none},
    event_type{"AUTO_MODERATION_RULE_UPDATE", plain, g::guild_id, k::none},
    event_type{"AUTO_MODERATION_RULE_DELETE", plain, g::guild_id, k::none},
    event_type{"AUTO_MODERATION_ACTION_EXECUTION", plain, g::guild_id, k::none},
    event_type{"CHANNEL_CREATE", anchor, g::guild_id, k::id},
    event_type{"CHANNEL_UPDATE", plain, g::guild_id, k::none},
    event_type{"CHANNEL_DELETE", plain, g::guild_id, k::none},
    event_type{"CHANNEL_INFO", local, g::guild_id, k::none},
    event_type{"CHANNEL_PINS_UPDATE", plain, g::guild_id, k::none},
    event_type{"VOICE_CHANNEL_STATUS_UPDATE", plain, g::guild_id, k::none},
    event_type{"VOICE_CHANNEL_START_TIME_UPDATE", plain, g::guild_id, k::none},
    event_type{"THREAD_CREATE", anchor, g::guild_id, k::id},
    event_type{"THREAD_UPDATE", plain, g::guild_id, k::none},
    event_type{"THREAD_DELETE", plain, g::guild_id, k::none},
    event_type{"THREAD_LIST_SYNC", plain, g::guild_id, k::none},
    event_type{"THREAD_MEMBER_UPDATE", plain, g::guild_id, k::none},
    event_type{"THREAD_MEMBERS_UPDATE", plain, g::guild_id, k::none},
    event_type{"ENTITLEMENT_CREATE", plain, g::guild_id, k::id},
    event_type{"ENTITLEMENT_UPDATE", plain, g::guild_id, k::id},
    event_type{"ENTITLEMENT_DELETE", plain, g::guild_id, k::id},
    event_type{"SUBSCRIPTION_CREATE", plain, g::none, k::id},
    event_type{"SUBSCRIPTION_UPDATE", plain, g::none, k::id},
    event_type{"SUBSCRIPTION_DELETE", plain, g::none, k::id},
    event_type{"GUILD_CREATE", local, g::id, k::none},
    event_type{"GUILD_UPDATE", plain, g::id, k::none},
    event_type{"GUILD_DELETE", local, g::id, k::none},
    event_type{"GUILD_AUDIT_LOG_ENTRY_CREATE", anchor, g::guild_id, k::id},
    event_type{"GUILD_BAN_ADD", plain, g::guild_id, k::none},
    event_type{"GUILD_BAN_REMOVE", plain, g::guild_id, k::none},
    event_type{"GUILD_EMOJIS_UPDATE", plain, g::guild_id, k::none},
    event_type{"GUILD_STICKERS_UPDATE", plain, g::guild_id, k::none},
    event_type{"GUILD_INTEGRATIONS_UPDATE", plain, g::guild_id, k::none},
    event_type{"GUILD_MEMBER_ADD", plain, g::guild_id, k::none},
    event_type{"GUILD_MEMBER_REMOVE", plain, g::guild_id, k::none},
    event_type{"GUILD_MEMBER_UPDATE", plain, g::guild_id, k::none},
    event_type{"GUILD_MEMBERS_CHUNK", local, g::guild_id, k::none},
    event_type{"GUILD_ROLE_CREATE", anchor, g::guild_id, k::role_id},
    event_type{"GUILD_ROLE_UPDATE", plain, g::guild_id, k::none},
    event_type{"GUILD_ROLE_DELETE", plain, g::guild_id, k::none},
    event_type{"GUILD_SCHEDULED_EVENT_CREATE", anchor, g::guild_id, k::id},
    event_type{"GUILD_SCHEDULED_EVENT_UPDATE", plain, g::guild_id, k::none},
    event_type{"GUILD_SCHEDULED_EVENT_DELETE", plain, g::guild_id, k::none},
    event_type{"GUILD_SCHEDULED_EVENT_USER_ADD", plain, g::guild_id, k::none},
    event_type{"GUILD_SCHEDULED_EVENT_USER_REMOVE", plain, g::guild_id, k::none},
    event_type{"GUILD_SOUNDBOARD_SOUND_CREATE", plain, g::guild_id, k::none},
    event_type{"GUILD_SOUNDBOARD_SOUND_UPDATE", plain, g::guild_id, k::none},
    event_type{"GUILD_SOUNDBOARD_SOUND_DELETE", plain, g::guild_id, k::none},
    event_type{"GUILD_SOUNDBOARD_SOUNDS_UPDATE", plain, g::guild_id, k::none},
    event_type{"SOUNDBOARD_SOUNDS", local, g::guild_id, k::none},
    event_type{"INTEGRATION_CREATE", plain, g::guild_id, k::none},
    event_type{"INTEGRATION_UPDATE", plain, g::guild_id, k::none},
    event_type{"INTEGRATION_DELETE", plain, g::guild_id, k::none},
    event_type{"INTERACTION_CREATE", keyed, g::guild_id, k::id},
    event_type{"INVITE_CREATE", plain, g::guild_id, k::none},
    event_type{"INVITE_DELETE", plain, g::guild_id, k::none},
    event_type{"MESSAGE_CREATE", anchor, g::guild_id, k::id},
    event_type{"MESSAGE_UPDATE", plain, g::guild_id, k::none},
    event_type{"MESSAGE_DELETE", plain, g::guild_id, k::none},
    event_type{"MESSAGE_DELETE_BULK", plain, g::guild_id, k::none},
    event_type{"MESSAGE_REACTION_ADD", plain, g::guild_id, k::none},
    event_type{"MESSAGE_REACTION_REMOVE", plain, g::guild_id, k::none},
    event_type{"MESSAGE_REACTION_REMOVE_ALL", plain, g::guild_id, k::none},
    event_type{"MESSAGE_REACTION_REMOVE_EMOJI", plain, g::guild_id, k::none},
    event_type{"MESSAGE_POLL_VOTE_ADD", plain, g::guild_id, k::none},
    event_type{"MESSAGE_POLL_VOTE_REMOVE", plain, g::guild_id, k::none},
    event_type{"PRESENCE_UPDATE", state, g::guild_id, k::none},
    event_type{"STAGE_INSTANCE_CREATE", anchor, g::guild_id, k::id},
    event_type{"STAGE_INSTANCE_UPDATE", plain, g::guild_id, k::none},
    event_type{"STAGE_INSTANCE_DELETE", plain, g::guild_id, k::none},
    event_type{"TYPING_START", state, g::guild_id, k::none},
    event_type{"USER_UPDATE", plain, g::none, k::id},
    event_type{"VOICE_CHANNEL_EFFECT_SEND", plain, g::guild_id, k::none},
    event_type{"VOICE_STATE_UPDATE", plain, g::guild_id, k::none},
    event_type{"VOICE_SERVER_UPDATE", local, g::guild_id, k::none},
    event_type{"WEBHOOKS_UPDATE", plain, g::guild_id, k::none},
};

} // namespace

std::span<const event_type> event_types() {
  return table;
}

event_type_id find_event_type(std::string_view name) {
  static const auto index = [] {
    std::unordered_map<std::string_view, event_type_id> result;
    for (event_type_id id = 1; id < table.size(); ++id)
      result.emplace(table[id].name, id);
    return result;
  }();
  auto found = index.find(name);
  return found == index.end() ? unknown_event : found->second;
}

} // namespace shardyard
