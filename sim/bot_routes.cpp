#include "sim/bot_routes.hpp"

#include "sim/client_fields.hpp"
#include "sim/json_shapes.hpp"
#include "sim/rest_routes.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>

namespace shardyard::sim {
namespace {

namespace json = boost::json;

using path_parts = std::vector<std::string_view>;

constexpr int ephemeral = 1 << 6;
constexpr std::size_t longest_content = 2000;

http_answer invalid_form(std::string_view field, std::string_view reason) {
  return as_json({{"message", "Invalid Form Body"},
                  {"code", 50035},
                  {"errors", {{field, {{"_errors", {{{"code", "INVALID"}, {"message", reason}}}}}}}}},
                 400);
}

http_answer not_found(std::string what, int code) {
  return refusal(404, "Unknown " + std::move(what), code);
}

http_answer not_allowed() {
  return refusal(405, "405: Method Not Allowed");
}

std::optional<json::value> body_of(const http_question& asked) {
  boost::system::error_code error;
  auto body = json::parse(asked.body, error);
  return error ? std::nullopt : std::optional{std::move(body)};
}

/// Characters, as Discord counts them.
std::size_t length_of(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(utf8, [](char c) { return (c & 0xC0) != 0x80; }));
}

struct wanted_message {
  own_message message;
  std::optional<http_answer> refused;
};

wanted_message read_message(const json::object& body) {
  auto content = text_of(body.if_contains("content"));
  auto* embeds = body.if_contains("embeds");
  auto filled = [&body](const char* key) {
    auto* list = body.if_contains(key) ? body.at(key).if_array() : nullptr;
    return list && !list->empty();
  };
  if (length_of(content) > longest_content)
    return {{}, invalid_form("content", "Must be 2000 or fewer in length.")};
  if (content.empty() && !filled("embeds") && !filled("components") && !filled("sticker_ids") &&
      !body.contains("poll"))
    return {{}, refusal(400, "Cannot send an empty message", 50006)};
  own_message made{json::serialize(json::string{content}),
                   embeds && embeds->is_array() ? json::serialize(*embeds) : "[]",
                   {}};
  if (auto* nonce = body.if_contains("nonce"); nonce && (nonce->is_string() || nonce->is_number()))
    made.more_keys = R"(,"nonce":)" + json::serialize(*nonce);
  return {std::move(made), std::nullopt};
}

/// The message object of a MESSAGE_CREATE.
json::object message_of(const std::string& d) {
  auto message = json::parse(d).get_object();
  message.erase("guild_id");
  message.erase("member");
  return message;
}

http_answer post_message(gateway& discord, const http_question& asked, std::string_view channel, moment now) {
  auto body = body_of(asked);
  if (!body || !body->is_object())
    return refusal(400, "The request body contains invalid JSON.", 50109);
  auto wanted = read_message(body->get_object());
  if (wanted.refused)
    return *std::move(wanted.refused);
  auto id = parse_id(channel);
  auto d = id ? discord.post(*id, wanted.message, now) : std::nullopt;
  return d ? as_json(message_of(*d)) : not_found("Channel", 10003);
}

http_answer show_channel(gateway& discord, std::string_view channel) {
  auto id = parse_id(channel).value_or(0);
  auto* in = discord.all().guild_of_channel(id);
  if (!in)
    return not_found("Channel", 10003);
  http_answer result{.body = "{"};
  put_channel_keys(result.body, {discord.all(), *in}, *std::ranges::find(in->channels, id, &channel::id));
  result.body += R"(,"guild_id":")" + std::to_string(in->id) + "\"}";
  return result;
}

http_answer show_guild(gateway& discord, std::string_view guild) {
  auto* in = discord.all().find(parse_id(guild).value_or(0));
  if (!in)
    return not_found("Guild", 10004);
  http_answer result{.body = "{"};
  put_guild_keys(result.body, {discord.all(), *in});
  result.body += "}";
  return result;
}

