// The world around a command desk without partitions: guilds with a lead, sessions that live or not, and what
// the desk has put out.
#pragma once

#include "actors/partition/command_desk.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace shardyard::testing {

using namespace std::chrono_literals;

inline constexpr shard_key old_one{1, 0, 1};
inline constexpr shard_key new_one{2, 0, 1};

class desk_world final : public desk_port {
public:
  std::optional<leading_session> lead(snowflake guild) const override {
    auto found = leads.find(guild);
    return found == leads.end() ? std::nullopt : std::optional{found->second};
  }
  bool lives(std::uint32_t session) const override { return !dead.contains(session); }
  std::optional<std::string> members(snowflake, std::span<const snowflake> users) const override {
    if (users.size() == 1 && users[0] == 7)
      return "[{\"user\":{\"id\":\"7\"}}]";
    return std::nullopt;
  }

  static leading_session session(shard_key shard, std::uint32_t number, bool connected = true) {
    return {shard, number, "s" + std::to_string(number), connected};
  }
  void lose(std::uint32_t number) {
    dead.insert(number);
    for (auto& [_, x] : leads)
      if (x.number == number)
        x = {x.shard, 0, "", false};
    look();
  }

  void take(std::uint32_t asker, std::uint8_t op, snowflake guild, std::string d) {
    desk.take({asker, ++number, "bot" + std::to_string(asker), op, guild, std::move(d), {}}, *this, now);
    collect();
  }
  void look() {
    desk.look(*this, now);
    collect();
  }
  void pass(monotonic time) {
    for (auto end = now + time; now < end;) {
      now += 200ms;
      look();
    }
  }
  void collect() {
    for (auto& x : desk.take_forwards())
      sent.push_back(std::move(x));
    for (auto& x : desk.take_answers())
      said.push_back(std::move(x));
  }

  /// "op session d" of what was sent since the last call.
  std::vector<std::string> new_sent() {
    std::vector<std::string> result;
    for (auto& x : std::exchange(sent, {}))
      result.push_back(std::to_string(x.command.op) + " " + x.command.session + " " + x.command.d);
    return result;
  }
  /// "asker d"
  std::vector<std::string> new_said() {
    std::vector<std::string> result;
    for (auto& x : std::exchange(said, {}))
      result.push_back(std::to_string(x.asker) + " " + x.d);
    return result;
  }
  /// "asker d", what an event is made of; "unasked" when nobody of ours asked.
  std::vector<std::string> read(std::string_view t, snowflake guild, std::uint32_t session, std::string d) {
    auto reading = desk.read(find_event_type(t), guild, session, d, now);
    if (!reading.asked)
      return {"unasked"};
    std::vector<std::string> result;
    for (auto& x : reading.to)
      result.push_back(std::to_string(x.asker) + " " + x.d.value_or(d));
    return result;
  }

  std::map<snowflake, leading_session> leads;
  std::set<std::uint32_t> dead;
  command_desk desk;
  std::vector<forwarded_command> sent;
  std::vector<desk_answer> said;
  monotonic now = 1000s;
  std::uint64_t number = 0;
};

} // namespace shardyard::testing
