// What bots ask of Discord, in one group of partitions: sends each command to the session that leads its
// guild, again when the lead changes before the answer has come, and tells for every answer whom it is for.
// Answers itself what it can or must: from the cache, and with RATE_LIMITED. Plain class, time is an
// argument; owned by the partition group.
#pragma once

#include "actors/partition/guild_questions.hpp"
#include "actors/partition/member_requests.hpp"
#include "actors/partition/voice_asks.hpp"

#include <deque>
#include <set>

namespace shardyard {

class command_desk {
public:
  explicit command_desk(desk_tuning tuning = {});
  command_desk(const command_desk&) = delete;
  command_desk& operator=(const command_desk&) = delete;

  /// A repeated one (same asker and number) is dropped.
  void take(const bot_command& x, const desk_port& port, monotonic now);

  /// Leads or sessions have changed, or time has passed: asks again, holds, gives up. Cheap while nothing is
  /// open.
  void look(const desk_port& port, monotonic now);
  void leads_changed() { looked_ = monotonic{0}; }
  /// When look() has something to do at the latest.
  monotonic next_look() const;

  /// An event of the local lane, brought by `session`. Not asked: nobody here has asked for it, now or
  /// before.
  desk_reading read(event_type_id type, snowflake guild, std::uint32_t session, std::string_view d,
                    monotonic now);

  void seated(snowflake guild, snowflake channel) { voice_.seated(guild, channel); }
  bool joining(snowflake guild) const { return voice_.joining(guild); }
  void rejoin(snowflake guild, const voice_seat& where) { voice_.rejoin(guild, where, out_); }

  std::vector<forwarded_command> take_forwards() { return std::exchange(out_.forwards, {}); }
  std::vector<desk_answer> take_answers() { return std::exchange(out_.answers, {}); }
  std::vector<std::string> take_notes() { return std::exchange(out_.notes, {}); }
  const desk_figures& figures() const { return out_.figures; }
  /// Requests that wait for Discord.
  std::size_t open() const { return members_.open() + questions_.open() + voice_.open(); }

private:
  bool repeated(const bot_command& x, monotonic now);

  desk_tuning tuning_;
  member_requests members_;
  guild_questions questions_;
  voice_asks voice_;
  desk_output out_;
  std::set<request_name> seen_;
  std::deque<std::pair<monotonic, request_name>> seen_at_;
  monotonic looked_{0};
};

} // namespace shardyard
