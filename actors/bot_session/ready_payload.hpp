// The JSON texts that the switch makes itself: HELLO, READY, RESUMED, and the answers of `GET /gateway` and
// `/gateway/bot` (Gateway reference, "Hello", "Ready", "Get Gateway Bot").
#pragma once

#include "messages/bots.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace shardyard {

std::string hello_payload(std::chrono::milliseconds heartbeat);

/// `d` of READY. `user`, `application`: JSON objects.
struct ready_content {
  std::string_view user, application, session_id, resume_url;
  std::span<const snowflake> guilds;
  bool sharded = false; ///< IDENTIFY had a `shard`: it is echoed
  guild_filter shard;
};
std::string ready_payload(const ready_content& x);

inline constexpr std::string_view resumed_payload = R"({"_trace":["[\"shardyard\",{\"micros\":0}]"]})";
inline constexpr std::string_view heartbeat_ack = R"({"t":null,"s":null,"op":11,"d":null})";
inline constexpr std::string_view invalid_session = R"({"t":null,"s":null,"op":9,"d":false})";

/// `{"id":"...","unavailable":true}`, or without `unavailable` when the bot is not in the guild any more.
std::string deleted_guild(snowflake guild, bool unavailable);

/// Generous: nothing here is scarce.
std::string gateway_bot_body(std::string_view url, std::uint32_t shards);
std::string gateway_body(std::string_view url);

} // namespace shardyard
