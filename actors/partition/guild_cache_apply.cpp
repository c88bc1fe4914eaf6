// Which event changes what, and how it is done for the guild itself, its roles, lists, scheduled events and
// sounds.
#include "actors/partition/guild_change.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <simdjson.h>

namespace shardyard {
namespace {

/// The elements of a raw array for which `keep(element)` holds, as an array.
template <class Keep>
std::string filtered(std::string_view array, Keep keep) {
  std::string result = "[";
  each_element(array, [&](std::string_view element) {
    if (!keep(element))
      return;
    if (result.size() > 1)
      result += ',';
    result.append(element);
  });
  return result += ']';
}

std::int64_t number_in(std::string_view raw) {
  std::int64_t x = 0;
  std::from_chars(raw.data(), raw.data() + raw.size(), x);
  return x;
}

} // namespace

bool guild_change::put(row_kind kind, std::string_view json) {
  std::string bytes;
  return packed::encode(bytes, json) && put_packed(kind, bytes);
}

bool guild_change::put_own(row_kind kind, std::string_view json) {
  std::string bytes;
  packed::left_out guild[] = {{"guild_id", {}}};
  return packed::encode(bytes, json, guild) && put_packed(kind, bytes);
}

bool guild_change::put_packed(row_kind kind, std::string_view bytes) {
  row_key key{kind, entity_id(kind, bytes)};
  if (key.id == 0)
    return false;
  return is_over(kind, bytes) ? rows_.erase(key) : rows_.put(key, bytes);
}

bool guild_change::list(row_kind kind, const json_fields& from) {
  auto array = from.get(array_of(kind));
  std::vector<std::pair<snowflake, std::string>> fresh;
  auto good = simdjson::validate_utf8(array.data(), array.size());
  good = good &&
         each_element(array,
                      [&](std::string_view element) {
                        std::string bytes;
                        if (!packed::encode(bytes, element))
                          good = false;
                        if (auto id = entity_id(kind, bytes); id != 0)
                          fresh.emplace_back(id, std::move(bytes));
                      }) &&
         good;
  if (!good)
    return false;
  auto changed = erase_where(kind, [&fresh](const entity_row& row) {
    return std::ranges::find(fresh, row.key.id, &std::pair<snowflake, std::string>::first) == fresh.end();
  });
  for (auto& [id, bytes] : fresh)
    changed |= rows_.put({kind, id}, bytes);
  return changed;
}

// -- the guild, roles

bool guild_change::guild() {
  auto changed = false;
  for (auto kind : {role_row, emoji_row, sticker_row})
    changed |= list(kind, fields_);
  if (auto count = fields_.get("member_count"); !count.empty()) {
    auto known = std::exchange(content_.member_count, static_cast<std::uint64_t>(number_in(count)));
    changed |= known != content_.member_count;
  }
  for (unsigned kind = 0; kind < row_kinds; ++kind)
    if (kind != guild_row)
      fields_.erase(array_of(static_cast<row_kind>(kind)));
  for (auto key : {"member_count", "large", "unavailable"})
    fields_.erase(key);
  changed |= edit({guild_row, 0}, [this](json_fields& fields) {
    fields.set_all(fields_);
    return true;
  });
  return changed;
}

bool guild_change::role() {
  return put(role_row, fields_.get("role"));
}

bool guild_change::role_gone() {
  auto id = id_in("role_id");
  if (id == 0 || !rows_.erase({role_row, id}))
    return false;
  take_role(member_row, id, "roles", false);
  take_role(channel_row, id, "permission_overwrites", true);
  return true;
}

void guild_change::take_role(row_kind kind, snowflake role, std::string_view array, bool objects) {
  auto bytes = packed::id_bytes(role);
  std::vector<snowflake> wearing;
  for (auto row = rows_.of(kind); !row.done(); row.next())
    if (packed::field(row->packed, array).find(bytes) != std::string_view::npos)
      wearing.push_back(row->key.id);
  for (auto id : wearing) {
    std::string rest;
    edit({kind, id}, [&](json_fields& fields) {
      rest = filtered(fields.get(array), [&](std::string_view element) {
        if (!objects)
          return id_of(element) != role;
        auto overwrite = json_fields::read(element);
        return !overwrite || id_of(overwrite->get("id")) != role;
      });
      fields.set(array, rest);
      return true;
    });
  }
}

// -- scheduled events, soundboard

bool guild_change::scheduled_event() {
  auto before = rows_.find({scheduled_event_row, id_in("id")});
  auto text = before ? packed::text_of(*before) : std::string{};
  if (auto old = json_fields::read(text); old && old->has("user_count") && !fields_.has("user_count"))
    fields_.set("user_count", old->get("user_count"));
  return put(scheduled_event_row, fields_.text());
}

bool guild_change::count_interest(int by) {
  return edit({scheduled_event_row, id_in("guild_scheduled_event_id")}, [this, by](json_fields& fields) {
    auto count = std::max<std::int64_t>(0, number_in(fields.get("user_count")) + by);
    interest_ = std::to_string(count);
    fields.set("user_count", interest_);
    return true;
  });
}

bool guild_change::sounds() {
  auto changed = false;
  each_element(fields_.get("soundboard_sounds"),
               [&](std::string_view sound) { changed |= put(sound_row, sound); });
  return changed;
}

namespace {

struct handler {
  bool (guild_change::*change)() = nullptr;
  bool scans_itself = false;   ///< the fields of `d` need not be read before
  bool only_presences = false; ///< without them nothing of it is kept
};

std::vector<handler> make_handlers() {
  std::vector<handler> result(event_types().size());
  auto on = [&result](std::string_view name, bool (guild_change::*change)(), bool scans = false) {
    result[find_event_type(name)] = {change, scans};
  };
  using g = guild_change;
  on("MESSAGE_CREATE", &g::message, true);
  on("PRESENCE_UPDATE", &g::presence, true);
  result[find_event_type("PRESENCE_UPDATE")].only_presences = true;
  on("CHANNEL_CREATE", &g::channel);
  on("CHANNEL_UPDATE", &g::channel);
  on("CHANNEL_DELETE", &g::channel_gone);
  on("CHANNEL_PINS_UPDATE", &g::pins);
  on("VOICE_CHANNEL_STATUS_UPDATE", &g::voice_status);
  on("THREAD_CREATE", &g::thread);
  on("THREAD_UPDATE", &g::thread);
  on("THREAD_DELETE", &g::thread_gone);
  on("THREAD_LIST_SYNC", &g::thread_list);
  on("THREAD_MEMBER_UPDATE", &g::thread_member);
  on("THREAD_MEMBERS_UPDATE", &g::thread_members);
  on("GUILD_UPDATE", &g::guild);
  on("GUILD_ROLE_CREATE", &g::role);
  on("GUILD_ROLE_UPDATE", &g::role);
  on("GUILD_ROLE_DELETE", &g::role_gone);
  on("GUILD_EMOJIS_UPDATE", &g::emojis);
  on("GUILD_STICKERS_UPDATE", &g::stickers);
  on("GUILD_MEMBER_ADD", &g::member_added);
  on("GUILD_MEMBER_UPDATE", &g::member_updated, true);
  on("GUILD_MEMBER_REMOVE", &g::member_gone);
  on("GUILD_MEMBERS_CHUNK", &g::members_chunk);
  on("VOICE_STATE_UPDATE", &g::voice_state, true);
  on("GUILD_SCHEDULED_EVENT_CREATE", &g::scheduled_event);
  on("GUILD_SCHEDULED_EVENT_UPDATE", &g::scheduled_event);
  on("GUILD_SCHEDULED_EVENT_DELETE", &g::scheduled_event_gone);
  on("GUILD_SCHEDULED_EVENT_USER_ADD", &g::interest);
  on("GUILD_SCHEDULED_EVENT_USER_REMOVE", &g::interest_lost);
  on("STAGE_INSTANCE_CREATE", &g::stage);
  on("STAGE_INSTANCE_UPDATE", &g::stage);
  on("STAGE_INSTANCE_DELETE", &g::stage_gone);
  on("GUILD_SOUNDBOARD_SOUND_CREATE", &g::sound);
  on("GUILD_SOUNDBOARD_SOUND_UPDATE", &g::sound);
  on("GUILD_SOUNDBOARD_SOUND_DELETE", &g::sound_gone);
  on("GUILD_SOUNDBOARD_SOUNDS_UPDATE", &g::sounds);
  on("SOUNDBOARD_SOUNDS", &g::all_sounds);
  return result;
}

} // namespace

bool guild_cache::apply(event_type_id type, std::string_view d, const cache_policy& policy) {
  static const auto handlers = make_handlers();
  if (!content_ || type >= handlers.size())
    return false;
  auto& found = handlers[type];
  if (!found.change || (found.only_presences && !policy.presences))
    return false;
  guild_change change{*content_, d, policy};
  return (found.scans_itself || change.read()) && (change.*found.change)();
}

void guild_cache::posted(snowflake channel, snowflake message, const cache_policy& policy) {
  if (content_)
    guild_change{*content_, {}, policy}.posted(channel, message);
}

} // namespace shardyard
