// Strings and numbers of packed JSON: which form takes the fewest bytes, and the text of each. Included by
// packed_*.cpp alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shardyard::packed {

class text_buffer;

/// Appends the string with these bytes between its quotes.
void put_string(std::string& out, std::string_view content);

/// Appends the string that has the digits of `id`.
void put_id(std::string& out, std::uint64_t id);

/// Appends a token that is a number by JSON's grammar.
void put_number(std::string& out, std::string_view token);

/// Appends the text of a scalar whose tag is `first` and whose bytes after the tag are `body`, complete (see
/// body_size). False when there is no such value.
bool put_scalar_text(text_buffer& out, std::uint8_t first, std::string_view body);

/// Bytes after the tag of a scalar of fixed size; -1 where a size or count follows, or a container begins.
int fixed_size(std::uint8_t first);

/// A number of as many bytes as `bytes` has.
std::uint64_t load_number(std::string_view bytes);

} // namespace shardyard::packed
