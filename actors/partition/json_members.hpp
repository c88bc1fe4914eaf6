// The members of a JSON object as places in its text: for payloads of which one value is read or replaced
// while all other bytes stay as they are.
#pragma once

#include "actors/partition/json_scan.hpp"
#include "messages/ids.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

/// One member. The views point into the text that was read.
struct json_member {
  std::string_view key;   ///< between its quotes, escapes as they stand
  std::string_view value; ///< without space around it
};

/// The members of the object `text`, in order; empty when it is no object or broken before its end.
/// Any thread.
std::vector<json_member> json_members(std::string_view text);

/// The value of member `key`; empty: there is none.
std::string_view find_value(const std::vector<json_member>& members, std::string_view key);

/// The elements of the array `text`; `text` itself when it is no array. Any thread.
std::vector<std::string_view> json_elements(std::string_view text);

/// `"123"` or `123`; 0 for anything else.
snowflake number_of(std::string_view value);

/// `text` with member `key` set to `value` (JSON): in its place where it stands, else as the last member.
/// `text` unchanged when it is no object.
std::string with_member(std::string_view text, std::string_view key, std::string_view value);
/// `text` without member `key`.
std::string without_member(std::string_view text, std::string_view key);

} // namespace shardyard
