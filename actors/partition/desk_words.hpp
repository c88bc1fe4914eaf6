// What the parts of the command desk put out. Plain values.
#pragma once

#include "actors/partition/asked_upstream.hpp"
#include "messages/bots.hpp"
#include "messages/event_type.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

/// To be sent by the shard that leads the guild.
struct forwarded_command {
  shard_key shard;
  upstream_command command;
};

/// An event that the desk makes itself, for one asker alone.
struct desk_answer {
  snowflake guild = 0;
  std::uint32_t asker = 0;
  event_type_id type = unknown_event;
  std::string d;
};

/// Since the group began.
struct desk_figures {
  std::uint64_t taken = 0;
  std::uint64_t repeated = 0;         ///< known already, dropped
  std::uint64_t forwarded = 0;        ///< to shards, again and again counted
  std::uint64_t from_cache = 0;       ///< answered without Discord
  std::uint64_t refused = 0;          ///< answered RATE_LIMITED by us
  std::uint64_t unanswered = 0;       ///< given up or forgotten without a whole answer
  std::uint64_t voice_taken_over = 0; ///< by another bot's op 4
  std::uint64_t voice_rejoined = 0;   ///< after a cut
};

struct desk_output {
  std::vector<forwarded_command> forwards;
  std::vector<desk_answer> answers;
  std::vector<std::string> notes; ///< for the operator's log
  desk_figures figures;

  void forward(const leading_session& to, upstream_command x);
  /// RATE_LIMITED as Discord writes it (Gateway Events, "Rate Limited"); `nonce`: JSON, or empty.
  void refuse(snowflake guild, std::uint32_t asker, int op, monotonic retry_after,
              std::string_view nonce = {});
};

/// Whom an answer of Discord's is for.
struct desk_reading {
  struct addressee {
    std::uint32_t asker = 0;
    std::optional<std::string> d; ///< with the bot's own nonce; nothing: as it came
  };
  bool asked = false; ///< a bot of ours asked for it, even if nobody waits for it any more
  std::vector<addressee> to;
};

} // namespace shardyard
