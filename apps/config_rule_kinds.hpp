// The kinds of configuration keys that several keys share: for each kind how a value is read, what it accepts
// and what is said of a value that it does not. `field` finds the place of the value in the configuration.
#pragma once

#include "apps/config_rules.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace shardyard::kinds {

template <class Field>
config_rule text(std::string_view key, std::string allowed, std::string_view fallback, Field field) {
  return {key, std::move(allowed), fallback,
          [field](node_config& c, sink_config& sink, const config_value& value) {
            auto read = read_text(value);
            if (read)
              field(c, sink) = *read;
            return read.has_value();
          }};
}

/// A text that `is_allowed`.
template <class Field>
config_rule checked_text(std::string_view key, std::string allowed, std::string_view fallback,
                         bool (*is_allowed)(std::string_view), Field field) {
  return {key, std::move(allowed), fallback,
          [is_allowed, field](node_config& c, sink_config& sink, const config_value& value) {
            auto read = read_text(value);
            if (!read || !is_allowed(*read))
              return false;
            field(c, sink) = std::move(*read);
            return true;
          }};
}

inline std::string between(std::int64_t low, std::int64_t high) {
  return std::to_string(low) + " to " + std::to_string(high);
}

template <class Field>
config_rule whole(std::string_view key, std::int64_t low, std::int64_t high, std::string_view fallback,
                  Field field) {
  return {key, "a whole number from " + between(low, high), fallback,
          [=](node_config& c, sink_config& sink, const config_value& value) {
            auto read = read_whole(value);
            if (!read || *read < low || *read > high)
              return false;
            field(c, sink) = static_cast<std::uint32_t>(*read);
            return true;
          }};
}

template <class Field>
config_rule whole_or_auto(std::string_view key, std::int64_t low, std::int64_t high, Field field) {
  return {key, "\"auto\" or a whole number from " + between(low, high), "auto",
          [=](node_config& c, sink_config& sink, const config_value& value) {
            auto read = read_whole(value);
            if (read_text(value) == "auto")
              field(c, sink).reset();
            else if (read && *read >= low && *read <= high)
              field(c, sink) = static_cast<std::uint32_t>(*read);
            else
              return false;
            return true;
          }};
}

template <class Field>
config_rule flag(std::string_view key, std::string_view fallback, Field field) {
  return {key, "true or false", fallback,
          [field](node_config& c, sink_config& sink, const config_value& value) {
            auto read = read_flag(value);
            if (read)
              field(c, sink) = *read;
            return read.has_value();
          }};
}

/// `unit_ms`: 1000 for keys in seconds, 1 for keys in milliseconds.
template <class Field>
config_rule duration(std::string_view key, int unit_ms, std::int64_t low, std::int64_t high,
                     std::string_view fallback, Field field) {
  auto unit = std::string{unit_ms == 1000 ? "seconds" : "milliseconds"};
  return {key, "a number of " + unit + " from " + between(low, high), fallback,
          [=](node_config& c, sink_config& sink, const config_value& value) {
            auto read = read_number(value);
            if (!read || !(*read >= static_cast<double>(low) && *read <= static_cast<double>(high)))
              return false;
            field(c, sink) = std::chrono::milliseconds{static_cast<std::int64_t>(*read * unit_ms + 0.5)};
            return true;
          }};
}

template <class Field>
config_rule bytes(std::string_view key, std::uint64_t low, std::string_view fallback, Field field) {
  return {key,
          "a number of bytes from " + std::to_string(low) + " on, or text with a unit such as \"64 MiB\"",
          fallback, [=](node_config& c, sink_config& sink, const config_value& value) {
            auto read = read_bytes(value);
            if (!read || *read < low)
              return false;
            field(c, sink) = *read;
            return true;
          }};
}

template <class Enum, std::size_t Count, class Field>
config_rule choice(std::string_view key, std::array<std::pair<std::string_view, Enum>, Count> choices,
                   std::string_view fallback, Field field) {
  std::string allowed = "one of";
  for (auto& [name, meaning] : choices)
    allowed += (&name == &choices.front().first ? " \"" : ", \"") + std::string{name} + '"';
  return {key, std::move(allowed), fallback,
          [=](node_config& c, sink_config& sink, const config_value& value) {
            auto read = read_text(value);
            for (auto& [name, meaning] : choices) {
              if (read == name) {
                field(c, sink) = Enum{meaning};
                return true;
              }
            }
            return false;
          }};
}

} // namespace shardyard::kinds
