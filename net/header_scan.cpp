#include "net/header_scan.hpp"

#include "messages/discord_event.hpp"
#include "messages/event_block.hpp"
#include "net/byte_buffer.hpp"

#include <charconv>

#include <simdjson.h>

namespace shardyard::net {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(byte_buffer::padding >= simdjson::SIMDJSON_PADDING);

constexpr std::size_t longest_name = 1024;

// The parser's index takes six bytes per byte of payload: what one huge payload needed is given back.
constexpr std::size_t kept_payload = 4 << 20;

std::string_view trimmed(std::string_view token) {
  auto end = token.find_last_not_of(" \t\r\n");
  return token.substr(0, end + 1);
}

/// The text between the quotes of a string token, escapes as they stand; empty when it is no string.
std::string_view between_quotes(std::string_view token) {
  token = trimmed(token);
  if (token.size() < 2 || token.front() != '"' || token.back() != '"')
    return {};
  return token.substr(1, token.size() - 2);
}

/// Raw text of any value, which is consumed.
simdjson::error_code raw_value(ondemand::value value, std::string_view& out) {
  ondemand::json_type type;
  if (auto error = value.type().get(type); error != simdjson::SUCCESS)
    return error;
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    if (auto error = value.get_object().get(object); error != simdjson::SUCCESS)
      return error;
    return object.raw_json().get(out);
  }
  if (type == ondemand::json_type::array) {
    ondemand::array array;
    if (auto error = value.get_array().get(array); error != simdjson::SUCCESS)
      return error;
    return array.raw_json().get(out);
  }
  out = value.raw_json_token();
  return simdjson::SUCCESS;
}

/// The id in field `name` of an object value; 0 when it is absent.
snowflake id_within(ondemand::value value, std::string_view name) {
  ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS)
    return 0;
  ondemand::value found;
  if (object.find_field_unordered(name).get(found) != simdjson::SUCCESS)
    return 0;
  return read_snowflake(found.raw_json_token());
}

// What is still looked for inside d.
enum wanted : unsigned { guild_wanted = 1, key_wanted = 2, unavailable_wanted = 4, channel_wanted = 8 };

unsigned wanted_of(event_type_id id) {
  auto& type = type_of(id);
  unsigned result = 0;
  if (id == discord_event::message_create) // a guild's cache notes the newest of each channel
    result |= channel_wanted;
  if (type.guild != guild_field::none)
    result |= guild_wanted;
  if (type.key != key_field::none)
    result |= key_wanted;
  if (type.guild == guild_field::id && type.lane == lane::local)
    result |= unavailable_wanted;
  return result;
}

/// One pass over the fields of d; ends as soon as everything wanted is found.
class event_fields {
public:
  explicit event_fields(payload_header& header)
      : header_(header), type_(type_of(header.type)), open_(wanted_of(header.type)) {}

  simdjson::error_code read(ondemand::object& d) {
    for (auto entry : d) {
      ondemand::field field;
      if (auto error = std::move(entry).get(field); error != simdjson::SUCCESS)
        return error;
      take(field);
      if (open_ == 0 && (header_.guild != 0 || header_.channel != 0))
        break;
    }
    if (header_.guild != 0 && header_.type != discord_event::message_create)
      header_.channel = 0;
    return simdjson::SUCCESS;
  }

private:
  void take(ondemand::field& field) {
    auto name = field.key();
    if (name == "id")
      take_id(field.value());
    else if (name == "guild_id" && type_.guild == guild_field::guild_id)
      found(guild_wanted, header_.guild, read_snowflake(field.value().raw_json_token()));
    else if (name == "channel_id")
      found(channel_wanted, header_.channel, read_snowflake(field.value().raw_json_token()));
    else if (name == "role" && type_.key == key_field::role_id)
      found(key_wanted, header_.key, id_within(field.value(), "id"));
    else if (name == "meta" && type_.guild == guild_field::meta)
      found(guild_wanted, header_.guild, id_within(field.value(), "guild_id"));
    else if (name == "unavailable" && (open_ & unavailable_wanted) != 0)
      take_unavailable(field.value());
  }

  void take_id(ondemand::value& value) {
    if (type_.guild == guild_field::id)
      found(guild_wanted, header_.guild, read_snowflake(value.raw_json_token()));
    else if (type_.key == key_field::id)
      found(key_wanted, header_.key, read_snowflake(value.raw_json_token()));
  }

  void take_unavailable(ondemand::value& value) {
    open_ &= ~unavailable_wanted;
    if (trimmed(value.raw_json_token()) == "true")
      header_.flags |= unavailable_flag;
  }

