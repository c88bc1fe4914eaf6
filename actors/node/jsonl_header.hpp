// Reads a line of the `jsonl` sink back: the envelope only, `d` stays bytes. Relies on the key order that
// jsonl_line.hpp writes; any other text is refused, not guessed at. Used by the sink after a restart and by
// the audit.
#pragma once

#include "messages/ids.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace shardyard {

/// The envelope of one line. Views point into the line.
struct jsonl_header {
  std::string_view t;
  snowflake guild = 0;
  shard_key shard;
  std::string_view session_id; ///< as written, still escaped; unescaped() gives the real one
  std::uint64_t s = 0;
  std::uint64_t epoch = 0;
  std::uint64_t n = 0;
  std::uint16_t flags = 0; ///< bits of event_flag
  snowflake channel = 0;   ///< `d.channel_id` of lines without guild, else 0
  std::string_view d;

  bool control() const; ///< a SHARDYARD_ line: not an event, uses up no n
};

/// Fills `header` from one line without its line break. False when the line is not one that the sink writes.
bool parse_header(std::string_view line, jsonl_header& header);

/// The text behind a JSON string's inside. Unknown or cut escapes are kept as they stand.
std::string unescaped(std::string_view text);

} // namespace shardyard
