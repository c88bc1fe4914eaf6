// GUILD_CREATE for comparison: every list as a map by id, keys in order, without what may differ.
#pragma once

#include <boost/json.hpp>

#include <map>
#include <sstream>
#include <string>
#include <string_view>

namespace shardyard {

inline std::string key_ordered(const boost::json::value& x) {
  if (auto* object = x.if_object()) {
    std::map<std::string, std::string> fields;
    for (auto& [key, value] : *object)
      fields[key] = key_ordered(value);
    std::string all = "{";
    for (auto& [key, value] : fields)
      all += key + ":" + value + ",";
    return all + "}";
  }
  if (auto* array = x.if_array()) {
    std::string all = "[";
    for (auto& each : *array)
      all += key_ordered(each) + ",";
    return all + "]";
  }
  return boost::json::serialize(x);
}

inline std::string entity_key(std::string_view kind, const boost::json::object& o) {
  if (kind == "members" || kind == "presences")
    return std::string{o.at("user").at("id").as_string()};
  return std::string{o.at(kind == "voice_states"        ? "user_id"
                          : kind == "soundboard_sounds" ? "sound_id"
                                                        : "id")
                         .as_string()};
}

inline constexpr std::string_view guild_lists[] = {
    "channels",        "threads",          "presences",
    "voice_states",    "members",          "roles",
    "emojis",          "stickers",         "guild_scheduled_events",
    "stage_instances", "soundboard_sounds"};

/// One line per entity, sorted. `ignored`: keys of entities that do not count.
inline std::string guild_lines(std::string_view guild_create,
                               std::initializer_list<const char*> ignored = {}) {
  auto guild = boost::json::parse(guild_create).as_object();
  std::map<std::string, std::string> lines;
  for (auto kind : guild_lists) {
    auto list = guild.if_contains(kind);
    for (auto& each : list ? list->as_array() : boost::json::array{}) {
      auto object = each.as_object();
      if (kind == "channels")
        object.erase("guild_id");
      for (auto key : ignored)
        object.erase(key);
      lines[std::string{kind} + " " + entity_key(kind, each.as_object())] = key_ordered(object);
    }
    guild.erase(kind);
  }
  for (auto key : ignored)
    guild.erase(key);
  for (auto& [key, value] : guild)
    lines["guild " + std::string{key}] = key_ordered(value);
  std::string all;
  for (auto& [key, value] : lines)
    all += key + " " + value + "\n";
  return all;
}

/// Empty when both are equal, else the first line in which they differ.
inline std::string first_difference(const std::string& left, const std::string& right) {
  std::istringstream ours{left}, theirs{right};
  for (std::string a, b;;) {
    auto more = static_cast<bool>(std::getline(ours, a)), others = static_cast<bool>(std::getline(theirs, b));
    if (!more && !others)
      return {};
    if (more != others || a != b)
      return (more ? a : "nothing") + "\n  instead of\n" + (others ? b : "nothing");
  }
}

} // namespace shardyard
