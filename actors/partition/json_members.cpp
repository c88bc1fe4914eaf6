#include "actors/partition/json_members.hpp"

#include "actors/partition/json_scan.hpp"

#include <algorithm>
#include <charconv>

namespace shardyard {
namespace {

std::size_t offset_in(std::string_view text, std::string_view part) {
  return static_cast<std::size_t>(part.data() - text.data());
}

} // namespace

std::vector<json_member> json_members(std::string_view text) {
  std::vector<json_member> result;
  auto whole = each_field(text, [&result](std::string_view key, std::string_view value) {
    result.push_back({key, value});
    return true;
  });
  return whole ? result : std::vector<json_member>{};
}

std::string_view find_value(const std::vector<json_member>& members, std::string_view key) {
  auto found = std::ranges::find(members, key, &json_member::key);
  return found == members.end() ? std::string_view{} : found->value;
}

std::vector<std::string_view> json_elements(std::string_view text) {
  std::vector<std::string_view> result;
  if (!each_element(text, [&result](std::string_view value) { result.push_back(value); }))
    return {text};
  return result;
}

snowflake number_of(std::string_view value) {
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
