// One value of the configuration before its key has judged it, and the readings that the key table builds on.
// A value from the command line or the environment is text; each reading accepts it in the form that it has
// in TOML, without the quotes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace shardyard {

/// Text from outside TOML, not yet of any type.
struct raw_text {
  std::string text;
};

/// A TOML value of a type that no key takes: date, table, mixed array.
struct foreign_value {
  std::string type;
};

using config_value =
    std::variant<foreign_value, raw_text, std::string, std::int64_t, double, bool, std::vector<std::string>>;

std::optional<std::string> read_text(const config_value& value);
std::optional<std::int64_t> read_whole(const config_value& value);
std::optional<double> read_number(const config_value& value);
std::optional<bool> read_flag(const config_value& value);

/// A list of texts; from the command line separated by commas.
std::optional<std::vector<std::string>> read_list(const config_value& value);

/// Bytes: a whole number, or text with a unit ("256 MiB", "64KiB", "1GiB").
std::optional<std::uint64_t> read_bytes(const config_value& value);

/// For error messages: the value as the operator wrote it.
std::string shown(const config_value& value);

/// Of `candidates`, the one that `word` was probably meant to be; empty when none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

} // namespace shardyard
