// What clients ask for on a session: presence (op 3), voice (4), members (8), sounds (31), channels (43).
// Replies go to the session that asked; what everybody sees is an occurrence. A guild that the session does
// not have is passed over in silence.
#include "sim/client_fields.hpp"
#include "sim/gateway.hpp"
#include "sim/member_chunks.hpp"
#include "sim/text.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>

namespace shardyard::sim {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr std::array<std::string_view, 5> settable_statuses{"offline", "online", "idle", "dnd", "invisible"};

/// The elements of `activities` as others see them.
std::string shown_activities(const json::value* given, std::int64_t now_ms) {
  std::string out;
  auto* list = given ? given->if_array() : nullptr;
  for (std::size_t i = 0; list && i < list->size(); ++i) {
    auto* from = (*list)[i].if_object();
    if (!from)
      continue;
    json::object shown{{"id", std::to_string(i)}, {"created_at", now_ms}};
    for (auto* key : {"name", "state", "type", "url"}) // what a bot may set
      if (auto* value = from->if_contains(key); value && !value->is_null())
        shown[key] = *value;
    if (!out.empty())
      out += ",";
    out += json::serialize(shown);
  }
  return out;
}

} // namespace

void gateway::command(client& who, int op, const json::object* d, moment now) {
  auto refuse = [&](std::string text) {
    violated(who, "missing_fields", std::move(text), now);
    close(who, 4001, "Unknown opcode.", now);
  };
  if (op == 3)
    return presence(who, d, now);
  if (!d)
    return refuse("op " + std::to_string(op) + " without d");
  if (op == 8) {
    auto request = read_member_request(*d);
    if (auto* wrong = std::get_if<wrong_fields>(&request))
      return refuse(std::move(wrong->text));
    return send_members(who, std::get<member_request>(request), now);
  }
  if (op == 31) {
    auto* ids = d->if_contains("guild_ids");
    if (!ids || !ids->is_array())
      return refuse("op 31 without guild_ids");
    for (auto& id : ids->get_array())
      if (auto* in = guild_of(*who.current, id_of(&id).value_or(0)))
        send_sounds(*who.current, *in, now);
    return;
  }
  auto id = id_of(d->if_contains("guild_id"));
  if (!id)
    return refuse("op " + std::to_string(op) + " without guild_id");
  auto* fields = d->if_contains("fields");
  if (op == 43 && (!fields || !fields->is_array()))
    return refuse("op 43 without fields");
  auto* in = guild_of(*who.current, *id);
  if (!in)
    return;
  if (op == 43)
    return send_channel_info(*who.current, *in, fields->get_array(), now);
  auto* channel = d->if_contains("channel_id");
  auto wanted = !channel || channel->is_null() ? 0 : id_of(channel);
  if (!wanted)
    return refuse("op 4 with a channel_id that is no id");
  set_voice(*who.current, *in, *wanted, is_true(d->if_contains("self_mute")),
            is_true(d->if_contains("self_deaf")), now);
}

guild* gateway::guild_of(const session& which, snowflake id) {
  auto* found = world_.find(id);
  auto view = found ? which.guilds.find(found->index) : which.guilds.end();
  return view == which.guilds.end() || view->second == guild_view::outage ? nullptr : found;
}

// It takes its place among the guild's copies, so that what the request caused comes before it.
void gateway::reply(session& to, const guild& in, std::string_view name, std::string d, moment now) {
  payload answer{.name = name, .d = std::move(d)};
  to.queue(in.id, unix_ms(now),
           {copy_kind::reply, in.index, truth_.newest(), std::make_shared<const payload>(std::move(answer))});
}

void gateway::presence(client& who, const json::object* d, moment now) {
  for (auto* key : {"since", "activities", "status", "afk"}) {
    if (!d || !d->contains(key)) {
      violated(who, "missing_fields", std::string{"op 3 without "} + key, now);
      return close(who, 4001, "Unknown opcode.", now);
    }
  }
  if (std::ranges::find(settable_statuses, text_of(d->if_contains("status"))) == settable_statuses.end()) {
    violated(who, "wrong_fields", "op 3 with status " + json::serialize(d->at("status")), now);
    return close(who, 4001, "Unknown opcode.", now);
  }
  if (counted(who.presences, now, 20s) > 5) {
    violated(who, "presence_limit", "more than 5 presence updates in 20 s", now);
    return close(who, 4008, "Rate limited.", now);
  }
  show_presence(*who.current, *d, now);
}

// What others see of a bot with several sessions is unpublished; here the last word of any session that has
// the guild holds.
void gateway::show_presence(const session& from, const json::object& wanted, moment now) {
  auto status =
      std::ranges::find(settable_statuses, text_of(wanted.if_contains("status"))) - settable_statuses.begin();
  if (status >= 4)
    status = status == 4 ? 0 : 1; // invisible looks offline; without a status: online
  auto activities = status == 0 ? std::string{} : shown_activities(wanted.if_contains("activities"), 0);
  auto since = unix_ms(world_time(now));
  auto shared =
      std::make_shared<const std::string>(shown_activities(wanted.if_contains("activities"), since));
  std::vector<std::uint32_t> guilds;
  for (auto& [index, view] : from.guilds)
    guilds.push_back(index);
  std::ranges::sort(guilds);
  for (auto index : guilds) {
    auto& in = world_.guilds()[index];
    if (in.bot().status == status && in.bot_presence == activities)
      continue;
    in.bot_presence = activities;
    in.bot_activities = status == 0 ? nullptr : shared;
    in.bot().status = static_cast<std::uint8_t>(status);
    in.bot().presence_ms = since;
    payload update{.name = rule_of(event_kind::presence_update).name, .d = {}};
    put_presence_update(update.d, {world_, in}, in.bot());
    happen({.kind = event_kind::presence_update,
            .guild = in.id,
            .guild_index = index,
            .content = std::make_shared<const payload>(std::move(update))},
           now);
  }
}

