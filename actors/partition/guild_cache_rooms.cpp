// How events change what the cache has of channels and threads.
#include "actors/partition/guild_change.hpp"

#include <algorithm>

namespace shardyard {

// The frequent one: no more of `d` is read than needed, and the channel is not packed anew.
bool guild_change::message() {
  std::string_view room, message;
  each_field(d_, [&](std::string_view key, std::string_view value) {
    if (key == "channel_id")
      room = value;
    else if (key == "id")
      message = value;
    return room.empty() || message.empty();
  });
  return posted(id_of(room), id_of(message));
}

bool guild_change::posted(snowflake room, snowflake message) {
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
      edit({kind, room}, [text = '"' + std::to_string(message) + '"'](json_fields& fields) {
        fields.set("last_message_id", text);
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

} // namespace shardyard
