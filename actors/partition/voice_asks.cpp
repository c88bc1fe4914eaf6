#include "actors/partition/voice_asks.hpp"

#include "actors/partition/json_members.hpp"

namespace shardyard {

void voice_asks::take(const bot_command& x, const desk_port& port, desk_output& out, monotonic now) {
  auto channel = number_of(find_value(json_members(x.d), "channel_id"));
  auto& speaker = speakers_[x.guild];
  if (speaker.asker != 0 && speaker.asker != x.asker && channel != 0) {
    ++out.figures.voice_taken_over;
    out.notes.push_back("voice in guild " + std::to_string(x.guild) + ": bot " + x.bot + " takes over from " +
                        speaker.bot);
  }
  speaker = {x.asker, x.bot};
  if (channel == 0)
    speakers_.erase(x.guild);
  put(x.guild, {.asker = x.asker, .bot = x.bot, .d = x.d, .channel = channel}, port, out, now);
}

void voice_asks::rejoin(snowflake guild, const voice_seat& where, desk_output& out) {
  if (asks_.contains(guild))
    return; // what a bot wants now comes first
  auto speaker = speakers_.find(guild);
  ask x{.channel = where.channel};
  if (speaker != speakers_.end()) {
    x.asker = speaker->second.asker;
    x.bot = speaker->second.bot;
  }
  auto flag = [](bool on) { return on ? "true" : "false"; };
  x.d = "{\"guild_id\":\"" + std::to_string(guild) + "\",\"channel_id\":\"" + std::to_string(where.channel) +
        "\",\"self_mute\":" + flag(where.mute) + ",\"self_deaf\":" + flag(where.deaf) + "}";
  ++out.figures.voice_rejoined;
  out.notes.push_back("voice in guild " + std::to_string(guild) +
                      ": joined once more after its cut, with a short silence");
  asks_.emplace(guild, std::move(x));
}

void voice_asks::put(snowflake guild, ask x, const desk_port& port, desk_output& out, monotonic now) {
  auto& mine = asks_[guild];
  mine = std::move(x);
  if (!step(guild, mine, port, out, now))
    asks_.erase(guild);
}

void voice_asks::look(const desk_port& port, desk_output& out, monotonic now) {
  for (auto i = asks_.begin(); i != asks_.end();)
    i = step(i->first, i->second, port, out, now) ? std::next(i) : asks_.erase(i);
}

// Silence is no reason to ask again: Discord says nothing where the channel is full or closed to the bot.
bool voice_asks::step(snowflake guild, ask& x, const desk_port& port, desk_output& out, monotonic now) {
  switch (x.asked.next(port, guild, *tuning_, monotonic{0}, monotonic{0}, now)) {
  case asked_upstream::step::ask: {
    auto lead = *port.lead(guild);
    x.asked.asked(lead.number, now);
    if (x.until == monotonic{0})
      x.until = now + tuning_->again;
    out.forward(lead, {x.bot, 4, x.d});
    return true;
  }
  case asked_upstream::step::give_up:
    ++out.figures.unanswered;
    if (x.asker != 0)
      out.refuse(guild, x.asker, 4, tuning_->again);
    return false;
  case asked_upstream::step::drop:
    speakers_.erase(guild);
    return false;
  case asked_upstream::step::wait:
    return x.until == monotonic{0} || now < x.until;
  }
  return false;
}

desk_reading voice_asks::server_update(snowflake guild) {
  asks_.erase(guild);
  auto found = speakers_.find(guild);
  if (found == speakers_.end())
    return {};
  return {true, {{found->second.asker, std::nullopt}}};
}

void voice_asks::seated(snowflake guild, snowflake channel) {
  auto pending = asks_.find(guild);
  if (pending == asks_.end()) {
    if (channel == 0)
      speakers_.erase(guild);
  } else if (channel == 0 && pending->second.channel == 0) {
    asks_.erase(pending);
  }
}

bool voice_asks::joining(snowflake guild) const {
  auto found = asks_.find(guild);
  return found != asks_.end() && found->second.channel != 0;
}

} // namespace shardyard
