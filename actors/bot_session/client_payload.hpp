// What a bot sends, read and checked as Discord does before it looks at sessions (Gateway reference, "Gateway
// Events", "Send Events"): size, JSON, opcode, fields. Bytes from outside are first looked at here.
#pragma once

#include "messages/bots.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace shardyard {

// Views point into the payload.

/// The connection is to be closed with this code; the session stays.
struct payload_refused {
  std::uint16_t code = 4002;
};

struct heartbeat_sent {
  std::optional<std::uint64_t> s; ///< the newest sequence that the bot has, if it said one
};

struct identification_sent {
  std::string token;                    ///< without "Bot "
  std::optional<std::uint64_t> intents; ///< nothing: missing, or no number
  bool compress = false;
  std::uint16_t large_threshold = 50;
  bool sharded = false;
  std::optional<guild_filter> shard; ///< nothing: the pair is malformed or out of range
  std::string presence;              ///< fit for op 3; empty: none
};

struct resume_sent {
  std::string token;
  std::string session_id;
  std::uint64_t seq = 0;
};

struct presence_sent {
  std::string_view d;
};

/// op 4, 8, 43; and op 31, whose guilds stand in `guilds`.
struct command_sent {
  std::uint8_t op = 0;
  snowflake guild = 0;
  std::vector<snowflake> guilds;
  std::string_view d;
  std::string nonce; ///< as it stands in `d`; empty: none, or too long and so ignored (op 8)
};

using client_payload = std::variant<payload_refused, heartbeat_sent, identification_sent, resume_sent,
                                    presence_sent, command_sent>;

/// Reuses its parser's memory; one per thread is enough.
class client_payload_reader {
public:
  explicit client_payload_reader(std::size_t longest);
  ~client_payload_reader();

  /// Needs no padding behind `payload`.
  client_payload read(std::string_view payload);

private:
  struct parser;
  std::unique_ptr<parser> parser_;
  std::size_t longest_;
};

} // namespace shardyard
