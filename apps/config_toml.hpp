// Reads TOML into a flat list of settings, each with its place. Knows the form of the file (sections,
// [[sink]]), not its keys.
#pragma once

#include "apps/config_value.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

/// One key with its value and where it was set: "one-host.toml:12", "--set", "environment
/// SHARDYARD_NODE_NAME".
struct config_setting {
  std::string key; ///< "node.name", "sink.0.path"
  config_value value;
  std::string place;
};

struct toml_settings {
  std::vector<config_setting> settings;
  std::size_t sinks = 0;           ///< how many [[sink]] there are, empty ones included
  std::vector<std::string> errors; ///< syntax and form, with place
};

toml_settings read_toml(std::string_view text, const std::string& file_name);

} // namespace shardyard
