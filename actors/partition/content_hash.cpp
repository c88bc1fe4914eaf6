#include "actors/partition/content_hash.hpp"

#include <charconv>
#include <cmath>
#include <simdjson.h>
#include <string>
#include <xxhash.h>

namespace shardyard {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

enum tag : std::uint64_t {
  null_tag = 1,
  true_tag,
  false_tag,
  integer_tag,
  real_tag,
  string_tag,
  array_tag,
  object_tag
};

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t words[2] = {a, b};
  return XXH3_64bits(words, sizeof words);
}

std::uint64_t hash_bytes(std::string_view x, std::uint64_t seed) {
  return XXH3_64bits_withSeed(x.data(), x.size(), seed);
}

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

std::uint64_t hash_string(std::string_view x) {
  if (x.find("discordapp.") != x.npos && x.find('?') != x.npos)
    return hash_bytes(without_signature(x), string_tag);
  return hash_bytes(x, string_tag);
}

std::uint64_t hash_number(double x) {
  if (std::nearbyint(x) == x && std::abs(x) < 9e15)
    return mix(integer_tag, static_cast<std::uint64_t>(static_cast<std::int64_t>(x)));
  return hash_bytes({reinterpret_cast<const char*>(&x), sizeof x}, real_tag);
}

std::uint64_t hash_of(element x);

std::uint64_t hash_object(simdjson::dom::object x) {
  std::uint64_t sum = 0, count = 0;
  for (auto [key, value] : x) {
    if (key == "processed_at_timestamp")
      continue;
    sum += mix(hash_bytes(key, object_tag), hash_of(value));
    ++count;
  }
  return mix(object_tag + count, sum);
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
    return mix(integer_tag, static_cast<std::uint64_t>(x.get_int64().value_unsafe()));
  case element_type::UINT64:
    return mix(integer_tag, x.get_uint64().value_unsafe());
  case element_type::DOUBLE:
    return hash_number(x.get_double().value_unsafe());
  case element_type::BOOL:
    return mix(x.get_bool().value_unsafe() ? true_tag : false_tag, 0);
  case element_type::NULL_VALUE:
    break;
  }
  return mix(null_tag, 0);
}

simdjson::dom::parser& parser() {
  thread_local simdjson::dom::parser result;
  return result;
}

} // namespace

std::uint64_t content_hash(std::string_view d) {
  element root;
  auto hash = parser().parse(d.data(), d.size()).get(root) ? hash_bytes(d, 0) : hash_of(root);
  return hash == 0 ? 1 : hash;
}

std::uint64_t presence_user(std::string_view d) {
  std::string_view id;
  if (parser().parse(d.data(), d.size())["user"]["id"].get_string().get(id))
    return 0;
  std::uint64_t result = 0;
  auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), result);
  return error == std::errc{} && end == id.data() + id.size() ? result : 0;
}

} // namespace shardyard
