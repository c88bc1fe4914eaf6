// One event on its way into a guild's cache: the column "State" of Discord's dispatch events (Gateway Events
// reference), a function per kind of event, true when something of GUILD_CREATE has changed. An event that
// cannot be read changes nothing. Included by guild_cache*.cpp alone.
#pragma once

#include "actors/partition/guild_content.hpp"
#include "actors/partition/json_scan.hpp"
#include "actors/partition/packed_json.hpp"

#include <vector>

namespace shardyard {

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
  bool posted(snowflake room, snowflake message);
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
  bool put_packed(row_kind kind, std::string_view bytes);
  /// The same without `guild_id`, which GUILD_CREATE does not repeat in its entities.
  bool put_own(row_kind kind, std::string_view json);
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
  bool merge_repeated(std::string_view json, snowflake user);
  bool merge_packed_member(std::string_view bytes);
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

inline bool later_id(std::string_view left, std::string_view right) {
  return id_of(left) > id_of(right);
}

} // namespace shardyard
