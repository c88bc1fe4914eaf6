// The text form of a delivery for the `jsonl` sink: one line per event, keys always in the same order, `d` as
// Discord sent it. Owns nothing. Promises one line per entry whatever the bytes hold, and no allocation
// beyond the growth of `out`.
#pragma once

#include "messages/event_block.hpp"

#include <string>
#include <string_view>

namespace shardyard {

/// Appends one line per entry of `block`, each ended by '\n'. Raw line breaks in `d` (valid JSON has them
/// only as white space between tokens) become spaces. Thread-safe.
void append_lines(std::string& out, const event_block& block);

/// Appends the line of one entry of `block`.
void append_line(std::string& out, const event_block& block, const event_entry& entry);

/// Appends `text` as the inside of a JSON string: quotes, backslashes and control bytes escaped.
void append_escaped(std::string& out, std::string_view text);

} // namespace shardyard
