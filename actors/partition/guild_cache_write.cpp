// GUILD_CREATE as a session would get it: which members, presences and voice states it lists (Gateway
// reference, "GUILD_PRESENCES"; Gateway Events, "Guild Create").
#include "actors/partition/guild_content.hpp"
#include "actors/partition/packed_json.hpp"

namespace shardyard {
namespace {

constexpr std::uint64_t voice_states_intent = 1 << 7, presences_intent = 1 << 8;

void open_array(std::string& out, row_kind kind) {
  out.append(out.back() == '{' ? "\"" : ",\"").append(array_of(kind)).append("\":[");
}

void put_element(std::string& out, std::string_view packed) {
  if (out.back() != '[')
    out += ',';
  packed::decode(out, packed);
}

void put_all(std::string& out, const entity_rows& rows, row_kind kind) {
  open_array(out, kind);
  for (auto row = rows.of(kind); !row.done(); row.next())
    put_element(out, row->packed);
  out += ']';
}

void put_none(std::string& out, row_kind kind) {
  open_array(out, kind);
  out += ']';
}

bool stands_out(std::string_view member) {
  auto roles = packed::field(member, "roles");
  auto nick = packed::field(member, "nick");
  return (!roles.empty() && !packed::is_empty_array(roles)) || (!nick.empty() && !packed::is_null(nick));
}

} // namespace

void guild_cache::write_guild_create(std::string& out, snowflake guild, const guild_view& view,
                                     const cache_policy& policy) const {
  auto begin = out.size();
  if (!content_) {
    out.append("{\"id\":\"").append(std::to_string(guild)).append("\",\"unavailable\":true}");
    return;
  }
  auto& rows = content_->rows;
  auto count = content_->member_count;
  auto large = count > view.large_threshold;
  auto shows_people = (view.intents & presences_intent) != 0 && count <= presence_gate;
  auto own = rows.find({guild_row, 0});
  if (!own || !packed::decode(out, *own)) {
    out.resize(begin);
    out.append("{\"id\":\"").append(std::to_string(guild)).append("\"}");
  }
  out.pop_back();
  out.append(out.back() == '{' ? "\"" : ",\"").append("unavailable\":false,\"large\":");
  out.append(large ? "true" : "false").append(",\"member_count\":").append(std::to_string(count));

  if ((view.intents & voice_states_intent) != 0)
    put_all(out, rows, voice_row);
  else
    put_none(out, voice_row);
  put_all(out, rows, thread_row);

  open_array(out, member_row);
  auto voice = rows.of(voice_row);
  auto presence = rows.of(presence_row);
  for (auto member = rows.of(member_row); !member.done(); member.next()) {
    auto user = member->key.id;
    auto listed = user == policy.self || voice.seek(user) ||
                  (shows_people && (!large || presence.seek(user) || stands_out(member->packed)));
    if (listed)
      put_element(out, member->packed);
  }
  out += ']';

  if (shows_people)
    put_all(out, rows, presence_row);
  else
    put_none(out, presence_row);
  for (auto kind : {channel_row, role_row, emoji_row, sticker_row, scheduled_event_row, stage_row, sound_row})
    put_all(out, rows, kind);
  out += '}';
}

} // namespace shardyard
