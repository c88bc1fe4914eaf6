// What bots do: IDENTIFY, RESUME, commands, the end of their connections.
#include "actors/bot_session/bot_switch_state.hpp"

#include "actors/bot_session/content_mask.hpp"
#include "actors/bot_session/event_intents.hpp"
#include "actors/bot_session/json_fields.hpp"
#include "actors/bot_session/ready_payload.hpp"

#include <algorithm>

namespace shardyard {
namespace {

std::string hex_id(std::mt19937_64& random) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string result;
  for (auto half : {random(), random()})
    for (auto i = 0; i < 16; ++i, half >>= 4)
      result += digits[half & 15];
  return result;
}

} // namespace

/// The close code that an IDENTIFY is answered with; 0: it is accepted.
std::uint16_t bot_switch::state::refusal_of(const identification_sent& x, bot_name& name) const {
  name = settings.find_bot ? settings.find_bot(x.token) : bot_name{};
  if (name.name.empty())
    return 4004;
  if (!x.intents || (*x.intents & ~documented_intents) != 0)
    return 4013;
  if ((*x.intents & ~settings.intents) != 0)
    return 4014;
  return x.shard ? 0 : 4010;
}

/// Whether there is room for one more session, for which the one that is longest without a connection goes.
bool bot_switch::state::make_room() {
  if (sessions.size() < settings.most_sessions)
    return true;
  bot_session* oldest = nullptr;
  for (auto& x : sessions)
    if (!x->connection && (!oldest || x->detached_at < oldest->detached_at))
      oldest = x.get();
  if (!oldest)
    return false;
  end(*oldest);
  return true;
}

void bot_switch::state::identified(bot_connection& from, const identification_sent& x) {
  ++identifies;
  bot_name name;
  if (auto code = refusal_of(x, name); code != 0)
    return from.close(code);
  if (!make_room())
    return from.say_invalid(now());
  start(from, x, std::move(name));
}

void bot_switch::state::start(bot_connection& from, const identification_sent& x, bot_name name) {
  auto when = now();
  auto& made = *sessions.emplace_back(std::make_unique<bot_session>(settings.own_bytes));
  made.id = hex_id(random);
  made.bot = std::move(name.name);
  std::uint32_t asker = 0;
  while (asker == 0 || find(asker))
    asker = static_cast<std::uint32_t>(random());
  made.asker = asker;
  made.filter = *x.shard;
  made.sharded = x.sharded;
  made.intents = *x.intents;
  made.mask = mask_of(made.intents, settings.intents);
  made.large_threshold = x.large_threshold;
  made.connection = &from;
  made.ask_list_again = when + guild_backfill::patience;
  from.attach(made, when);
  if (x.compress)
    from.link().compress_payloads();
  if (!x.presence.empty())
    tell_presence(made, x.presence);
  cluster.list_guilds(asker, made.filter);
}

void bot_switch::state::resumed(bot_connection& from, const resume_sent& x) {
  auto name = settings.find_bot ? settings.find_bot(x.token) : bot_name{};
  if (name.name.empty())
    return from.close(4004);
  auto when = now();
  auto* back = find(x.session_id);
  if (!back || back->bot != name.name || !back->live())
    return from.say_invalid(when);
  if (back->connection)
    back->connection->close(4000); // the newer connection wins
  // A repeat of an impossible sequence is answered by op 9, so the session goes.
  if (x.seq > back->sent()) {
    end(*back);
    return from.close(4007);
  }
  if (!back->log().whole_from(x.seq + 1, ring)) {
    ++invalid;
    end(*back);
    return from.say_invalid(when);
  }
  ++resumes;
  ++back->resumes;
  back->connection = &from;
  back->rewind(x.seq);
  back->log().append("RESUMED", std::string{resumed_payload}, when);
  from.attach(*back, when);
  from.greeted(when);
  pump(*back, when);
  fetch_more(*back, when);
  flush(when);
}

void bot_switch::state::tell_presence(const bot_session& of, std::string_view d) {
  last_presence = std::max(last_presence + 1, settings.unix_us());
  cluster.presence({of.bot, of.filter, last_presence, std::string{d}});
}

void bot_switch::state::said_presence(bot_connection& from, std::string_view d) {
  tell_presence(*from.session(), d);
}

/// Guilds of other shards are left out in silence, as Discord ignores requests for them.
void bot_switch::state::request_sounds(const bot_session& from, const command_sent& x) {
  bot_command result{from.asker, 0, from.bot, x.op, 0, R"({"guild_ids":[)", {}};
  for (auto guild : x.guilds) {
    if (!from.filter.sees(guild))
      continue;
    result.d += result.guild == 0 ? "\"" : ",\"";
    result.d += std::to_string(guild) + '"';
    if (result.guild == 0)
      result.guild = guild;
  }
  result.d += "]}";
  if (result.guild != 0)
    cluster.command(commands.add(std::move(result), now()));
}

void bot_switch::state::commanded(bot_connection& from, const command_sent& x) {
  auto& by = *from.session();
  if (x.op == 31)
    return request_sounds(by, x);
  if (!by.filter.sees(x.guild))
    return;
  if (x.op == 4)
    voices.said(by.asker, x.guild, id_in(field_of(x.d, "channel_id")));
  cluster.command(commands.add({by.asker, 0, by.bot, x.op, x.guild, std::string{x.d}, x.nonce}, now()));
}

void bot_switch::state::drained(bot_connection& from) {
  if (!from.session())
    return;
  auto when = now();
  pump(*from.session(), when);
  if (!from.session()->lost())
    fetch_more(*from.session(), when);
  flush(when);
}

void bot_switch::state::detached(bot_connection& from, bool ended) {
  auto* x = from.session();
  from.detach();
  if (!x)
    return;
  x->connection = nullptr;
  x->detached_at = now();
  // A bot that has not seen READY does not know what to RESUME.
  if (ended || !x->live())
    end(*x);
}

void bot_switch::state::gone(bot_connection& from) {
  std::erase_if(connections, [&](auto& x) { return x.get() == &from; });
}

} // namespace shardyard
