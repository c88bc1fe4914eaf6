// The payloads a client sends, as JSON text, and the one it has to read in full, READY. Plain values; tokens
// occur in the texts, so none of them belongs into a log.
#pragma once

#include "messages/ids.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard::net {

/// What IDENTIFY says (Gateway Events reference, "Identify").
struct identify_payload {
  std::string token;
  std::uint64_t intents = 0;
  std::uint32_t shard_id = 0;
  std::uint32_t shard_count = 1;
  std::uint16_t large_threshold = 50; ///< 50..250
  std::string presence;               ///< JSON object, or empty
};

std::string identify_text(const identify_payload& identify);
std::string resume_text(std::string_view token, std::string_view session_id, std::uint64_t s);

/// `s` 0 stands for "none received" and is sent as null.
std::string heartbeat_text(std::uint64_t s);

/// `{"op":..,"d":..}`; `d` is JSON.
std::string payload_text(int op, std::string_view d);

struct ready_guild {
  snowflake id = 0;
  bool unavailable = false;
};

/// What READY says that a shard needs.
struct ready_view {
  std::uint64_t s = 0;
  std::string session_id;
  std::string resume_gateway_url; ///< may be empty on other servers: use the base URL
  std::vector<ready_guild> guilds;
  bool has_shard = false; ///< absent when IDENTIFY named none
  std::uint32_t shard_id = 0;
  std::uint32_t shard_count = 1;
  snowflake application = 0;
  snowflake user = 0;
  std::string_view d; ///< the whole of d; valid only during the call that hands this out
};

/// Reads the d of READY, behind which byte_buffer::padding bytes must be readable. Returns what is wrong, or
/// nothing.
std::string_view read_ready(std::string_view d, ready_view& out);

/// `heartbeat_interval` of HELLO in ms; 0 when it is missing or no sensible number. Padding as above.
std::uint32_t read_hello(std::string_view d);

} // namespace shardyard::net
