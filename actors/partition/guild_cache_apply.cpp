// How events change the cache: the column "State" of Discord's dispatch events (Gateway Events reference).
// One function per kind of event; an event that cannot be read changes nothing.
#include "actors/partition/guild_content.hpp"
#include "actors/partition/json_scan.hpp"
#include "actors/partition/packed_json.hpp"

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

bool later_id(std::string_view left, std::string_view right) {
  return id_of(left) > id_of(right);
}

} // namespace

class guild_change {
public:
  guild_change(guild_cache::content& of, std::string_view d, const cache_policy& policy)
      : rows_(of.rows), content_(of), d_(d), policy_(policy) {}

  bool read() {
    auto fields = json_fields::read(d_);
    if (fields)
      fields_ = std::move(*fields);
    return fields.has_value();
  }

  bool message();
  bool presence();
  bool channel();
  bool channel_gone();
  bool pins();
  bool voice_status();
  bool thread();
  bool thread_gone();
  bool thread_list();
  bool thread_member();
  bool thread_members();
  bool guild();
  bool role();
  bool role_gone();
  bool emojis() { return list(emoji_row, fields_); }
  bool stickers() { return list(sticker_row, fields_); }
  bool member_added();
  bool member_updated();
  bool member_gone();
  bool members_chunk();
  bool voice_state();
  bool scheduled_event();
  bool scheduled_event_gone() { return gone(scheduled_event_row, "id"); }
  bool interest() { return count_interest(1); }
  bool interest_lost() { return count_interest(-1); }
  bool stage() { return put(stage_row, d_); }
  bool stage_gone() { return gone(stage_row, "id"); }
  bool sound() { return put(sound_row, d_); }
  bool sound_gone() { return gone(sound_row, "sound_id"); }
  bool sounds();
  bool all_sounds() { return list(sound_row, fields_); }

private:
  snowflake id_in(std::string_view key) const { return id_of(fields_.get(key)); }
  snowflake user_in(std::string_view member) const;

  /// Puts an entity, or removes it where Discord would not list it any more.
  bool put(row_kind kind, std::string_view json);
  bool gone(row_kind kind, std::string_view key) { return rows_.erase({kind, id_in(key)}); }
  /// Replaces the whole kind by the array that `from` has of it; without one nothing changes.
  bool list(row_kind kind, const json_fields& from);
  /// Rewrites one entity: `change(fields)` returns whether there is something to write. No such entity:
  /// false.
  template <class Change>
  bool edit(row_key key, Change change);
  template <class Change>
  bool edit_room(snowflake id, Change change);
  bool merge_member(std::string_view json);
  bool count_interest(int by);
  bool drop_member(snowflake user);
  void take_role(row_kind kind, snowflake role, std::string_view array, bool objects);
  template <class Condition>
  bool erase_where(row_kind kind, Condition holds);

  entity_rows& rows_;
  guild_cache::content& content_;
  std::string_view d_;
  const cache_policy& policy_;
  json_fields fields_;
  std::string interest_;
};

snowflake guild_change::user_in(std::string_view member) const {
  snowflake id = 0;
  each_field(member, [&id](std::string_view key, std::string_view value) {
    if (key != "user")
      return true;
    each_field(value, [&id](std::string_view inner, std::string_view text) {
      if (inner == "id")
        id = id_of(text);
      return id == 0;
    });
    return false;
  });
  return id;
}

