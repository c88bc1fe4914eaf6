#include "sim/event_source.hpp"

#include "sim/text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace shardyard::sim {
namespace {

struct share {
  event_kind kind;
  double presences, no_presences, figures;
};

// Parts in ten thousand (docs: the three mixes of settings::mix). entitlement_create stands for all events
// without guild.
constexpr auto shares = [] {
  using enum event_kind;
  return std::array<share, 26>{{
      {presence_update, 8990, 0, 4500},
      {message_create, 400, 4000, 2250},
      {typing_start, 200, 2200, 1500},
      {guild_member_update, 100, 700, 960},
      {voice_state_update, 80, 800, 500},
      {message_update, 80, 900, 120},
      {message_reaction_add, 60, 900, 40},
      {message_delete, 20, 180, 10},
      {interaction_create, 15, 150, 20},
      {guild_member_add, 5, 50, 20},
      {guild_member_remove, 5, 50, 20},
      {channel_create, 2, 4, 2},
      {channel_update, 6, 12, 6},
      {channel_delete, 2, 4, 2},
      {thread_create, 4, 10, 4},
      {thread_update, 3, 6, 3},
      {thread_delete, 3, 6, 3},
      {guild_role_create, 1, 2, 1},
      {guild_role_update, 2, 4, 2},
      {guild_role_delete, 1, 2, 1},
      {guild_emojis_update, 1, 2, 1},
      {scheduled_event_create, 1, 2, 1},
      {scheduled_event_user_add, 2, 4, 2},
      {scheduled_event_delete, 1, 2, 1},
      {audit_log_entry_create, 2, 6, 2},
      {entitlement_create, 15, 60, 20},
  }};
}();

double share_of(const share& row, event_mix mix) {
  return mix == event_mix::presences ? row.presences
         : mix == event_mix::figures ? row.figures
                                     : row.no_presences;
}

constexpr std::uint32_t direct_channel_count = 24;

} // namespace

event_source::event_source(world& all, const settings& chosen)
    : all_(all),
      rng_(chosen.seed ^ 0xE7E275),
      twin_share_(chosen.twins),
      repeated_join_share_(chosen.repeated_joins) {
  std::vector<double> weights;
  for (auto& row : shares)
    weights.push_back(share_of(row, chosen.mix));
  kinds_ = alias_table{weights};
  for (std::uint32_t i = 0; i < direct_channel_count; ++i) {
    auto user = 1 + rng_.below(static_cast<std::uint32_t>(all_.users().size()) - 1);
    direct_channels_.push_back({all_.users()[user].id + 1, user});
  }
  guilds_changed();
}

void event_source::guilds_changed() {
  std::vector<double> weights;
  for (auto& g : all_.guilds())
    weights.push_back(g.present ? g.activity : 0);
  activity_ = alias_table{weights};
}

occurrence event_source::next(moment now) {
  using enum event_kind;
  for (auto& waiting : twins_)
    if (waiting.after > 0)
      --waiting.after;
  if (!twins_.empty() && twins_.front().after == 0) {
    auto again = std::move(twins_.front().again);
    twins_.pop_front();
    if (again.guild == 0 || all_.guilds()[again.guild_index].present)
      return again;
  }
  if (auto* in = repeat_join(now))
    return finish(guild_member_add, in->id, in->index, 0);
  auto kind = shares[kinds_.draw(rng_)].kind;
  if (kind == entitlement_create || activity_.empty())
    return direct(now);
  return next(kind, all_.guilds()[activity_.draw(rng_)], now);
}

std::optional<occurrence> event_source::next(event_kind kind, moment now) {
  if (activity_.empty())
    return std::nullopt;
  return next(kind, all_.guilds()[activity_.draw(rng_)], now);
}

occurrence event_source::next(event_kind kind, guild& in, moment now) {
  using enum event_kind;
  if (!write(kind, in, now)) {
    text_ = {};
    kind = message_create;
    if (!write(kind, in, now)) {
      text_ = {};
      kind = guild_update;
      write(kind, in, now);
    }
  }
  auto happened = finish(kind, in.id, in.index, 0);
  consider_twin(happened);
  return happened;
}

occurrence event_source::finish(event_kind kind, snowflake guild_id, std::uint32_t guild_index,
                                snowflake channel) {
  text_.name = rule_of(kind).name;
  occurrence happened{.kind = kind,
                      .guild = guild_id,
                      .guild_index = guild_index,
                      .channel = channel,
                      .interaction = std::exchange(interaction_, {}),
                      .content = std::make_shared<const payload>(std::move(text_))};
  text_ = {};
  return happened;
}

