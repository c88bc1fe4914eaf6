// The commands that a bot has registered, per scope (global or one guild), with the ids that they were given.
#pragma once

#include "sim/clock.hpp"

#include <boost/json.hpp>

#include <map>
#include <optional>

namespace shardyard::sim {

class application_commands {
public:
  static constexpr std::size_t most_per_scope = 130; ///< 100 slash, 15 user, 15 message commands

  /// Replaces all commands of a scope (`guild` 0: global). Each needs a name of 1 to 32 characters. A command
  /// that had the name before keeps its id. None: the list is refused and nothing changed.
  std::optional<boost::json::array> replace(snowflake application, snowflake guild,
                                            const boost::json::array& wanted, snowflake fresh_id) {
    if (wanted.size() > most_per_scope)
      return std::nullopt;
    boost::json::array made;
    for (auto& each : wanted) {
      auto* fields = each.if_object();
      auto* name = fields ? fields->if_contains("name") : nullptr;
      if (!name || !name->is_string() || name->get_string().empty() || name->get_string().size() > 128)
        return std::nullopt;
      boost::json::object command = *fields;
      command["id"] =
          id_of(guild, *name).value_or(boost::json::value(std::to_string(fresh_id + made.size())));
      command["application_id"] = std::to_string(application);
      command["version"] = std::to_string(fresh_id);
      command.emplace("type", 1);
      if (guild != 0)
        command["guild_id"] = std::to_string(guild);
      made.push_back(std::move(command));
    }
    return scopes_[guild] = std::move(made);
  }

  boost::json::array list(snowflake guild) const {
    auto found = scopes_.find(guild);
    return found == scopes_.end() ? boost::json::array{} : found->second;
  }

private:
  std::optional<boost::json::value> id_of(snowflake guild, const boost::json::value& name) const {
    if (auto found = scopes_.find(guild); found != scopes_.end())
      for (auto& each : found->second)
        if (each.at("name") == name)
          return each.at("id");
    return std::nullopt;
  }

  std::map<snowflake, boost::json::array> scopes_;
};

} // namespace shardyard::sim