bool guild_change::put(row_kind kind, std::string_view json) {
  std::string bytes;
  if (!packed::encode(bytes, json))
    return false;
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

template <class Change>
bool guild_change::edit(row_key key, Change change) {
  auto packed = rows_.find(key);
  if (!packed)
    return false;
  auto text = packed::text_of(*packed);
  auto fields = json_fields::read(text);
  std::string bytes;
  return fields && change(*fields) && packed::encode(bytes, fields->text()) && rows_.put(key, bytes);
}

template <class Change>
bool guild_change::edit_room(snowflake id, Change change) {
  return edit({channel_row, id}, change) || edit({thread_row, id}, change);
}

template <class Condition>
bool guild_change::erase_where(row_kind kind, Condition holds) {
  std::vector<snowflake> ids;
  for (auto row = rows_.of(kind); !row.done(); row.next())
    if (holds(*row))
      ids.push_back(row->key.id);
  for (auto id : ids)
    rows_.erase({kind, id});
  return !ids.empty();
}

// -- channels and threads

// The frequent one: no more of `d` is read than needed, and the channel is not packed anew.
bool guild_change::message() {
  std::string_view room_text, message_text;
  each_field(d_, [&](std::string_view key, std::string_view value) {
    if (key == "channel_id")
      room_text = value;
    else if (key == "id")
      message_text = value;
    return room_text.empty() || message_text.empty();
  });
  auto room = id_of(room_text), message = id_of(message_text);
  if (room == 0 || message == 0)
    return false;
  for (auto kind : {channel_row, thread_row}) {
    auto bytes = rows_.bytes_of({kind, room});
    if (bytes.empty())
      continue;
    auto last = packed::field({bytes.data(), bytes.size()}, "last_message_id");
    // Copies of a message, and messages of one millisecond, come in any order.
    if (packed::id_of(last) >= message)
      return false;
    auto at = last.empty() ? nullptr : bytes.data() + (last.data() - bytes.data());
    if (!at || !packed::overwrite_id(at, last.size(), message))
      edit({kind, room}, [message_text](json_fields& fields) {
        fields.set("last_message_id", message_text);
        return true;
      });
    return false;
  }
  return false;
}

bool guild_change::channel() {
  auto id = id_in("id");
  auto before = rows_.find({channel_row, id});
  std::string text = before ? packed::text_of(*before) : std::string{};
  auto old = json_fields::read(text);
  if (!old || !old->has("guild_id"))
    fields_.erase("guild_id");
  if (old && later_id(old->get("last_message_id"), fields_.get("last_message_id")))
    fields_.set("last_message_id", old->get("last_message_id"));
  if (old && old->has("status") && !fields_.has("status"))
    fields_.set("status", old->get("status"));
  return put(channel_row, fields_.text());
}

bool guild_change::channel_gone() {
  auto id = id_in("id");
  if (id == 0)
    return false;
  auto bytes = packed::id_bytes(id);
  auto changed = rows_.erase({channel_row, id});
  changed |= erase_where(
      thread_row, [&](const entity_row& row) { return packed::field(row.packed, "parent_id") == bytes; });
  changed |= erase_where(
      stage_row, [&](const entity_row& row) { return packed::field(row.packed, "channel_id") == bytes; });
  std::vector<snowflake> silent;
  changed |= erase_where(voice_row, [&](const entity_row& row) {
    auto here = packed::field(row.packed, "channel_id") == bytes;
    if (here)
      silent.push_back(row.key.id);
    return here;
  });
  for (auto user : silent)
    if (!content_.is_kept(user, policy_))
      drop_member(user);
  return changed;
}

bool guild_change::pins() {
  auto when = fields_.get("last_pin_timestamp");
  if (when.empty())
    return false;
  return edit_room(id_in("channel_id"), [when](json_fields& fields) {
    fields.set("last_pin_timestamp", when);
    return true;
  });
}

bool guild_change::voice_status() {
  auto status = fields_.get("status");
  if (status.empty())
    return false;
  return edit({channel_row, id_in("id")}, [status](json_fields& fields) {
    fields.set("status", status);
    return true;
  });
}

bool guild_change::thread() {
  auto before = rows_.find({thread_row, id_in("id")});
  std::string text = before ? packed::text_of(*before) : std::string{};
  fields_.erase("newly_created");
  if (auto old = json_fields::read(text)) {
    if (later_id(old->get("last_message_id"), fields_.get("last_message_id")))
      fields_.set("last_message_id", old->get("last_message_id"));
    if (old->has("member") && !fields_.has("member"))
      fields_.set("member", old->get("member"));
  }
  return put(thread_row, fields_.text());
}

bool guild_change::thread_gone() {
  return gone(thread_row, "id");
}

bool guild_change::thread_list() {
  std::vector<std::string> parents;
  auto some = fields_.has("channel_ids");
  each_element(fields_.get("channel_ids"),
               [&](std::string_view id) { parents.push_back(packed::id_bytes(id_of(id))); });
  std::vector<snowflake> listed;
  auto changed = false;
  each_element(fields_.get("threads"), [&](std::string_view thread) {
    auto fields = json_fields::read(thread);
    if (!fields)
      return;
    auto id = id_of(fields->get("id"));
    listed.push_back(id);
    each_element(fields_.get("members"), [&](std::string_view member) {
      each_field(member, [&](std::string_view key, std::string_view value) {
        if (key == "id" && id_of(value) == id)
          fields->set("member", member);
        return key != "id";
      });
    });
    changed |= put(thread_row, fields->text());
  });
  changed |= erase_where(thread_row, [&](const entity_row& row) {
    auto parent = packed::field(row.packed, "parent_id");
    return std::ranges::find(listed, row.key.id) == listed.end() &&
           (!some || std::ranges::find(parents, parent) != parents.end());
  });
  return changed;
}

bool guild_change::thread_member() {
  auto id = id_in("id");
  fields_.erase("guild_id");
  auto member = fields_.text();
  return edit({thread_row, id}, [&member](json_fields& fields) {
    fields.set("member", member);
    return true;
  });
}

bool guild_change::thread_members() {
  std::string own;
  auto removed = false;
  each_element(fields_.get("removed_member_ids"),
               [&](std::string_view id) { removed |= id_of(id) == policy_.self; });
  each_element(fields_.get("added_members"), [&](std::string_view added) {
    auto fields = json_fields::read(added);
    if (!fields || policy_.self == 0 || id_of(fields->get("user_id")) != policy_.self)
      return;
    for (auto key : {"member", "presence"})
      fields->erase(key);
    own = fields->text();
  });
  return edit({thread_row, id_in("id")}, [&](json_fields& fields) {
    if (fields_.has("member_count"))
      fields.set("member_count", fields_.get("member_count"));
    if (removed && policy_.self != 0)
      fields.erase("member");
    if (!own.empty())
      fields.set("member", own);
    return true;
  });
}

// -- the guild, roles, lists

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

// -- members, presences, voice

bool guild_change::merge_member(std::string_view json) {
  auto fields = json_fields::read(json);
  if (!fields)
    return false;
  fields->erase("guild_id");
  auto before = rows_.find({member_row, user_in(json)});
  auto text = before ? packed::text_of(*before) : std::string{};
  if (auto old = json_fields::read(text))
    fields->complete(*old);
  return put(member_row, fields->text());
}

bool guild_change::drop_member(snowflake user) {
  auto known = rows_.erase({member_row, user});
  return rows_.erase({presence_row, user}) || known;
}

bool guild_change::member_added() {
  auto user = user_in(d_);
  if (user == 0)
    return false;
  auto fresh = content_.note_join(user);
  auto known = rows_.find({member_row, user}).has_value() || !fresh;
  if (!known)
    ++content_.member_count;
  return (content_.is_kept(user, policy_) && merge_member(d_)) || !known;
}

bool guild_change::member_updated() {
  auto user = user_in(d_);
  return user != 0 && content_.is_kept(user, policy_) && merge_member(d_);
}

bool guild_change::member_gone() {
  auto user = user_in(d_);
  if (user == 0)
    return false;
  auto known = drop_member(user);
  content_.note_leave(user);
  rows_.erase({voice_row, user});
  // Who is not known may have left before, but only where everybody is known.
  auto counted = known || !content_.knows_everybody();
  if (counted && content_.member_count > 0)
    --content_.member_count;
  return counted;
}

bool guild_change::members_chunk() {
  auto changed = false;
  each_element(fields_.get("members"), [&](std::string_view member) {
    auto user = user_in(member);
    auto wanted = policy_.members == member_policy::all || rows_.find({member_row, user}).has_value();
    if (user != 0 && wanted)
      changed |= merge_member(member);
  });
  if (!policy_.presences)
    return changed;
  each_element(fields_.get("presences"), [&](std::string_view presence) {
    auto fields = json_fields::read(presence);
    if (!fields || !rows_.find({member_row, user_in(presence)}))
      return;
    fields->erase("guild_id");
    changed |= put(presence_row, fields->text());
  });
  return changed;
}

bool guild_change::presence() {
  auto user = user_in(d_);
  if (user == 0 || !rows_.find({member_row, user}) || !read())
    return false;
  fields_.erase("guild_id");
  return put(presence_row, fields_.text());
}

bool guild_change::voice_state() {
  auto user = id_in("user_id");
  if (user == 0)
    return false;
  std::string member{fields_.get("member")};
  fields_.erase("member");
  fields_.erase("guild_id");
  auto changed = put(voice_row, fields_.text());
  if (!content_.is_kept(user, policy_))
    return drop_member(user) || changed;
  return (!member.empty() && merge_member(member)) || changed;
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
  on("GUILD_MEMBER_UPDATE", &g::member_updated);
  on("GUILD_MEMBER_REMOVE", &g::member_gone);
  on("GUILD_MEMBERS_CHUNK", &g::members_chunk);
  on("VOICE_STATE_UPDATE", &g::voice_state);
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

} // namespace shardyard