void gateway::send_members(client& who, member_request request, moment now) {
  auto& to = *who.current;
  auto* in = guild_of(to, request.guild);
  if (!in)
    return;
  if (request.everyone() && (to.as().intents & guild_members_intent) == 0)
    return violated(who, "members_intent", "all members requested without the intent GUILD_MEMBERS", now);
  if (request.everyone()) {
    auto [last, first_time] = member_requests_.try_emplace(in->id, now);
    auto wait = last->second + settings_.member_request_spacing - now;
    if (!first_time && wait > 0us) {
      violated(who, "member_requests",
               "all members of guild " + std::to_string(in->id) + " requested again too soon", now);
      return reply(to, *in, "RATE_LIMITED",
                   rate_limited(request, std::chrono::duration<double>(wait).count()), now);
    }
    last->second = now;
  }
  request.presences = request.presences && (to.as().intents & guild_presences_intent) != 0;
  for (auto& chunk : member_chunks({world_, *in}, request))
    reply(to, *in, "GUILD_MEMBERS_CHUNK", std::move(chunk), now);
}

void gateway::send_sounds(session& to, const guild& in, moment now) {
  std::string d = "{";
  put_soundboard_sounds(d, in);
  put(d, R"(,"guild_id":)");
  put_id(d, in.id);
  put(d, "}");
  reply(to, in, "SOUNDBOARD_SOUNDS", std::move(d), now);
}

// Only channels that have something to tell are listed.
void gateway::send_channel_info(session& to, const guild& in, const json::array& fields, moment now) {
  auto start_times = std::ranges::find(fields, json::value("voice_start_time")) != fields.end();
  auto status = std::ranges::find(fields, json::value("status")) != fields.end();
  json::array channels;
  for (auto& each : in.channels) {
    if (each.voice_since_ms == 0)
      continue;
    json::object shown{{"id", std::to_string(each.id)}};
    if (status)
      shown["status"] = nullptr;
    if (start_times)
      shown["voice_start_time"] = each.voice_since_ms / 1000;
    channels.push_back(std::move(shown));
  }
  reply(to, in, "CHANNEL_INFO",
        json::serialize(json::object{{"guild_id", std::to_string(in.id)}, {"channels", std::move(channels)}}),
        now);
}

// No answer at all when the channel is full or none to speak in (Gateway reference, "Update Voice State").
void gateway::set_voice(session& from, guild& in, snowflake channel, bool mute, bool deaf, moment now) {
  auto& bot = in.bot();
  auto* room = channel == 0 ? nullptr : in.find_channel(channel);
  auto moves = bot.voice_channel != channel;
  if (channel != 0 && (!room || room->type != 2 || (moves && in.count_in_voice(channel) >= voice_places)))
    return;
  if (channel == 0 && !moves)
    return;
  auto taken_over = in.voice_session != from.id();
  if (taken_over) {
    if (auto owner = by_id_.find(in.voice_session); owner != by_id_.end())
      owner->second->voice.erase(in.index);
    in.voice_session = from.id();
  }
  bot.self_mute = mute;
  bot.self_deaf = deaf;
  in.move_in_voice(bot, channel, unix_ms(world_time(now)));
  tell_bot_voice(in, now);
  if (channel == 0) {
    from.voice.erase(in.index);
    return;
  }
  from.voice.insert(in.index);
  if (!moves && !taken_over)
    return;
  std::string d = R"({"token":")";
  put_hex(d, delays_.next());
  put(d, R"(","guild_id":)");
  put_id(d, in.id);
  put(d, R"(,"endpoint":")" + settings_.voice_endpoint + "\"}");
  reply(from, in, "VOICE_SERVER_UPDATE", std::move(d), now);
}

void gateway::tell_bot_voice(guild& in, moment now) {
  payload update{.name = rule_of(event_kind::voice_state_update).name, .d = {}};
  put_voice_state_update(update.d, {world_, in}, in.bot());
  happen({.kind = event_kind::voice_state_update,
          .guild = in.id,
          .guild_index = in.index,
          .content = std::make_shared<const payload>(std::move(update))},
         now);
}

// A voice state ends with the gateway session that it belongs to (discord-api-docs, issue 2257).
void gateway::leave_voice(const session& ended, moment now) {
  for (auto index : ended.voice) {
    auto& in = world_.guilds()[index];
    if (!in.present || in.voice_session != ended.id() || in.bot().voice_channel == 0)
      continue;
    in.move_in_voice(in.bot(), 0, unix_ms(world_time(now)));
    tell_bot_voice(in, now);
  }
}

} // namespace shardyard::sim