  void found(unsigned what, snowflake& place, snowflake id) {
    place = id;
    open_ &= ~what;
  }

  payload_header& header_;
  const event_type& type_;
  unsigned open_;
};

/// Reads the ids in d, an object, and then where it ends.
simdjson::error_code scan_event(ondemand::value value, payload_header& header) {
  ondemand::object d;
  if (auto error = value.get_object().get(d); error != simdjson::SUCCESS)
    return error;
  if (auto error = event_fields{header}.read(d); error != simdjson::SUCCESS)
    return error;
  // Goes on where the fields were left, so d is walked once.
  return d.raw_json().get(header.d);
}

bool read_number(std::string_view token, std::uint64_t& number) {
  token = trimmed(token);
  auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
  return error == std::errc{} && end == token.data() + token.size();
}

} // namespace

snowflake read_snowflake(std::string_view token) {
  token = trimmed(token);
  if (token.size() >= 2 && token.front() == '"' && token.back() == '"')
    token = token.substr(1, token.size() - 2);
  snowflake id = 0;
  auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), id);
  return error == std::errc{} && end == token.data() + token.size() ? id : 0;
}

struct header_scan::parser {
  ondemand::parser json;

  std::string_view scan(std::string_view payload, payload_header& header) {
    ondemand::document document;
    ondemand::object top;
    auto error = json.iterate(payload.data(), payload.size(), payload.size() + simdjson::SIMDJSON_PADDING)
                     .get(document);
    if (error == simdjson::SUCCESS)
      error = document.get_object().get(top);
    if (error != simdjson::SUCCESS)
      return simdjson::error_message(error);
    bool d_needs_event = false;
    std::string_view why;
    for (auto entry : top) {
      ondemand::field field;
      if (error = std::move(entry).get(field); error != simdjson::SUCCESS)
        return simdjson::error_message(error);
      if (why = take(field, header, d_needs_event); !why.empty())
        return why;
    }
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
      return "bytes behind the payload";
    if (header.op < 0)
      return "payload without op";
    if (d_needs_event && header.op == 0)
      return scan_again(document, header);
    return {};
  }

private:
  /// One top-level field. `d_needs_event` tells that d came before t (or op) and was only skipped.
  std::string_view take(ondemand::field& field, payload_header& header, bool& d_needs_event) {
    auto name = field.key();
    if (name == "d")
      return take_d(field.value(), header, d_needs_event);
    if (name != "t" && name != "s" && name != "op")
      return {};
    std::string_view token = field.value().raw_json_token();
    if (name == "t") {
      header.t = between_quotes(token);
      header.type = find_event_type(header.t);
      return header.t.size() > longest_name ? "event name too long" : std::string_view{};
    }
    if (trimmed(token) == "null")
      return {};
    std::uint64_t number = 0;
    if (!read_number(token, number))
      return name == "s" ? "s is no number" : "op is no number";
    if (name == "s") {
      header.s = number;
      header.has_s = true;
    } else if (number > 0xFFFF) {
      return "op out of range";
    } else {
      header.op = static_cast<int>(number);
    }
    return {};
  }

  std::string_view take_d(ondemand::value value, payload_header& header, bool& d_needs_event) {
    ondemand::json_type type;
    auto error = value.type().get(type);
    if (error == simdjson::SUCCESS && type == ondemand::json_type::object && !header.t.empty()) {
      error = scan_event(value, header);
    } else if (error == simdjson::SUCCESS) {
      d_needs_event = type == ondemand::json_type::object;
      error = raw_value(value, header.d);
    }
    if (error != simdjson::SUCCESS)
      return simdjson::error_message(error); // d may be anything then
    header.d = trimmed(header.d);
    return {};
  }

  std::string_view scan_again(ondemand::document& document, payload_header& header) {
    if (header.t.empty())
      return {};
    document.rewind();
    ondemand::value d;
    auto error = document.find_field_unordered("d").get(d);
    if (error == simdjson::SUCCESS)
      error = scan_event(d, header);
    if (error != simdjson::SUCCESS)
      return simdjson::error_message(error); // d may be anything then
    header.d = trimmed(header.d);
    return {};
  }
};

header_scan::header_scan() : parser_(std::make_unique<parser>()) {}
header_scan::~header_scan() = default;
header_scan::header_scan(header_scan&&) noexcept = default;
header_scan& header_scan::operator=(header_scan&&) noexcept = default;

std::string_view header_scan::scan(std::string_view payload, payload_header& header) {
  header = {};
  if (payload.empty())
    return "empty payload";
  auto why = parser_->scan(payload, header);
  if (payload.size() > kept_payload)
    parser_->json = ondemand::parser{};
  return why;
}

} // namespace shardyard::net
