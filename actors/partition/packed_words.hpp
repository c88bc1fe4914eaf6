// What Discord's JSON repeats: the names of its documented keys and the strings that occur in nearly every
// guild, as numbers. Fixed with the build; `words_stamp` tells whether two builds agree.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace shardyard {

/// Number of a key, from 1; 0: not listed.
std::uint32_t known_key(std::string_view key);
/// Empty: no such number.
std::string_view key_of(std::uint32_t number);

/// Number of a string value; none: not listed.
std::optional<std::uint32_t> known_word(std::string_view word);
std::optional<std::string_view> word_of(std::uint32_t number);

std::uint32_t words_stamp();

} // namespace shardyard
