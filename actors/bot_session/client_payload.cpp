#include "actors/bot_session/client_payload.hpp"

#include "actors/bot_session/json_fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <simdjson.h>

namespace shardyard {
namespace {

using namespace simdjson;
using dom_value = simdjson_result<dom::element>;

constexpr payload_refused undecodable{4002};
constexpr payload_refused wrong_fields{4001};
constexpr std::size_t longest_nonce = 32;
constexpr std::uint64_t most_shards = 100'000;

/// A number without fraction; some languages write 513 as 513.0.
std::optional<std::uint64_t> whole_number(dom_value value) {
  std::uint64_t number = 0;
  if (value.get_uint64().get(number) == SUCCESS)
    return number;
  double fraction = 0;
  if (!value.is_double() || value.get_double().get(fraction) != SUCCESS ||
      !(fraction >= 0 && fraction < 9e15))
    return std::nullopt;
  number = static_cast<std::uint64_t>(fraction);
  return static_cast<double>(number) == fraction ? std::optional{number} : std::nullopt;
}

std::optional<std::string_view> text(dom_value value) {
  std::string_view result;
  return value.get_string().get(result) == SUCCESS ? std::optional{result} : std::nullopt;
}

/// An id as string, or as number, which Discord takes as well; 0: neither.
snowflake id(dom_value value) {
  auto written = text(value);
  if (!written)
    return whole_number(value).value_or(0);
  snowflake result = 0;
  auto [end, error] = std::from_chars(written->data(), written->data() + written->size(), result);
  return error == std::errc{} && end == written->data() + written->size() ? result : 0;
}

std::string token_in(std::string_view token) {
  if (token.starts_with("Bot "))
    token.remove_prefix(4);
  return std::string{token};
}

std::optional<guild_filter> shard_pair(dom::element value) {
  dom::array pair;
  if (value.get_array().get(pair) != SUCCESS || pair.size() != 2)
    return std::nullopt;
  auto number = whole_number(pair.at(0));
  auto count = whole_number(pair.at(1));
  if (!number || !count || *count == 0 || *number >= *count || *count > most_shards)
    return std::nullopt;
  return guild_filter{static_cast<std::uint32_t>(*number), static_cast<std::uint32_t>(*count)};
}

bool status_ok(dom_value value) {
  auto status = text(value);
  constexpr std::array<std::string_view, 5> known{"online", "dnd", "idle", "invisible", "offline"};
  return status && std::ranges::find(known, *status) != known.end();
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> presence_fields{
    {{"since", "null"}, {"activities", "[]"}, {"status", R"("online")"}, {"afk", "false"}}};

/// IDENTIFY may leave out (oceanic.js does) what op 3, as which the cluster says it again, may not. Empty
/// where Discord would show nothing of it.
std::string whole_presence(dom::object d, std::string_view raw) {
  if (auto status = d["status"]; status.error() == SUCCESS && !status_ok(status))
    return {};
  std::string missing;
  for (auto& [key, value] : presence_fields)
    if (d[key].error() != SUCCESS)
      missing.append(missing.empty() ? "\"" : ",\"").append(key).append("\":").append(value);
  auto rest = raw.substr(raw.find('{') + 1);
  auto comma = missing.empty() || d.size() == 0 ? "" : ",";
  return "{" + missing + comma + std::string{rest};
}

client_payload identify(dom::object d, std::string_view raw) {
  auto token = text(d["token"]);
  if (!token || !d["properties"].is_object())
    return wrong_fields;
  identification_sent result;
  result.token = token_in(*token);
  result.intents = whole_number(d["intents"]);
  bool compress = false;
  result.compress = d["compress"].get_bool().get(compress) == SUCCESS && compress;
  result.large_threshold = static_cast<std::uint16_t>(
      std::clamp<std::uint64_t>(whole_number(d["large_threshold"]).value_or(50), 25, 250));
  dom::element shard;
  result.sharded = d["shard"].get(shard) == SUCCESS && !shard.is_null();
  result.shard = result.sharded ? shard_pair(shard) : guild_filter{};
  if (dom::object presence; d["presence"].get(presence) == SUCCESS)
    result.presence = whole_presence(presence, field_of(raw, "presence"));
  return result;
}

client_payload resume(dom::object d) {
  auto token = text(d["token"]);
  auto session_id = text(d["session_id"]);
  // eris zeroes its sequence after 4007; some send null before the first event.
  auto seq = d["seq"].is_null() ? std::optional<std::uint64_t>{0} : whole_number(d["seq"]);
  if (!token || !session_id || !seq)
    return wrong_fields;
  return resume_sent{token_in(*token), std::string{*session_id}, *seq};
}

client_payload presence(dom::object d, std::string_view raw) {
  for (auto& [key, value] : presence_fields)
    if (d[key].error() != SUCCESS)
      return wrong_fields;
  return status_ok(d["status"]) ? client_payload{presence_sent{raw}} : wrong_fields;
}

bool voice_fields_ok(dom::object d) {
  dom::element channel;
  return d["channel_id"].get(channel) != SUCCESS || channel.is_null() ||
         id(dom_value{std::move(channel)}) != 0;
}

bool member_fields_ok(dom::object d) {
  dom::element users;
  if (d["user_ids"].get(users) == SUCCESS)
    return users.is_string() || users.is_array() || users.is_uint64();
  return text(d["query"]).has_value() && whole_number(d["limit"]).has_value();
}

/// Some libraries ask for the members of one guild as an array of one.
snowflake guild_in(dom::object d) {
  dom::array several;
  if (d["guild_id"].get_array().get(several) == SUCCESS)
    return several.size() == 1 ? id(several.at(0)) : 0;
  return id(d["guild_id"]);
}

client_payload command(std::uint8_t op, dom::object d, std::string_view raw) {
  command_sent result{op, guild_in(d), {}, raw, {}};
  auto fields_ok = result.guild != 0 && (op != 4 || voice_fields_ok(d)) && (op != 8 || member_fields_ok(d)) &&
                   (op != 43 || d["fields"].is_array());
  if (!fields_ok)
    return wrong_fields;
  if (op == 8)
    if (auto nonce = text(d["nonce"]); nonce && nonce->size() <= longest_nonce)
      result.nonce = unquoted(field_of(raw, "nonce"));
  return result;
}

client_payload sounds(dom::object d, std::string_view raw) {
  dom::array ids;
  if (d["guild_ids"].get_array().get(ids) != SUCCESS)
    return wrong_fields;
  command_sent result{31, 0, {}, raw, {}};
  for (auto x : ids)
    if (auto guild = id(dom_value{std::move(x)}); guild != 0)
      result.guilds.push_back(guild);
  return result;
}

} // namespace

struct client_payload_reader::parser {
  dom::parser json;
};

client_payload_reader::client_payload_reader(std::size_t longest)
    : parser_(std::make_unique<parser>()), longest_(longest) {}
client_payload_reader::~client_payload_reader() = default;

client_payload client_payload_reader::read(std::string_view payload) {
  dom::object message;
  if (payload.empty() || payload.size() > longest_ ||
      parser_->json.parse(payload.data(), payload.size()).get_object().get(message) != SUCCESS)
    return undecodable;
  auto op = whole_number(message["op"]);
  if (!op)
    return wrong_fields;
  if (*op == 1)
    return heartbeat_sent{whole_number(message["d"])};
  if (*op != 2 && *op != 3 && *op != 4 && *op != 6 && *op != 8 && *op != 31 && *op != 43)
    return wrong_fields;
  dom::object d;
  auto raw = field_of(payload, "d");
  if (message["d"].get_object().get(d) != SUCCESS || raw.empty())
    return wrong_fields;
  switch (*op) {
  case 2:
    return identify(d, raw);
  case 3:
    return presence(d, raw);
  case 6:
    return resume(d);
  case 31:
    return sounds(d, raw);
  default:
    return command(static_cast<std::uint8_t>(*op), d, raw);
  }
}

} // namespace shardyard
