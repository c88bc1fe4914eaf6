// What a session with fewer intents than upstream must not read in an event that it does see: the text of
// other people's messages without MESSAGE_CONTENT, members and presences of a guild without theirs (Gateway
// reference, "Message Content Intent"; Gateway Events, "Guild Create"). Edits the fields that a rule names;
// every other byte stays as it came.
#pragma once

#include "messages/event_type.hpp"
#include "messages/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shardyard {

/// Bits: what is hidden from a session.
enum content_mask : std::uint8_t {
  hide_content = 1,   ///< content, embeds, attachments, components, poll of messages
  hide_presences = 2, ///< presences, and members that are neither the bot nor in voice
  hide_voice = 4,     ///< voice states
};

/// Everything hidden from a session with `intents` while upstream has `upstream`.
std::uint8_t mask_of(std::uint64_t intents, std::uint64_t upstream);

/// The part of a session's mask that concerns events of this type; mostly 0.
std::uint8_t mask_for(event_type_id type, std::uint8_t mask);

/// `d` as it is to be shown, or nothing when it stays as it is: because an exception applies (the bot's own
/// message, one that mentions it, one outside guilds), nothing stands there to hide, or `d` cannot be read.
std::optional<std::string> masked(event_type_id type, snowflake guild, std::string_view d, std::uint8_t mask,
                                  snowflake self);

/// Whether a GUILD_MEMBER_UPDATE or THREAD_MEMBERS_UPDATE is about the bot itself.
bool concerns(event_type_id type, std::string_view d, snowflake self);

} // namespace shardyard
