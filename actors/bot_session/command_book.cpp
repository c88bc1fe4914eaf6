#include "actors/bot_session/command_book.hpp"

#include "actors/bot_session/json_fields.hpp"
#include "messages/discord_event.hpp"

#include <algorithm>

namespace shardyard {
namespace {

std::uint8_t op_answered_by(event_type_id type, std::string_view d) {
  if (type == discord_event::guild_members_chunk)
    return 8;
  if (type == discord_event::soundboard_sounds)
    return 31;
  if (type == discord_event::channel_info)
    return 43;
  if (type == discord_event::voice_server_update)
    return 4;
  return type == discord_event::rate_limited ? static_cast<std::uint8_t>(id_in(field_of(d, "opcode"))) : 0;
}

std::string_view nonce_in(event_type_id type, std::string_view d) {
  if (type == discord_event::rate_limited)
    d = field_of(d, "meta");
  return unquoted(field_of(d, "nonce"));
}

std::size_t guilds_of(const bot_command& x) {
  if (x.op != 31)
    return 1;
  json_elements ids{field_of(x.d, "guild_ids")};
  std::string_view id;
  std::size_t result = 0;
  while (ids.next(id))
    ++result;
  return std::max<std::size_t>(result, 1);
}

} // namespace

const bot_command& command_book::add(bot_command x, time now) {
  x.number = ++last_number_;
  if (x.op == 4)
    std::erase_if(open_, [&](const entry& e) {
      return e.command.op == 4 && e.command.asker == x.asker && e.command.guild == x.guild;
    });
  auto guilds = guilds_of(x);
  return open_.emplace_back(entry{std::move(x), now, guilds}).command;
}

void command_book::answered(std::uint32_t asker, event_type_id type, snowflake guild, std::string_view d) {
  if (open_.empty())
    return;
  auto op = op_answered_by(type, d);
  auto nonce = op == 8 ? nonce_in(type, d) : std::string_view{};
  auto found = std::ranges::find_if(open_, [&](const entry& e) {
    auto& x = e.command;
    return x.asker == asker && x.op == op && (op == 31 || x.guild == guild) && x.nonce == nonce;
  });
  if (found == open_.end())
    return;
  if (type == discord_event::guild_members_chunk &&
      id_in(field_of(d, "chunk_index")) + 1 < id_in(field_of(d, "chunk_count")))
    return;
  if (--found->guilds == 0)
    open_.erase(found);
}

void command_book::forget(std::uint32_t asker) {
  std::erase_if(open_, [&](const entry& e) { return e.command.asker == asker; });
}

void command_book::expire(time now) {
  while (!open_.empty() && now - open_.front().since >= patience)
    open_.pop_front();
}

} // namespace shardyard
