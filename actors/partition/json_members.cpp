#include "actors/partition/json_members.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>

namespace shardyard {
namespace {

using namespace simdjson;

/// One value open for reading; what the parser shows lies in a copy with room behind it, and is shown to
/// others as it lies in the original.
class reading {
public:
  explicit reading(std::string_view text) : text_(text), copy_(text) {}

  simdjson_result<ondemand::document> open() { return parser_.iterate(copy_); }
  std::string_view original(std::string_view x) const {
    return text_.substr(static_cast<std::size_t>(x.data() - copy_.data()), x.size());
  }

private:
  std::string_view text_;
  padded_string copy_;
  ondemand::parser parser_;
};

std::size_t offset_in(std::string_view text, std::string_view part) {
  return static_cast<std::size_t>(part.data() - text.data());
}

/// The bytes of a whole value, whose parts have all been stepped over.
bool take(reading& in, ondemand::value value, std::string_view& out) {
  std::string_view raw;
  if (to_json_string(value).get(raw) != SUCCESS)
    return false;
  while (!raw.empty() &&
         (raw.back() == ' ' || raw.back() == '\n' || raw.back() == '\r' || raw.back() == '\t'))
    raw.remove_suffix(1);
  out = in.original(raw);
  return true;
}

} // namespace

std::vector<json_member> json_members(std::string_view text) {
  reading in{text};
  std::vector<json_member> result;
  ondemand::document document;
  ondemand::object object;
  if (in.open().get(document) != SUCCESS || document.get_object().get(object) != SUCCESS)
    return {};
  for (auto entry : object) {
    ondemand::field field;
    json_member x;
    if (std::move(entry).get(field) != SUCCESS)
      return {};
    auto begin = field.key().raw();
    auto end = begin;
    for (; *end != '"'; ++end)
      end += *end == '\\';
    x.key = in.original({begin, static_cast<std::size_t>(end - begin)});
    if (!take(in, field.value(), x.value))
      return {};
    result.push_back(x);
  }
  return result;
}

std::string_view find_value(const std::vector<json_member>& members, std::string_view key) {
  auto found = std::ranges::find(members, key, &json_member::key);
  return found == members.end() ? std::string_view{} : found->value;
}

std::vector<std::string_view> json_elements(std::string_view text) {
  reading in{text};
  std::vector<std::string_view> result;
  ondemand::document document;
  ondemand::array array;
  if (!text.starts_with('[') || in.open().get(document) != SUCCESS ||
      document.get_array().get(array) != SUCCESS)
    return {text};
  for (auto element : array) {
    ondemand::value value;
    std::string_view x;
    if (std::move(element).get(value) != SUCCESS || !take(in, value, x))
      return {};
    result.push_back(x);
  }
  return result;
}

snowflake id_of(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  snowflake result = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
  return error == std::errc{} && end == value.data() + value.size() ? result : 0;
}

std::string with_member(std::string_view text, std::string_view key, std::string_view value) {
  auto members = json_members(text);
  std::string result{text};
  if (auto old = find_value(members, key); !old.empty())
    return result.replace(offset_in(text, old), old.size(), value);
  auto end = result.rfind('}');
  if (end == result.npos)
    return result;
  std::string added = members.empty() ? "\"" : ",\"";
  added.append(key).append("\":").append(value);
  return result.insert(end, added);
}

std::string without_member(std::string_view text, std::string_view key) {
  auto members = json_members(text);
  auto found = std::ranges::find(members, key, &json_member::key);
  if (found == members.end())
    return std::string{text};
  auto begin = offset_in(text, found->key) - 1;
  auto end = offset_in(text, found->value) + found->value.size();
  if (found != members.begin())
    begin = offset_in(text, (found - 1)->value) + (found - 1)->value.size();
  else if (found + 1 != members.end())
    end = offset_in(text, (found + 1)->key) - 1;
  return std::string{text}.erase(begin, end - begin);
}

} // namespace shardyard
