// The rarer events: members, channels, threads, roles, scheduled events, audit log, interactions, the bot's
// own messages, and all without guild.
#include "sim/event_source.hpp"
#include "sim/text.hpp"

#include <algorithm>

namespace shardyard::sim {
namespace {

// A guild's lists drift around what the seed gave it, within these bounds.
constexpr std::size_t most_members = 300, most_channels = 400, most_threads = 300, most_roles = 200,
                      most_events = 20, most_emojis = 350;

constexpr std::chrono::milliseconds repeated_join_after{400};

void put_member_event(std::string& d, const scene& at, const member& who) {
  put(d, "{");
  put_member_keys(d, at, who);
  put(d, R"(,"user":)");
  put(d, at.all.users()[who.user].json);
  put(d, R"(,"guild_id":)");
  put_id(d, at.in.id);
  put(d, "}");
}

template <class T>
T take(std::vector<T>& from, std::size_t at) {
  auto taken = std::move(from[at]);
  from.erase(from.begin() + static_cast<std::ptrdiff_t>(at));
  return taken;
}

} // namespace

bool event_source::write_member_event(event_kind& kind, guild& in, moment now) {
  using enum event_kind;
  auto& d = text_.d;
  scene at{all_, in};
  if (kind == guild_member_add && in.members.size() >= most_members)
    kind = guild_member_remove;
  if (kind == guild_member_remove) {
    if (in.members.size() < 5)
      return false;
    auto at_back = in.members.size() - 1;
    auto leaves = in.members[at_back].user == in.owner ? at_back - 1 : at_back;
    if (in.members[leaves].voice_channel != 0)
      return false;
    auto gone = take(in.members, leaves);
    --in.member_count;
    put(d, R"({"user":)");
    put(d, all_.users()[gone.user].json);
    put_guild_id(in);
    return true;
  }
  auto* who = &some_member(in);
  if (kind == guild_member_add) {
    auto user = 1 + rng_.below(static_cast<std::uint32_t>(all_.users().size()) - 1);
    if (std::ranges::find(in.members, user, &member::user) != in.members.end())
      return false;
    who = &in.members.emplace_back(member{.user = user, .joined_ms = unix_ms(now)});
    ++in.member_count;
    if (rng_.chance(repeated_join_share_) && repeated_joins_.size() < 100)
      repeated_joins_.push_back({in.index, user, now + repeated_join_after});
  } else if (rng_.chance(0.5)) {
    who->has_role = !who->has_role;
  } else {
    who->nick = static_cast<std::uint8_t>(rng_.below(4));
  }
  put_member_event(d, at, *who);
  return true;
}

// Discord repairs a join by telling it again, to every session, with a `joined_at` some 400 ms later
// (discord-api-docs, issue 3377). The member has joined once.
guild* event_source::repeat_join(moment now) {
  if (repeated_joins_.empty() || repeated_joins_.front().due > now)
    return nullptr;
  auto again = repeated_joins_.front();
  repeated_joins_.pop_front();
  auto& in = all_.guilds()[again.guild_index];
  auto who = std::ranges::find(in.members, again.user, &member::user);
  if (!in.present || who == in.members.end())
    return nullptr;
  who->joined_ms += std::chrono::duration_cast<std::chrono::milliseconds>(repeated_join_after).count();
  put_member_event(text_.d, {all_, in}, *who);
  return &in;
}

bool event_source::write_channel_event(event_kind kind, guild& in, moment now) {
  using enum event_kind;
  auto* which = some_channel(in, 0);
  channel gone;
  if (kind == channel_create) {
    if (in.channels.size() >= most_channels)
      return false;
    which = &in.channels.emplace_back(channel{.id = all_.fresh_id(now), .parent = in.channels.front().id});
  } else if (kind == channel_update) {
    if (!which)
      return false;
    ++which->version;
  } else {
    // The seed's channels stay; one made since goes, with its threads.
    auto at = in.channels.size() - 1;
    if (in.channels.size() < 10 || in.channels[at].type != 0)
      return false;
    gone = take(in.channels, at);
    which = &gone;
    std::erase_if(in.threads, [&gone](const thread& each) { return each.parent == gone.id; });
    for (auto& message : in.recent)
      if (message.channel == gone.id)
        message = {};
  }
  put(text_.d, "{");
  put_channel_keys(text_.d, {all_, in}, *which);
  put_guild_id(in);
  return true;
}

bool event_source::write_thread_event(event_kind kind, guild& in, moment now) {
  using enum event_kind;
  auto& d = text_.d;
  if (kind == thread_create) {
    auto* parent = some_channel(in, 0);
    if (!parent || in.threads.size() >= most_threads)
      return false;
    in.threads.push_back({.id = all_.fresh_id(now),
                          .parent = parent->id,
                          .owner = some_member(in).user,
                          .created_ms = unix_ms(now)});
  } else if (in.threads.empty()) {
    return false;
  }
  auto at = kind == thread_create ? in.threads.size() - 1
                                  : rng_.below(static_cast<std::uint32_t>(in.threads.size()));
  if (kind == thread_delete) {
    auto gone = take(in.threads, at);
    put(d, R"({"id":)");
    put_id(d, gone.id);
    put(d, R"(,"parent_id":)");
    put_id(d, gone.parent);
    put(d, R"(,"type":11)");
    put_guild_id(in);
    return true;
  }
  auto which = in.threads[at];
  if (kind == thread_update) {
    ++which.version;
    which.archived = rng_.chance(0.25);
    if (which.archived)
      take(in.threads, at); // GUILD_CREATE lists active threads only
    else
      in.threads[at] = which;
  }
  put(d, "{");
  put_thread_keys(d, {all_, in}, which);
  put(d, kind == thread_create ? R"(,"newly_created":true})" : "}");
  return true;
}

bool event_source::write_role_event(event_kind kind, guild& in, moment now) {
  using enum event_kind;
  auto& d = text_.d;
  if (kind == guild_role_create) {
    if (in.roles.size() >= most_roles)
      return false;
    in.roles.push_back({all_.fresh_id(now), rng_.below(0xFFFFFF)});
  } else if (in.roles.size() < 2) {
    return false;
  }
  if (kind == guild_role_delete) {
    // The first role is worn by members and stays.
    auto gone = take(in.roles, in.roles.size() - 1);
    put(d, R"({"role_id":)");
    put_id(d, gone.id);
    put_guild_id(in);
    return true;
  }
  auto& which = in.roles.back();
  if (kind == guild_role_update)
    which.color = which.color == 15105570 ? 3447003 : 15105570;
  put(d, R"({"role":{)");
  put_role_keys(d, {all_, in}, which);
  put(d, "}");
  put_guild_id(in);
  return true;
}

// One is renamed, added or removed; the event lists them all.
void event_source::write_emojis(guild& in, moment now) {
  auto dice = rng_.below(3);
  if (dice == 0 && in.emojis.size() < most_emojis)
    in.emojis.push_back({all_.fresh_id(now), static_cast<std::uint32_t>(in.emojis.size())});
  else if (dice == 1 && in.emojis.size() > 3)
    in.emojis.pop_back();
  else if (!in.emojis.empty())
    in.emojis.back().version += 1000;
  put(text_.d, "{");
  put_emojis(text_.d, in);
  put_guild_id(in);
}

bool event_source::write_scheduled_event(event_kind kind, guild& in, moment now) {
  using enum event_kind;
  auto& d = text_.d;
  if (kind == scheduled_event_create) {
    if (in.events.size() >= most_events)
      return false;
    in.events.push_back({all_.fresh_id(now), unix_ms(now) + 3'600'000, 0});
  } else if (in.events.empty()) {
    return false;
  }
  if (kind == scheduled_event_user_add) {
    auto& which = in.events.back();
    ++which.user_count;
    put(d, R"({"user_id":)");
    put_id(d, all_.users()[some_member(in).user].id);
    put(d, R"(,"guild_scheduled_event_id":)");
    put_id(d, which.id);
    put_guild_id(in);
    return true;
  }
  auto which = kind == scheduled_event_delete ? take(in.events, in.events.size() - 1) : in.events.back();
  put(d, "{");
  put_scheduled_event_keys(d, {all_, in}, which);
  put(d, "}");
  return true;
}

void event_source::write_audit_entry(guild& in, moment now) {
  auto& d = text_.d;
  put(d, R"({"user_id":)");
  put_id(d, all_.users()[in.owner].id);
  put(d, R"(,"target_id":)");
  put_id(d, all_.users()[some_member(in).user].id);
  put(d, R"(,"reason":"night watch","id":)");
  put_id(d, all_.fresh_id(now));
  put(d, R"(,"changes":[{"new_value":true,"old_value":false,"key":"mute"}],"action_type":24)");
  put_guild_id(in);
}

void event_source::write_interaction(guild& in, moment now) {
  auto& d = text_.d;
  scene at{all_, in};
  auto& who = some_member(in);
  auto* room = some_channel(in, 0);
  auto id = all_.fresh_id(now);
  interaction_ = {.id = id, .channel = room ? room->id : in.id, .user = who.user};
  put(d, R"({"version":1,"type":2,"token":")");
  put(d, interaction_token(id));
  put(d, R"(","member":{)");
  put_member_keys(d, at, who);
  put(d, R"(,"user":)");
  put(d, all_.users()[who.user].json);
  put(d, R"(,"permissions":"2251799813685247","unusual_dm_activity_until":null},"locale":"en-GB","id":)");
  put_id(d, id);
  put(d, R"(,"guild_locale":"en-US","guild":{"locale":"en-US","id":)");
  put_id(d, in.id);
  put(d,
      R"(,"features":["NEWS","COMMUNITY"]},"entitlements":[],"entitlement_sku_ids":[],"data":{"type":1,"options":[)"
      R"({"value":3,"type":4,"name":"hours"}],"resolved":{"users":{)");
  put_id(d, all_.users()[in.owner].id);
  put(d, ":");
  put(d, all_.users()[in.owner].json);
  put(d, R"(}},"name":"assign-watch","id":"1335429996361564164"},"context":0,"channel_id":)");
  put_id(d, interaction_.channel);
  if (room) {
    put(d, R"(,"channel":{)");
    put_channel_keys(d, at, *room);
    put(d, R"(,"permissions":"2251799813685247"})");
  }
  put(d, R"(,"authorizing_integration_owners":{"0":)");
  put_id(d, in.id);
  put(d, R"(},"attachment_size_limit":52428800,"application_id":)");
  put_id(d, all_.bot().id);
  put(d, R"(,"app_permissions":"2248473465835073")");
  put_guild_id(in);
}

occurrence event_source::post(guild& in, channel& room, const own_message& sent, moment now) {
  using enum event_kind;
  auto& d = text_.d;
  auto id = all_.fresh_id(now);
  room.last_message = std::max(room.last_message, id);
  put(d, R"({"type":0,"tts":false,"timestamp":)");
  put_time(d, unix_ms(now));
  put(d, R"(,"pinned":false,"mentions":[],"mention_roles":[],"mention_everyone":false,"member":{)");
  put_member_keys(d, {all_, in}, in.bot());
  put(d, R"(},"id":)");
  put_id(d, id);
  put(d, R"(,"flags":0,"embeds":)");
  put(d, sent.embeds);
  put(d, R"(,"edited_timestamp":null,"content":)");
  put(d, sent.content);
  put(d, R"(,"components":[],"channel_type":)");
  put_number(d, room.type);
  put(d, R"(,"channel_id":)");
  put_id(d, room.id);
  put(d, R"(,"author":)");
  put(d, all_.bot().json);
  put(d, R"(,"attachments":[])");
  put(d, sent.more_keys);
  put_guild_id(in);
  return finish(message_create, in.id, in.index, 0);
}

occurrence event_source::direct(moment now) {
  using enum event_kind;
  auto& d = text_.d;
  auto& room = direct_channels_[rng_.below(static_cast<std::uint32_t>(direct_channels_.size()))];
  auto dice = rng_.below(20);
  if (dice == 0) {
    put(d, R"({"user_id":)");
    put_id(d, all_.users()[room.user].id);
    put(d, R"(,"type":8,"starts_at":null,"sku_id":"1323802873036931073","id":)");
    put_id(d, all_.fresh_id(now));
    put(d, R"(,"ends_at":null,"deleted":false,"consumed":false,"application_id":)");
    put_id(d, all_.bot().id);
    put(d, "}");
    return finish(entitlement_create, 0, 0, 0);
  }
  if (dice < 5) {
    put(d, R"({"user_id":)");
    put_id(d, all_.users()[room.user].id);
    put(d, R"(,"timestamp":)");
    put_number(d, static_cast<std::uint64_t>(unix_ms(now) / 1000));
    put(d, R"(,"channel_id":)");
    put_id(d, room.id);
    put(d, "}");
    return finish(typing_start, 0, 0, room.id);
  }
  if (dice < 10 && room.last_message != 0) {
    room.reacted = !room.reacted;
    put(d, R"({"user_id":)");
    put_id(d, all_.users()[room.user].id);
    put(d, R"(,"type":0,"message_id":)");
    put_id(d, room.last_message);
    put(d, R"(,"emoji":{"name":")");
    put(d, "\xF0\x9F\x94\x94");
    put(d, R"(","id":null},"channel_id":)");
    put_id(d, room.id);
    put(d, R"(,"burst":false})");
    return finish(room.reacted ? message_reaction_add : message_reaction_remove, 0, 0, room.id);
  }
  recent_message sent{
      .id = all_.fresh_id(now), .channel = room.id, .sent_ms = unix_ms(now), .author = room.user};
  room.last_message = sent.id;
  room.reacted = false;
  write_message(nullptr, room.id, sent, nullptr, now);
  put(d, "}");
  auto happened = finish(message_create, 0, 0, room.id);
  consider_twin(happened);
  return happened;
}

} // namespace shardyard::sim
