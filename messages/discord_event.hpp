// Types of the events that the cluster looks at itself, under Discord's names (Gateway Events reference).
#pragma once

#include "messages/event_type.hpp"

namespace shardyard::discord_event {

inline const event_type_id auto_moderation_action_execution =
    find_event_type("AUTO_MODERATION_ACTION_EXECUTION");
inline const event_type_id channel_info = find_event_type("CHANNEL_INFO");
inline const event_type_id guild_create = find_event_type("GUILD_CREATE");
inline const event_type_id guild_delete = find_event_type("GUILD_DELETE");
inline const event_type_id guild_members_chunk = find_event_type("GUILD_MEMBERS_CHUNK");
inline const event_type_id guild_member_update = find_event_type("GUILD_MEMBER_UPDATE");
inline const event_type_id message_create = find_event_type("MESSAGE_CREATE");
inline const event_type_id message_update = find_event_type("MESSAGE_UPDATE");
inline const event_type_id presence_update = find_event_type("PRESENCE_UPDATE");
inline const event_type_id rate_limited = find_event_type("RATE_LIMITED");
inline const event_type_id ready = find_event_type("READY");
inline const event_type_id resumed = find_event_type("RESUMED");
inline const event_type_id soundboard_sounds = find_event_type("SOUNDBOARD_SOUNDS");
inline const event_type_id thread_members_update = find_event_type("THREAD_MEMBERS_UPDATE");
inline const event_type_id user_update = find_event_type("USER_UPDATE");
inline const event_type_id voice_server_update = find_event_type("VOICE_SERVER_UPDATE");

} // namespace shardyard::discord_event
