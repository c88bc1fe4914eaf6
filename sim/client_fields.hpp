// Reads the fields of what clients send. Nothing here throws; what is missing or of another type is absent.
#pragma once

#include "sim/clock.hpp"

#include <boost/json.hpp>

#include <charconv>
#include <deque>
#include <optional>
#include <string_view>

namespace shardyard::sim {

inline std::optional<std::uint64_t> whole_number(const boost::json::value* value) {
  if (!value || !value->is_number())
    return std::nullopt;
  boost::system::error_code error;
  auto number = value->to_number<std::uint64_t>(error);
  return error ? std::nullopt : std::optional{number};
}

inline std::string_view text_of(const boost::json::value* value) {
  auto* text = value ? value->if_string() : nullptr;
  return text ? std::string_view{*text} : std::string_view{};
}

inline bool is_true(const boost::json::value* value) {
  return value && value->is_bool() && value->get_bool();
}

inline std::optional<snowflake> parse_id(std::string_view text) {
  snowflake id = 0;
  auto end = std::from_chars(text.data(), text.data() + text.size(), id);
  return end.ec == std::errc{} && end.ptr == text.data() + text.size() ? std::optional{id} : std::nullopt;
}

/// An id as string, or as number, which Discord takes as well.
inline std::optional<snowflake> id_of(const boost::json::value* value) {
  return value && value->is_string() ? parse_id(text_of(value)) : whole_number(value);
}

/// Forgets the moments that are older than `window` and says how many are left with this one.
inline std::size_t counted(std::deque<moment>& times, moment now, std::chrono::seconds window) {
  while (!times.empty() && now - times.front() >= window)
    times.pop_front();
  times.push_back(now);
  return times.size();
}

} // namespace shardyard::sim
