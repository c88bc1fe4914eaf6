#include "apps/config.hpp"

#include "apps/config_check.hpp"
#include "apps/config_rules.hpp"
#include "apps/config_toml.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <unistd.h>

namespace shardyard {
namespace {

constexpr std::size_t max_sinks = 16;

// "sink.0.path" names "sink.path" of sink 0; "sink.path" that of the only sink.
struct split_key {
  std::string rule;
  std::optional<std::size_t> sink;
};

split_key split(const std::string& key) {
  static constexpr std::string_view prefix = "sink.";
  if (!key.starts_with(prefix))
    return {key, {}};
  std::size_t number = 0;
  auto begin = key.data() + prefix.size();
  auto [end, error] = std::from_chars(begin, key.data() + key.size(), number);
  if (error != std::errc{} || *end != '.')
    return {key, 0};
  return {std::string{prefix} + (end + 1), number};
}

const config_rule* find_rule(std::string_view key) {
  auto found = std::ranges::find(config_rules(), key, &config_rule::key);
  return found == config_rules().end() ? nullptr : &*found;
}

std::string_view section_of(std::string_view key) {
  return key.substr(0, key.find('.'));
}

std::string unknown_key(const std::string& key) {
  std::vector<std::string_view> all;
  std::string siblings;
  for (auto& rule : config_rules()) {
    all.push_back(rule.key);
    if (section_of(rule.key) == section_of(key))
      siblings += (siblings.empty() ? "" : ", ") + std::string{rule.key.substr(rule.key.find('.') + 1)};
  }
  auto text = "'" + key + "' is not a key of the configuration";
  if (auto meant = nearest(key, all); !meant.empty())
    text += "; did you mean '" + std::string{meant} + "'?";
  if (!siblings.empty())
    text += " [" + std::string{section_of(key)} + "] has: " + siblings;
  return text;
}

class loader {
public:
  void file(const std::string& text, const std::string& name) {
    auto read = read_toml(text, name);
    result_.errors = std::move(read.errors);
    result_.config.sinks.resize(std::min(read.sinks, max_sinks));
    for (auto& setting : read.settings)
      apply(setting);
  }

  // A variable counts as ours when its name begins with one of our sections.
  void variable(const std::string& text) {
    static constexpr std::string_view prefix = "SHARDYARD_";
    auto equals = text.find('=');
    if (!text.starts_with(prefix) || equals == text.npos)
      return;
    auto name = text.substr(0, equals);
    auto key = name.substr(prefix.size());
    std::ranges::transform(key, key.begin(), [](unsigned char c) { return std::tolower(c); });
    auto underscore = key.find('_');
    auto ours = [&](const config_rule& rule) { return section_of(rule.key) == key.substr(0, underscore); };
    if (underscore == key.npos || std::ranges::none_of(config_rules(), ours))
      return;
    key[underscore] = '.';
    if (auto next = key.find('_', underscore);
        key.starts_with("sink.") && next != key.npos && std::isdigit(key[underscore + 1]))
      key[next] = '.';
    apply({key, raw_text{text.substr(equals + 1)}, "environment " + name});
  }

  void override_with(const std::string& text) {
    auto equals = text.find('=');
    if (equals == text.npos || equals == 0) {
      result_.errors.push_back("--set " + text + ": must be SECTION.KEY=VALUE, for example node.name=a");
      return;
    }
    apply({text.substr(0, equals), raw_text{text.substr(equals + 1)}, "--set"});
  }

  config_result finish() {
    fill_placeholders(result_);
    if (result_.errors.empty())
      check_together(result_);
    return std::move(result_);
  }

private:
  void fail(const config_setting& setting, const std::string& text) {
    result_.errors.push_back(setting.place + ": " + text);
  }

  void apply(const config_setting& setting) {
    auto key = split(setting.key);
    auto rule = find_rule(key.rule);
    if (rule == nullptr)
      return fail(setting, unknown_key(key.rule));
    sink_config unused;
    auto target = &unused;
    if (key.sink) {
      auto& sinks = result_.config.sinks;
      if (*key.sink > sinks.size() || *key.sink >= max_sinks)
        return fail(setting, setting.key + ": the next new sink is number " + std::to_string(sinks.size()) +
                                 ", at most " + std::to_string(max_sinks) + " are allowed");
      if (*key.sink == sinks.size())
        sinks.emplace_back();
      target = &sinks[*key.sink];
    }
    if (!rule->set(result_.config, *target, setting.value))
      fail(setting, setting.key + " must be " + rule->allowed + ", not " + shown(setting.value));
  }

  config_result result_;
};

} // namespace

std::string to_string(const endpoint& x) {
  auto six = x.host.find(':') != x.host.npos;
  return (six ? '[' + x.host + ']' : x.host) + ':' + std::to_string(x.port);
}

config_result parse_config(const std::string& toml, const config_input& input) {
  loader load;
  load.file(toml, std::filesystem::path{input.path}.filename().string());
  for (auto& variable : input.environment)
    load.variable(variable);
  for (auto& text : input.overrides)
    load.override_with(text);
  return load.finish();
}

config_result load_config(const config_input& input) {
  std::ostringstream text;
  if (!input.path.empty()) {
    std::ifstream file{input.path, std::ios::binary};
    if (!file || std::filesystem::is_directory(input.path)) {
      auto reason = file ? "it is a folder" : std::generic_category().message(errno);
      return {{}, {"cannot read the configuration '" + input.path + "': " + reason}};
    }
    text << file.rdbuf();
  }
  return parse_config(text.str(), input);
}

std::vector<std::string> process_environment() {
  std::vector<std::string> result;
  for (auto entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (std::string_view{*entry}.starts_with("SHARDYARD_"))
      result.emplace_back(*entry);
  }
  return result;
}

} // namespace shardyard