http_answer commands(gateway& discord, const http_question& asked, const path_parts& parts, moment now) {
  auto bot = discord.all().bot().id;
  if (parse_id(parts[1]) != bot)
    return not_found("Application", 10002);
  auto guild = parts.size() == 5 ? parse_id(parts[3]).value_or(0) : 0;
  if (parts.size() == 5 && !discord.all().find(guild))
    return not_found("Guild", 10004);
  if (asked.method == "GET")
    return as_json(discord.commands().list(guild));
  if (asked.method != "PUT" && asked.method != "POST")
    return not_allowed();
  auto body = body_of(asked);
  auto list = discord.commands().list(guild);
  if (asked.method == "POST" && body && body->is_object()) {
    auto* name = body->get_object().if_contains("name");
    auto same = std::ranges::find_if(list, [name](auto& each) { return name && each.at("name") == *name; });
    if (same != list.end())
      list.erase(same);
    list.push_back(*body);
  } else if (asked.method == "PUT" && body && body->is_array()) {
    list = body->get_array();
  } else {
    return refusal(400, "The request body contains invalid JSON.", 50109);
  }
  auto made = discord.commands().replace(bot, guild, list, discord.fresh_id(now));
  if (!made)
    return invalid_form("name", "Each command needs a name; at most 130 in a scope.");
  return asked.method == "PUT" ? as_json(*made) : as_json(made->back(), 201);
}

// The answer to the interaction as a message in its channel; null when only the user sees it.
json::value show_answer(gateway& discord, const interaction_book::row& which, const json::object& data,
                        moment now) {
  auto wanted = read_message(data);
  if (wanted.refused || (whole_number(data.if_contains("flags")).value_or(0) & ephemeral) != 0)
    return nullptr;
  auto bot = std::to_string(discord.all().bot().id);
  auto& user = discord.all().users()[which.command.user];
  auto& more = wanted.message.more_keys;
  more += R"(,"interaction_metadata":{"type":2,"id":")" + std::to_string(which.command.id);
  more += R"(","user":)" + user.json + R"(,"authorizing_integration_owners":{"0":")" +
          std::to_string(which.guild);
  more += R"("}},"webhook_id":")" + bot + R"(","application_id":")" + bot + "\"";
  auto d = discord.post(which.command.channel, wanted.message, now);
  return d ? json::value(message_of(*d)) : nullptr;
}

http_answer callback(gateway& discord, const http_question& asked, const path_parts& parts, moment now) {
  constexpr std::array<std::uint64_t, 9> types{1, 4, 5, 6, 7, 8, 9, 10, 12};
  if (asked.method != "POST")
    return not_allowed();
  auto body = body_of(asked);
  auto* fields = body ? body->if_object() : nullptr;
  auto type = fields ? whole_number(fields->if_contains("type")) : std::nullopt;
  if (!type || std::ranges::find(types, *type) == types.end())
    return invalid_form("type", "Value must be one of {1, 4, 5, 6, 7, 8, 9, 10, 12}.");
  auto* given = fields->if_contains("data");
  auto data = given && given->is_object() ? given->get_object() : json::object{};
  if (*type == 4)
    if (auto wanted = read_message(data); wanted.refused)
      return *std::move(wanted.refused);
  auto id = parse_id(parts[1]).value_or(0);
  switch (discord.interactions().answer(id, parts[2], now)) {
  case interaction_book::verdict::accepted:
    break;
  case interaction_book::verdict::acknowledged:
    return refusal(400, "Interaction has already been acknowledged.", 40060);
  case interaction_book::verdict::unknown:
    return not_found("interaction", 10062);
  }
  auto shown = *type == 4 ? show_answer(discord, *discord.interactions().find(id), data, now) : json::value{};
  if (asked.target.find("with_response=true") == std::string::npos)
    return {.status = 204};
  json::object interaction{{"id", std::to_string(id)}, {"type", 2}, {"response_message_loading", *type == 5}};
  json::object resource{{"type", *type}};
  if (shown.is_object()) {
    interaction["response_message_id"] = shown.at("id");
    resource["message"] = std::move(shown);
  }
  return as_json({{"interaction", std::move(interaction)}, {"resource", std::move(resource)}});
}

