#include "actors/partition/content_hash.hpp"

#include "actors/partition/content_words.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <simdjson.h>
#include <string>

namespace shardyard {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

bool ends_url(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '"' || c == ')' || c == '>' || c == '<';
}

// Query parameters that sign a link; they differ between copies. `?` and `&` count as the same, since a
// removed first parameter turns one into the other.
std::string without_signature(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '?' && text[i] != '&') {
      result += text[i++];
      continue;
    }
    auto name = text.substr(i + 1, 3);
    if (name != "ex=" && name != "is=" && name != "hm=") {
      if (i + 1 < text.size() && !ends_url(text[i + 1]))
        result += '&';
      ++i;
      continue;
    }
    i += 4;
    while (i < text.size() && text[i] != '&' && !ends_url(text[i]))
      ++i;
  }
  return result;
}

std::uint64_t hash_number(double x) {
  if (std::nearbyint(x) == x && std::abs(x) < 9e15)
    return hash_integer(static_cast<std::uint64_t>(static_cast<std::int64_t>(x)));
  return hash_bytes({reinterpret_cast<const char*>(&x), sizeof x}, real_tag);
}

std::uint64_t hash_of(element x);

std::uint64_t hash_object(simdjson::dom::object x) {
  object_hash result;
  for (auto [key, value] : x)
    result.member(key, hash_of(value));
  return result.result();
}

std::uint64_t hash_array(simdjson::dom::array x) {
  std::uint64_t result = array_tag;
  for (auto value : x)
    result = mix(result, hash_of(value));
  return result;
}

std::uint64_t hash_of(element x) {
  switch (x.type()) {
  case element_type::OBJECT:
    return hash_object(x.get_object().value_unsafe());
  case element_type::ARRAY:
    return hash_array(x.get_array().value_unsafe());
  case element_type::STRING:
    return hash_string(x.get_string().value_unsafe());
  case element_type::INT64:
    return hash_integer(static_cast<std::uint64_t>(x.get_int64().value_unsafe()));
  case element_type::UINT64:
    return hash_integer(x.get_uint64().value_unsafe());
  case element_type::DOUBLE:
    return hash_number(x.get_double().value_unsafe());
  case element_type::BOOL:
    return mix(x.get_bool().value_unsafe() ? true_tag : false_tag, 0);
  case element_type::NULL_VALUE:
    break;
  }
  return mix(null_tag, 0);
}

constexpr std::size_t kept_room = 4 << 20; // what one huge value needed is given back

/// One per thread: parsers with their memory, and which bytes have which content. Two sessions mostly show
/// the same bytes, so the second copy is found there.
struct reading_room {
  struct known {
    std::uint64_t bytes = 0;
    std::uint64_t content = 0;
  };

  simdjson::dom::parser tree;
  simdjson::ondemand::parser fields;
  std::string padded;
  std::array<known, 1024> recent{};

  simdjson::simdjson_result<simdjson::ondemand::document> open(std::string_view d) {
    if (padded.size() < d.size() + simdjson::SIMDJSON_PADDING)
      padded.resize(2 * d.size() + simdjson::SIMDJSON_PADDING);
    std::memcpy(padded.data(), d.data(), d.size());
    return fields.iterate(padded.data(), d.size(), padded.size());
  }

  std::uint64_t content_of(std::string_view d) {
    auto scanned = scan_content(d);
    auto hash = scanned ? *scanned : tree_hash(d);
    return hash == 0 ? 1 : hash;
  }

  std::uint64_t tree_hash(std::string_view d) {
    element root;
    auto hash = tree.parse(d.data(), d.size()).get(root) ? hash_bytes(d, 0) : hash_of(root);
    if (d.size() > kept_room)
      tree = simdjson::dom::parser{};
    return hash;
  }
};

reading_room& room() {
  thread_local reading_room result;
  return result;
}

std::uint64_t unquoted_id(std::string_view text) {
  std::uint64_t result = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  return error == std::errc{} && end == text.data() + text.size() ? result : 0;
}

/// Discord writes the user first and without spaces; 0 when it has not.
std::uint64_t leading_user(std::string_view d) {
  constexpr std::string_view head = R"({"user":{"id":")";
  if (!d.starts_with(head))
    return 0;
  d.remove_prefix(head.size());
  auto end = d.substr(0, 21).find('"');
  return end == d.npos ? 0 : unquoted_id(d.substr(0, end));
}

std::uint64_t find_user(std::string_view d) {
  simdjson::ondemand::document document;
  simdjson::ondemand::object user;
  std::string_view id;
  if (room().open(d).get(document) || document["user"].get_object().get(user) ||
      user["id"].get_string().get(id))
    return 0;
  return unquoted_id(id);
}

} // namespace

std::uint64_t hash_long_string(std::string_view x) {
  if (x.find('?') != x.npos && x.find("discordapp.") != x.npos)
    return hash_bytes(without_signature(x), string_tag);
  return hash_bytes(x, string_tag);
}

std::uint64_t bytes_hash(std::string_view d) {
  return hash_bytes(d, 0);
}

std::uint64_t content_hash(std::string_view d) {
  return content_hash(d, bytes_hash(d));
}

std::uint64_t content_hash(std::string_view d, std::uint64_t bytes) {
  auto& known = room().recent[bytes % room().recent.size()];
  if (known.content == 0 || known.bytes != bytes)
    known = {bytes, room().content_of(d)};
  return known.content;
}

std::uint64_t presence_user(std::string_view d) {
  if (auto user = leading_user(d))
    return user;
  auto result = find_user(d);
  if (room().padded.size() > kept_room) {
    room().padded = {};
    room().fields = simdjson::ondemand::parser{};
  }
  return result;
}

} // namespace shardyard
