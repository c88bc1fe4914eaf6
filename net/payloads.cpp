#include "net/payloads.hpp"

#include "net/byte_buffer.hpp"
#include "net/header_scan.hpp"

#include <boost/json.hpp>
#include <simdjson.h>

namespace shardyard::net {
namespace {

namespace json = boost::json;
namespace ondemand = simdjson::ondemand;

// Above this a "heartbeat interval" is no interval any more: a day without a sign of life.
constexpr std::uint64_t longest_interval_ms = 86'400'000;

std::string op_text(int op, json::value d) {
  return json::serialize(json::object{{"op", op}, {"d", std::move(d)}});
}

/// A string, unescaped; lone surrogates are replaced rather than refused.
bool read_text(ondemand::value value, std::string& out) {
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS)
    return false;
  out = text;
  return true;
}

ready_guild read_guild(ondemand::value value) {
  ready_guild guild;
  ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS)
    return guild;
  for (auto entry : object) {
    ondemand::field field;
    if (std::move(entry).get(field) != simdjson::SUCCESS)
      return {};
    if (field.key() == "id")
      guild.id = read_snowflake(field.value().raw_json_token());
    else if (field.key() == "unavailable")
      guild.unavailable = field.value().raw_json_token().starts_with("true");
  }
  return guild;
}

bool read_guilds(ondemand::value value, std::vector<ready_guild>& out) {
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS)
    return false;
  for (auto entry : array) {
    ondemand::value element;
    if (std::move(entry).get(element) != simdjson::SUCCESS)
      return false;
    if (auto guild = read_guild(element); guild.id != 0)
      out.push_back(guild);
  }
  return true;
}

void read_shard(ondemand::value value, ready_view& out) {
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS)
    return;
  std::uint64_t numbers[2] = {0, 0};
  std::size_t count = 0;
  for (auto entry : array) {
    std::uint64_t number = 0;
    if (entry.get_uint64().get(number) != simdjson::SUCCESS || count == 2)
      return;
    numbers[count++] = number;
  }
  if (count != 2 || numbers[1] > 0xFFFFFFFF || numbers[0] >= numbers[1])
    return;
  out.has_shard = true;
  out.shard_id = static_cast<std::uint32_t>(numbers[0]);
  out.shard_count = static_cast<std::uint32_t>(numbers[1]);
}

snowflake read_id(ondemand::value value) {
  return read_guild(value).id;
}

} // namespace

std::string identify_text(const identify_payload& identify) {
  json::object d{{"token", identify.token},
                 {"properties", {{"os", "linux"}, {"browser", "shardyard"}, {"device", "shardyard"}}},
                 {"intents", identify.intents},
                 {"large_threshold", identify.large_threshold},
                 {"shard", {identify.shard_id, identify.shard_count}}};
  if (!identify.presence.empty()) {
    boost::system::error_code error;
    auto presence = json::parse(identify.presence, error);
    if (!error)
      d["presence"] = std::move(presence);
  }
  return op_text(2, std::move(d));
}

std::string resume_text(std::string_view token, std::string_view session_id, std::uint64_t s) {
  return op_text(6, json::object{{"token", token}, {"session_id", session_id}, {"seq", s}});
}

std::string heartbeat_text(std::uint64_t s) {
  return s == 0 ? R"({"op":1,"d":null})" : R"({"op":1,"d":)" + std::to_string(s) + "}";
}

std::string payload_text(int op, std::string_view d) {
  return "{\"op\":" + std::to_string(op) + ",\"d\":" + std::string{d.empty() ? "null" : d} + "}";
}

std::string_view read_ready(std::string_view d, ready_view& out) {
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object object;
  if (parser.iterate(d.data(), d.size(), d.size() + byte_buffer::padding).get(document) !=
          simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS)
    return "READY without an object";
  out.d = d;
  for (auto entry : object) {
    ondemand::field field;
    if (auto error = std::move(entry).get(field); error != simdjson::SUCCESS)
      return error_message(error);
    auto name = field.key();
    auto& value = field.value();
    if (name == "session_id" && !read_text(value, out.session_id))
      return "READY: session_id is no string";
    if (name == "resume_gateway_url" && !read_text(value, out.resume_gateway_url))
      out.resume_gateway_url.clear();
    if (name == "guilds" && !read_guilds(value, out.guilds))
      return "READY: guilds is no list";
    if (name == "shard")
      read_shard(value, out);
    if (name == "application")
      out.application = read_id(value);
    if (name == "user")
      out.user = read_id(value);
  }
  return out.session_id.empty() ? "READY without session_id" : std::string_view{};
}

std::uint32_t read_hello(std::string_view d) {
  ondemand::parser parser;
  ondemand::document document;
  double interval = 0;
  if (parser.iterate(d.data(), d.size(), d.size() + byte_buffer::padding).get(document) !=
          simdjson::SUCCESS ||
      document.find_field_unordered("heartbeat_interval").get_double().get(interval) != simdjson::SUCCESS)
    return 0;
  return interval >= 1 && interval <= longest_interval_ms ? static_cast<std::uint32_t>(interval) : 0;
}

} // namespace shardyard::net