http_answer follow_up(gateway& discord, const http_question& asked, const path_parts& parts, moment now) {
  auto* which = discord.interactions().open(parts[2], now);
  if (!which || parse_id(parts[1]) != discord.all().bot().id)
    return not_found("Webhook", 10015);
  auto edits = parts.size() == 5;
  if (asked.method != (edits ? "PATCH" : "POST"))
    return not_allowed();
  auto body = body_of(asked);
  if (!body || !body->is_object())
    return refusal(400, "The request body contains invalid JSON.", 50109);
  if (auto wanted = read_message(body->get_object()); wanted.refused)
    return *std::move(wanted.refused);
  return as_json(show_answer(discord, *which, body->get_object(), now));
}

} // namespace

path_parts parts_of(std::string_view path) {
  path_parts parts;
  while (!path.empty()) {
    path.remove_prefix(path.front() == '/' ? 1 : 0);
    auto part = path.substr(0, path.find('/'));
    parts.push_back(part);
    path.remove_prefix(part.size());
  }
  return parts;
}

std::optional<http_answer> interaction_routes(gateway& discord, const http_question& asked,
                                              std::string_view path, moment now) {
  auto parts = parts_of(path);
  if (parts.size() == 4 && parts[0] == "interactions" && parts[3] == "callback")
    return callback(discord, asked, parts, now);
  if (parts.size() == 3 && parts[0] == "webhooks")
    return follow_up(discord, asked, parts, now);
  if (parts.size() == 5 && parts[0] == "webhooks" && parts[3] == "messages" && parts[4] == "@original")
    return follow_up(discord, asked, parts, now);
  return std::nullopt;
}

http_answer bot_routes(gateway& discord, const http_question& asked, std::string_view path, moment now) {
  auto parts = parts_of(path);
  auto reads = asked.method == "GET";
  if (path == "/users/@me")
    return reads ? http_answer{.body = discord.all().bot().json} : not_allowed();
  if (path == "/applications/@me" || path == "/oauth2/applications/@me")
    return !reads ? not_allowed()
                  : as_json({{"id", std::to_string(discord.all().bot().id)},
                             {"name", "Lantern"},
                             {"flags", 11051008},
                             {"description", ""},
                             {"icon", nullptr},
                             {"rpc_origins", json::array{}},
                             {"bot_public", true},
                             {"bot_require_code_grant", false},
                             {"verify_key", std::string(64, 'a')},
                             {"owner", json::object{{"id", "982934807904649300"},
                                                    {"username", "keeper"},
                                                    {"discriminator", "0"},
                                                    {"global_name", nullptr},
                                                    {"avatar", nullptr},
                                                    {"public_flags", 0},
                                                    {"flags", 0}}},
                             {"team", nullptr}});
  if (parts.size() >= 3 && parts[0] == "applications" && parts.back() == "commands" &&
      (parts.size() == 3 || (parts.size() == 5 && parts[2] == "guilds")))
    return commands(discord, asked, parts, now);
  if (parts.size() == 3 && parts[0] == "channels" && parts[2] == "messages")
    return asked.method == "POST" ? post_message(discord, asked, parts[1], now) : not_allowed();
  if (parts.size() == 2 && parts[0] == "channels")
    return reads ? show_channel(discord, parts[1]) : not_allowed();
  if (parts.size() == 2 && parts[0] == "guilds")
    return reads ? show_guild(discord, parts[1]) : not_allowed();
  return refusal(404, "404: Not Found");
}

} // namespace shardyard::sim
