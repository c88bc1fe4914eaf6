// How events change what the cache has of members, presences and voice states: the frequent ones, so they are
// packed once and merged without their text.
#include "actors/partition/guild_change.hpp"
#include "actors/partition/packed_fields.hpp"

#include <array>
#include <atomic>
#include <random>

#include <xxhash.h>

namespace shardyard {

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

bool guild_change::merge_member(std::string_view json) {
  std::string bytes;
  packed::left_out guild[] = {{"guild_id", {}}};
  return packed::encode(bytes, json, guild) && merge_packed_member(bytes);
}

/// The same for a member that comes again and again: what it is merged into, and with what, decides whether
/// anything changes, so that is worked out once.
bool guild_change::merge_repeated(std::string_view json, snowflake user) {
  static const auto seed = (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}();
  static std::array<std::atomic<std::uint64_t>, 1 << 14>
      without_effect; // hashes of both; of any guild and thread
  auto before = user_in(json) == user ? rows_.find({member_row, user}) : std::nullopt;
  if (!before)
    return merge_member(json);
  auto hash = XXH3_64bits_withSeed(json.data(), json.size(), seed);
  hash = XXH3_64bits_withSeed(before->data(), before->size(), hash);
  auto& known = without_effect[hash % without_effect.size()];
  if (known.load(std::memory_order_relaxed) == hash)
    return false;
  auto changed = merge_member(json);
  if (!changed)
    known.store(hash, std::memory_order_relaxed);
  return changed;
}

/// What an event leaves out stays as it was. Mostly it leaves out nothing.
bool guild_change::merge_packed_member(std::string_view bytes) {
  row_key key{member_row, entity_id(member_row, bytes)};
  if (key.id == 0)
    return false;
  auto before = rows_.find(key);
  if (!before || packed::same_keys(bytes, *before))
    return rows_.put(key, bytes);
  auto fields = packed::fields::read(bytes);
  if (!fields)
    return false;
  if (auto old = packed::fields::read(*before))
    fields->complete(*old);
  std::string merged;
  fields->write(merged);
  return rows_.put(key, merged);
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
    if (rows_.find({member_row, user_in(presence)}))
      changed |= put_own(presence_row, presence);
  });
  return changed;
}

bool guild_change::presence() {
  auto user = user_in(d_);
  return user != 0 && rows_.find({member_row, user}) && put_own(presence_row, d_);
}

/// Every voice state repeats its member, which is the larger part of it. A member in it that cannot be read
/// changes nothing, while the state is taken.
bool guild_change::voice_state() {
  std::string state;
  packed::left_out without[] = {{"member", {}}, {"guild_id", {}}};
  if (!packed::encode(state, d_, without))
    return false;
  auto user = entity_id(voice_row, state);
  auto member = without[0].value;
  auto changed = put_packed(voice_row, state);
  if (!content_.is_kept(user, policy_))
    return drop_member(user) || changed;
  return (!member.empty() && merge_repeated(member, user)) || changed;
}

} // namespace shardyard
