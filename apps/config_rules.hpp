// The table of all configuration keys: for each what it accepts, its default as text, and where its value
// goes. The one place to add a key; tests hold the example files against it.
#pragma once

#include "apps/config.hpp"
#include "apps/config_value.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

struct config_rule {
  std::string_view key;      ///< "node.weight"; sinks: "sink.path"
  std::string allowed;       ///< ends the sentence "must be ..."
  std::string_view fallback; ///< the default as `--set` would take it
  /// Stores the value; `sink` is the one that a "sink." key is about. False: not allowed.
  std::function<bool(node_config&, sink_config& sink, const config_value&)> set;
};

const std::vector<config_rule>& config_rules();

} // namespace shardyard