// Only events whose repetition leaves the world as it is.
void event_source::consider_twin(const occurrence& happened) {
  using enum event_kind;
  auto repeats = happened.kind == message_create || happened.kind == message_update ||
                 happened.kind == message_reaction_add || happened.kind == message_delete;
  if (repeats && rng_.chance(twin_share_) && twins_.size() < 100)
    twins_.push_back({happened, rng_.chance(0.5) ? 0 : 1 + rng_.below(60)});
}

bool event_source::write(event_kind& kind, guild& in, moment now) {
  using enum event_kind;
  text_.d.reserve(kind == interaction_create ? 2600 : kind == presence_update ? 640 : 1200);
  switch (kind) {
  case presence_update:
    write_presence(in, now);
    return true;
  case message_create:
    return write_new_message(in, now);
  case typing_start:
    return write_typing(in, now);
  case voice_state_update:
    return write_voice_state(in, now);
  case message_update:
    return write_edit(in, now);
  case message_reaction_add:
  case message_reaction_remove:
    return write_reaction(kind, in);
  case message_delete:
    return write_deletion(in);
  case guild_member_update:
  case guild_member_add:
  case guild_member_remove:
    return write_member_event(kind, in, now);
  case interaction_create:
    write_interaction(in, now);
    return true;
  case channel_create:
  case channel_update:
  case channel_delete:
    return write_channel_event(kind, in, now);
  case thread_create:
  case thread_update:
  case thread_delete:
    return write_thread_event(kind, in, now);
  case guild_role_create:
  case guild_role_update:
  case guild_role_delete:
    return write_role_event(kind, in, now);
  case guild_emojis_update:
    write_emojis(in, now);
    return true;
  case scheduled_event_create:
  case scheduled_event_user_add:
  case scheduled_event_delete:
    return write_scheduled_event(kind, in, now);
  case audit_log_entry_create:
    write_audit_entry(in, now);
    return true;
  case guild_update:
    ++in.version;
    put(text_.d, "{");
    put_guild_keys(text_.d, {all_, in});
    put(text_.d, "}");
    return true;
  case entitlement_create:
  case user_update:
  case guild_create:
  case guild_delete:
  case unknown:
    return false;
  }
  return false;
}

void event_source::put_guild_id(guild& in) {
  put(text_.d, R"(,"guild_id":)");
  put_id(text_.d, in.id);
  put(text_.d, "}");
}

member& event_source::some_member(guild& in) {
  auto count = static_cast<std::uint32_t>(in.members.size());
  return in.members[count < 2 ? 0 : 1 + rng_.below(count - 1)];
}

channel* event_source::some_channel(guild& in, std::uint8_t type) {
  auto count = static_cast<std::uint32_t>(in.channels.size());
  auto start = rng_.below(count);
  for (std::uint32_t i = 0; i < count; ++i)
    if (auto& c = in.channels[(start + i) % count]; c.type == type)
      return &c;
  return nullptr;
}

recent_message* event_source::some_message(guild& in) {
  auto& chosen = in.recent[rng_.below(static_cast<std::uint32_t>(in.recent.size()))];
  return chosen.id == 0 ? nullptr : &chosen;
}

void event_source::write_presence(guild& in, moment now) {
  auto& who = some_member(in);
  who.status = who.status != 0 && rng_.chance(0.5) ? 0 : static_cast<std::uint8_t>(1 + rng_.below(3));
  who.activity = static_cast<std::uint8_t>(rng_.below(8));
  who.presence_ms = unix_ms(now);
  put_presence_update(text_.d, {all_, in}, who);
}

bool event_source::write_voice_state(guild& in, moment now) {
  auto& who = some_member(in);
  auto dice = rng_.below(10);
  if (who.voice_channel == 0) {
    auto* room = some_channel(in, 2);
    if (!room || in.count_in_voice(room->id) >= voice_places)
      return false;
    in.move_in_voice(who, room->id, unix_ms(now));
  } else if (dice < 6) {
    who.self_mute = !who.self_mute;
  } else {
    in.move_in_voice(who, 0, unix_ms(now));
    who.self_mute = false;
  }
  put_voice_state_update(text_.d, {all_, in}, who);
  return true;
}

bool event_source::write_typing(guild& in, moment now) {
  auto* room = some_channel(in, 0);
  if (!room)
    return false;
  auto& who = some_member(in);
  put(text_.d, R"({"user_id":)");
  put_id(text_.d, all_.users()[who.user].id);
  put(text_.d, R"(,"timestamp":)");
  put_number(text_.d, static_cast<std::uint64_t>(unix_ms(now) / 1000));
  put(text_.d, R"(,"member":)");
  put_member(text_.d, {all_, in}, who);
  put(text_.d, R"(,"channel_id":)");
  put_id(text_.d, room->id);
  put_guild_id(in);
  return true;
}

