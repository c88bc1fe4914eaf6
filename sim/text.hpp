// Appends pieces of JSON to a string without a tree: numbers, quoted ids, timestamps, words. The event source
// writes some ten thousand payloads a second with it.
#pragma once

#include "sim/clock.hpp"
#include "sim/random.hpp"

#include <charconv>
#include <string>
#include <string_view>

namespace shardyard::sim {

inline void put(std::string& out, std::string_view text) {
  out.append(text);
}

inline void put_number(std::string& out, std::uint64_t value) {
  char digits[20];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

/// A snowflake as JSON string; null for 0.
inline void put_id(std::string& out, snowflake id) {
  if (id == 0)
    return put(out, "null");
  out.push_back('"');
  put_number(out, id);
  out.push_back('"');
}

/// `"2026-11-20T12:34:56.789000+00:00"`, quoted.
void put_time(std::string& out, std::int64_t unix_milliseconds);

/// 32 hex characters that follow from `seed`.
void put_hex(std::string& out, std::uint64_t seed);

/// The token of an interaction, which follows from its id.
std::string interaction_token(snowflake id);

/// One of a fixed list of names, already escaped for JSON, without quotes. 15 % are not ASCII, some hold
/// escaped quotes or the text of a `guild_id` key, which must not mislead a scanner.
std::string_view name_of(std::uint64_t number);

/// A sentence of some 10 to 25 words, escaped, without quotes; the same `number` gives the same sentence.
void put_sentence(std::string& out, std::uint64_t number);

} // namespace shardyard::sim
