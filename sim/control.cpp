#include "sim/control.hpp"

#include "sim/client_fields.hpp"
#include "sim/json_shapes.hpp"
#include "sim/rest_routes.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <map>

namespace shardyard::sim {
namespace {

namespace json = boost::json;

struct bad_request {
  std::string text;
};

std::int64_t whole(const json::value& value, std::string_view key, std::int64_t low, std::int64_t high) {
  boost::system::error_code error;
  auto number = value.is_number() ? value.to_number<std::int64_t>(error) : 0;
  if (!value.is_number() || error || number < low || number > high)
    throw bad_request{"\"" + std::string{key} + "\" must be a whole number from " + std::to_string(low) +
                      " to " + std::to_string(high)};
  return number;
}

snowflake guild_id(const json::value& value) {
  if (auto id = value.is_string() ? parse_id(text_of(&value)) : std::nullopt)
    return *id;
  if (value.is_number())
    return static_cast<snowflake>(whole(value, "guild", 1, INT64_MAX));
  throw bad_request{"\"guild\" must be an id as string"};
}

std::pair<std::uint32_t, std::uint32_t> shard_pair(const json::value& value) {
  auto* pair = value.if_array();
  if (!pair || pair->size() != 2)
    throw bad_request{"\"shard\" must be [id, count]"};
  auto count = whole((*pair)[1], "shard", 1, 100'000);
  return {static_cast<std::uint32_t>(whole((*pair)[0], "shard", 0, count - 1)),
          static_cast<std::uint32_t>(count)};
}

void read_field(fault& what, std::string_view key, const json::value& value) {
  if (key == "kind" || value.is_null())
    return;
  if (key == "session" && value.is_string())
    what.session = value.get_string();
  else if (key == "shard")
    what.shard = shard_pair(value);
  else if (key == "resumable" && value.is_bool())
    what.resumable = value.get_bool();
  else if (key == "code")
    what.code = static_cast<int>(whole(value, key, 1000, 4999));
  else if (key == "guild")
    what.guild = guild_id(value);
  else if (key == "ms")
    what.ms = whole(value, key, 0, 600'000);
  else if (key == "remaining")
    what.remaining = static_cast<std::uint32_t>(whole(value, key, 0, 10'000'000));
  else if (key == "retry_after" && value.is_number())
    what.retry_after = value.to_number<double>();
  else if (key == "node")
    what.node = static_cast<std::uint32_t>(whole(value, key, 0, 1000));
  else if (key == "bytes")
    what.bytes = static_cast<std::size_t>(whole(value, key, 0, 60'000'000));
  else if (key == "event" && value.is_string())
    what.event = find_kind(std::string_view{value.get_string()});
  else
    throw bad_request{"unknown or ill-typed field \"" + std::string{key} +
                      "\"; allowed: kind, session (text), shard [id, count], resumable (bool), code, guild "
                      "(id as text), ms, "
                      "remaining, retry_after (s), node, bytes, event (name)"};
}

fault read_fault(const json::object& body) {
  auto* kind = body.if_contains("kind");
  auto found = kind && kind->is_string() ? find_fault(std::string_view{kind->get_string()}) : std::nullopt;
  if (!found)
    throw bad_request{"\"kind\" must be one of " + fault_names()};
  fault what{.kind = *found};
  for (auto& field : body)
    read_field(what, field.key(), field.value());
  return what;
}

http_answer post_fault(gateway& discord, const json::object& body, moment now) {
  auto done = discord.apply(read_fault(body), now);
  if (!done.error.empty())
    throw bad_request{done.error};
  json::object result{{"hit", done.hit}};
  if (done.guild != 0)
    result["guild"] = std::to_string(done.guild);
  return as_json(result);
}

http_answer post_world(gateway& discord, const json::object& body, moment now) {
  for (auto& field : body) {
    if (field.key() == "rate" && field.value().is_number() && field.value().to_number<double>() >= 0)
      discord.set_rate(field.value().to_number<double>());
    else if (field.key() == "interactions" && field.value().is_number() &&
             field.value().to_number<double>() >= 0)
      discord.set_interaction_rate(field.value().to_number<double>());
    else if (field.key() == "emit")
      discord.emit(static_cast<std::uint64_t>(whole(field.value(), "emit", 0, 1'000'000)), now);
    else
      throw bad_request{
          "allowed: {\"rate\": events per second, 0 or more}, {\"interactions\": per second, 0 or more} "
          "and {\"emit\": events at once}"};
  }
  return as_json({{"rate", discord.rate()}, {"occurrences", discord.count().occurrences}});
}

std::uint64_t parameter(std::string_view target, std::string_view key, std::uint64_t otherwise) {
  auto query = target.find('?');
  for (auto rest = query == std::string_view::npos ? std::string_view{} : target.substr(query + 1);
       !rest.empty();) {
    auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (!pair.starts_with(key) || !pair.substr(key.size()).starts_with('='))
      continue;
    if (auto value = parse_id(pair.substr(key.size() + 1)))
      return *value;
    throw bad_request{"\"" + std::string{key} + "\" must be a whole number"};
  }
  return otherwise;
}

/// The guild as GUILD_CREATE would show it now, whatever is still on its way to sessions.
http_answer show_world(gateway& discord, std::string_view target) {
  auto guild = parameter(target, "guild", 0);
  if (guild == 0)
    return as_json({{"rate", discord.rate()},
                    {"occurrences", discord.count().occurrences},
                    {"guilds", discord.all().present()}});
  auto* in = discord.all().find(guild);
  if (!in)
    return as_json({{"error", "\"guild\" must be the id of a guild that the bot is in"}}, 404);
  snapshot_view view{.intents = parameter(target, "intents", known_intents),
                     .large_threshold = static_cast<std::uint32_t>(parameter(target, "large_threshold", 0))};
  view.everyone = view.large_threshold == 0;
  if (view.everyone)
    view.large_threshold = 50;
  http_answer result;
  put_guild_create(result.body, {discord.all(), *in}, view);
  result.headers = {{"X-Occurrence", std::to_string(discord.count().occurrences)}};
  return result;
}

http_answer tell_truth(gateway& discord) {
  if (auto& reason = discord.truth().rows().given_up(); !reason.empty())
    return as_json(
        {{"error", "the truth is gone: " + reason + "; start anew with a greater limit, or with less load"}},
        410);
  return {.type = "application/x-ndjson", .stream = truth_log::reader{discord.truth()}};
}

http_answer list_violations(gateway& discord) {
  json::array rows;
  for (auto& row : discord.broken().rows())
    rows.push_back({{"rule", row.rule}, {"text", row.text}, {"session", row.session}, {"at_ms", row.at_ms}});
  return as_json(rows);
}

http_answer list_sessions(gateway& discord) {
  json::array rows;
  for (auto& [number, which] : discord.sessions()) {
    std::uint64_t attached = 0, lost = 0;
    for (auto& [index, view] : which->guilds) {
      attached += view == guild_view::attached;
      lost += view == guild_view::outage;
    }
    rows.push_back({{"id", which->id()},
                    {"k", number},
                    {"shard", json::array{which->as().shard_id, which->as().shard_count}},
                    {"state", !which->ready       ? "starting"
                              : which->connection ? "live"
                                                  : "disconnected"},
                    {"s", which->s()},
                    {"guilds", attached},
                    {"pending", which->pending.size()},
                    {"outage", lost},
                    {"in_flight", which->line.size()},
                    {"intents", which->as().intents}});
  }
  return as_json(rows);
}

http_answer list_guilds(gateway& discord) {
  json::array rows;
  for (auto& g : discord.all().guilds())
    if (g.present)
      rows.push_back({{"id", std::to_string(g.id)}, {"activity", g.activity}, {"members", g.member_count}});
  return as_json(rows);
}

http_answer list_interactions(gateway& discord) {
  json::array rows;
  for (auto& row : discord.interactions().rows())
    rows.push_back({{"id", std::to_string(row.command.id)},
                    {"guild", std::to_string(row.guild)},
                    {"at_ms", unix_ms(row.at)},
                    {"answers", row.answers},
                    {"refused", row.refused},
                    {"late", row.late}});
  return as_json(rows);
}

http_answer stats(gateway& discord, moment now) {
  auto all = discord.count();
  auto& limits = discord.identifies();
  auto& interactions = discord.interactions().all();
  auto& rows = discord.truth().rows();
  return as_json({{"occurrences", all.occurrences},
                  {"copies", all.copies},
                  {"connections", all.connections},
                  {"sessions", discord.sessions().size()},
                  {"guilds", discord.all().present()},
                  {"identifies_used", limits.used()},
                  {"identifies_remaining", limits.remaining(now)},
                  {"in_flight", all.in_flight},
                  {"unwritten_bytes", all.unwritten_bytes},
                  {"unacked_bytes", all.unacked_bytes},
                  {"violations", discord.broken().rows().size()},
                  {"truth_bytes", {{"memory", rows.bytes_in_memory()}, {"file", rows.bytes_in_file()}}},
                  {"interactions",
                   {{"happened", interactions.happened},
                    {"answered", interactions.answered},
                    {"answered_again", interactions.answered_again},
                    {"answered_late", interactions.late}}},
                  {"rate", discord.rate()}});
}

http_answer control(gateway& discord, const http_question& asked, std::string_view route, moment now) {
  auto expects = [&](std::string_view method) {
    if (asked.method != method)
      throw bad_request{std::string{route} + " wants " + std::string{method}};
  };
  if (route == "/world" && asked.method == "GET")
    return show_world(discord, asked.target);
  if (route == "/fault" || route == "/world") {
    expects("POST");
    boost::system::error_code error;
    auto body = json::parse(asked.body, error);
    if (error || !body.is_object())
      throw bad_request{"the body must be a JSON object"};
    return route == "/fault" ? post_fault(discord, body.get_object(), now)
                             : post_world(discord, body.get_object(), now);
  }
  expects("GET");
  if (route == "/truth")
    return tell_truth(discord);
  if (route == "/violations")
    return list_violations(discord);
  if (route == "/sessions")
    return list_sessions(discord);
  if (route == "/guilds")
    return list_guilds(discord);
  if (route == "/interactions")
    return list_interactions(discord);
  return stats(discord, now);
}

} // namespace

std::string head_of(const http_answer& result) {
  static const std::map<int, std::string_view> reasons{{200, "OK"},
                                                       {201, "Created"},
                                                       {204, "No Content"},
                                                       {400, "Bad Request"},
                                                       {401, "Unauthorized"},
                                                       {403, "Forbidden"},
                                                       {404, "Not Found"},
                                                       {410, "Gone"},
                                                       {405, "Method Not Allowed"},
                                                       {429, "Too Many Requests"}};
  std::string head = "HTTP/1.1 " + std::to_string(result.status) + " ";
  if (auto reason = reasons.find(result.status); reason != reasons.end())
    head += reason->second;
  if (result.status != 204)
    head += "\r\nContent-Type: " + result.type;
  for (auto& [name, value] : result.headers)
    head += "\r\n" + name + ": " + value;
  if (result.stream)
    head += "\r\nTransfer-Encoding: chunked";
  else if (result.status != 204)
    head += "\r\nContent-Length: " + std::to_string(result.body.size());
  return head + "\r\n\r\n";
}

bool is_control(std::string_view target) {
  auto route = route_of(target);
  return route == "/truth" || route == "/fault" || route == "/violations" || route == "/sessions" ||
         route == "/world" || route == "/stats" || route == "/guilds" || route == "/interactions";
}

http_answer answer(gateway& discord, const http_question& asked, const std::string& base_url, moment now) {
  auto route = route_of(asked.target);
  if (!is_control(asked.target))
    return rest(discord, asked, base_url, now);
  if (!asked.from_loopback)
    return refusal(403, "control is for loopback only");
  try {
    return control(discord, asked, route, now);
  } catch (const bad_request& wrong) {
    return as_json({{"error", wrong.text}}, 400);
  }
}

} // namespace shardyard::sim