// `at` is null for direct messages.
void event_source::write_message(const scene* at, snowflake room, const recent_message& message,
                                 const member* author, moment now) {
  auto& d = text_.d;
  put(d, R"({"type":0,"tts":false,"timestamp":)");
  put_time(d, message.sent_ms);
  put(d, R"(,"pinned":false,"mentions":[],"mention_roles":[],"mention_everyone":false)");
  if (at && author) {
    put(d, R"(,"member":{)");
    put_member_keys(d, *at, *author);
    put(d, "}");
  }
  put(d, R"(,"id":)");
  put_id(d, message.id);
  put(d, R"(,"flags":0,"embeds":[)");
  text_.embeds_at = static_cast<std::uint32_t>(d.size());
  if (message.id % 4 == 0) {
    put(d, R"({"type":"rich","title":")");
    put(d, name_of(message.id));
    put(d, R"(","description":")");
    put_sentence(d, message.id + 1);
    put(d, R"(","color":3447003,"fields":[{"value":")");
    put_sentence(d, message.id + 2);
    put(d, R"(","name":"tide","inline":true}],"url":"https:\/\/example.org\/tides"})");
  }
  text_.embeds_size = static_cast<std::uint32_t>(d.size()) - text_.embeds_at;
  put(d, R"(],"edited_timestamp":)");
  if (message.edits == 0)
    put(d, "null");
  else
    put_time(d, unix_ms(now));
  put(d, R"(,"content":")");
  text_.content_at = static_cast<std::uint32_t>(d.size());
  put_sentence(d, message.id + message.edits * 31);
  text_.content_size = static_cast<std::uint32_t>(d.size()) - text_.content_at;
  put(d, R"(","components":[],"channel_type":)");
  put(d, at ? "0" : "1");
  put(d, R"(,"channel_id":)");
  put_id(d, room);
  put(d, R"(,"author":)");
  put(d, all_.users()[message.author].json);
  put(d, R"(,"attachments":[])");
}

bool event_source::write_new_message(guild& in, moment now) {
  auto* room = some_channel(in, 0);
  if (!room)
    return false;
  auto& author = some_member(in);
  auto& slot = in.recent[in.next_recent++ % in.recent.size()];
  slot = {.id = all_.fresh_id(now), .channel = room->id, .sent_ms = unix_ms(now), .author = author.user};
  room->last_message = std::max(room->last_message, slot.id);
  scene at{all_, in};
  write_message(&at, room->id, slot, &author, now);
  put_guild_id(in);
  return true;
}

bool event_source::write_edit(guild& in, moment now) {
  auto* message = some_message(in);
  if (!message)
    return false;
  ++message->edits;
  scene at{all_, in};
  auto author = std::ranges::find(in.members, message->author, &member::user);
  write_message(&at, message->channel, *message, author == in.members.end() ? nullptr : &*author, now);
  put_guild_id(in);
  return true;
}

bool event_source::write_deletion(guild& in) {
  auto* message = some_message(in);
  if (!message)
    return false;
  put(text_.d, R"({"id":)");
  put_id(text_.d, message->id);
  put(text_.d, R"(,"channel_id":)");
  put_id(text_.d, message->channel);
  put_guild_id(in);
  *message = {};
  return true;
}

// Two members toggle the same three emojis, so that equal payloads come again for good reasons.
bool event_source::write_reaction(event_kind& kind, guild& in) {
  using enum event_kind;
  auto* message = some_message(in);
  if (!message)
    return false;
  auto who = rng_.below(2), emoji = rng_.below(3);
  auto bit = static_cast<std::uint16_t>(1u << (who * 3 + emoji));
  kind = (message->reactions & bit) == 0 ? message_reaction_add : message_reaction_remove;
  message->reactions ^= bit;
  auto& reacting = in.members[std::min<std::size_t>(who + 1, in.members.size() - 1)];
  auto& d = text_.d;
  put(d, R"({"user_id":)");
  put_id(d, all_.users()[reacting.user].id);
  put(d, R"(,"type":0,"message_id":)");
  put_id(d, message->id);
  if (kind == message_reaction_add) {
    put(d, R"(,"message_author_id":)");
    put_id(d, all_.users()[message->author].id);
    put(d, R"(,"member":)");
    put_member(d, {all_, in}, reacting);
  }
  put(d, R"(,"emoji":{"name":"lantern_)");
  put_number(d, emoji);
  put(d, R"(","id":)");
  put_id(d, in.id + 100 + emoji);
  put(d, R"(},"channel_id":)");
  put_id(d, message->channel);
  put(d, R"(,"burst":false)");
  put_guild_id(in);
  return true;
}

} // namespace shardyard::sim
