#include "actors/partition/guild_questions.hpp"

#include "actors/partition/json_members.hpp"

#include <algorithm>

namespace shardyard {
namespace {

constexpr std::uint8_t sounds_op = 31;
constexpr std::size_t longest_list = 3000; ///< bytes of guild ids in one payload

/// Sounds of several guilds are one payload.
void forward_sounds(desk_output& out, const leading_session& lead, const std::string& bot, snowflake guild) {
  auto id = "\"" + std::to_string(guild) + "\"";
  auto joins = [&](const forwarded_command& x) {
    return x.shard == lead.shard && x.command.op == sounds_op && x.command.bot == bot &&
           x.command.session == lead.session_id && x.command.d.size() < longest_list;
  };
  if (auto other = std::ranges::find_if(out.forwards, joins); other != out.forwards.end())
    other->command.d.insert(other->command.d.size() - 2, "," + id);
  else
    out.forward(lead, {bot, sounds_op, "{\"guild_ids\":[" + id + "]}"});
}

} // namespace

void guild_questions::take(const bot_command& x, const desk_port& port, desk_output& out, monotonic now) {
  if (x.op == sounds_op) {
    for (auto id : json_elements(find_value(json_members(x.d), "guild_ids")))
      if (auto guild = number_of(id); guild != 0)
        ask({x.op, guild}, x.asker, x.bot, {});
  } else {
    ask({x.op, x.guild}, x.asker, x.bot, x.d);
  }
  look(port, out, now);
}

void guild_questions::ask(const subject& about, std::uint32_t asker, const std::string& bot, std::string d) {
  auto& line = lines_[about];
  auto same = std::ranges::find(line, d, &question::d);
  if (same == line.end()) {
    ++open_;
    same = line.insert(line.end(), {.id = ++ids_, .bot = bot, .d = std::move(d)});
  }
  same->askers.push_back(asker);
}

void guild_questions::look(const desk_port& port, desk_output& out, monotonic now) {
  for (auto i = lines_.begin(); i != lines_.end();) {
    auto& [about, line] = *i;
    while (!line.empty() && !step(about, line.front(), port, out, now)) {
      line.pop_front();
      --open_;
    }
    i = line.empty() ? lines_.erase(i) : std::next(i);
  }
  for (auto i = debts_.begin(); i != debts_.end();) {
    auto& [debtor, owed] = *i;
    std::erase_if(owed, [now](auto& x) { return x.until <= now; });
    i = owed.empty() || !port.lives(std::get<0>(debtor)) ? debts_.erase(i) : std::next(i);
  }
}

bool guild_questions::step(const subject& about, question& x, const desk_port& port, desk_output& out,
                           monotonic now) {
  auto next = x.asked.next(port, about.second, *tuning_, tuning_->again, monotonic{0}, now);
  if (next == asked_upstream::step::ask) {
    send(about, x, *port.lead(about.second), out, now);
    return true;
  }
  if (next == asked_upstream::step::wait && (x.until == monotonic{0} || now < x.until))
    return true;
  ++out.figures.unanswered;
  if (next == asked_upstream::step::give_up)
    for (auto asker : x.askers)
      out.refuse(about.second, asker, about.first, tuning_->again);
  return false;
}

void guild_questions::send(const subject& about, question& x, const leading_session& lead, desk_output& out,
                           monotonic now) {
  x.asked.asked(lead.number, now);
  if (x.until == monotonic{0})
    x.until = now + tuning_->answer;
  debts_[{lead.number, about.first, about.second}].push_back({x.id, x.d, now + tuning_->owed});
  if (about.first == sounds_op)
    forward_sounds(out, lead, x.bot, about.second);
  else
    out.forward(lead, {x.bot, about.first, x.d});
}

// A command may have been lost on its way, so an answer may be a later debt's. It is never an earlier one's,
// and nothing is asked behind the open question: what its debt says is its answer. Others are it only where
// all that the session owes is the same.
desk_reading guild_questions::answered(std::uint8_t op, snowflake guild, std::uint32_t session) {
  desk_reading result;
  auto owed = debts_.find({session, op, guild});
  if (owed == debts_.end() || owed->second.empty())
    return result;
  result.asked = true;
  auto line = lines_.find({op, guild});
  auto open = line == lines_.end() ? nullptr : &line->second.front();
  auto fits = open && (owed->second.front().question == open->id ||
                       std::ranges::all_of(owed->second, [&](auto& x) { return x.d == open->d; }));
  owed->second.pop_front();
  if (!fits)
    return result;
  for (auto asker : open->askers)
    result.to.push_back({asker, std::nullopt});
  line->second.pop_front();
  --open_;
  if (line->second.empty())
    lines_.erase(line);
  return result;
}

} // namespace shardyard
