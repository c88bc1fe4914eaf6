#include "actors/partition/command_desk.hpp"

#include "messages/discord_event.hpp"

namespace shardyard {
namespace {

using namespace std::chrono_literals;

constexpr monotonic repeats_within = 120s;
constexpr std::size_t most_seen = 1u << 16;
constexpr monotonic look_interval = 200ms;

} // namespace

command_desk::command_desk(desk_tuning tuning)
    : tuning_(tuning), members_(tuning_), questions_(tuning_), voice_(tuning_) {}

bool command_desk::repeated(const bot_command& x, monotonic now) {
  while (!seen_at_.empty() &&
         (now - seen_at_.front().first > repeats_within || seen_at_.size() > most_seen)) {
    seen_.erase(seen_at_.front().second);
    seen_at_.pop_front();
  }
  request_name name{x.asker, x.number};
  if (!seen_.insert(name).second)
    return true;
  seen_at_.emplace_back(now, name);
  return false;
}

void command_desk::take(const bot_command& x, const desk_port& port, monotonic now) {
  if (repeated(x, now)) {
    ++out_.figures.repeated;
    return;
  }
  ++out_.figures.taken;
  if (open() >= tuning_.most_open || members_.open_of(x.bot) >= tuning_.most_of_bot)
    return out_.refuse(x.guild, x.asker, x.op, tuning_.again, x.nonce.empty() ? "" : '"' + x.nonce + '"');
  switch (x.op) {
  case 4:
    return voice_.take(x, port, out_, now);
  case 8:
    return members_.take(x, port, out_, now);
  case 31:
  case 43:
    return questions_.take(x, port, out_, now);
  default:
    return;
  }
}

void command_desk::look(const desk_port& port, monotonic now) {
  looked_ = now;
  members_.look(port, out_, now);
  questions_.look(port, out_, now);
  voice_.look(port, out_, now);
}

monotonic command_desk::next_look() const {
  return open() == 0 ? monotonic::max() : looked_ + look_interval;
}

desk_reading command_desk::read(event_type_id type, snowflake guild, std::uint32_t session,
                                std::string_view d, monotonic now) {
  if (type == discord_event::guild_members_chunk)
    return members_.chunk(d);
  if (type == discord_event::soundboard_sounds)
    return questions_.answered(31, guild, session);
  if (type == discord_event::channel_info)
    return questions_.answered(43, guild, session);
  if (type == discord_event::rate_limited)
    return members_.rate_limited(guild, d, now);
  if (type == discord_event::voice_server_update)
    return voice_.server_update(guild);
  return {};
}

} // namespace shardyard
