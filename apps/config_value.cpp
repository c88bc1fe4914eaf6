#include "apps/config_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <utility>

namespace shardyard {
namespace {

std::string_view trimmed(std::string_view text) {
  auto begin = text.find_first_not_of(" \t");
  if (begin == text.npos)
    return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

template <class Number>
std::optional<Number> whole_text_as(std::string_view text) {
  text = trimmed(text);
  Number number{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    return {};
  return number;
}

const std::string* any_text(const config_value& value) {
  if (auto raw = std::get_if<raw_text>(&value))
    return &raw->text;
  return std::get_if<std::string>(&value);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      auto replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

} // namespace

std::optional<std::string> read_text(const config_value& value) {
  auto text = any_text(value);
  return text != nullptr ? std::optional{*text} : std::nullopt;
}

std::optional<std::int64_t> read_whole(const config_value& value) {
  if (auto raw = std::get_if<raw_text>(&value))
    return whole_text_as<std::int64_t>(raw->text);
  auto whole = std::get_if<std::int64_t>(&value);
  return whole != nullptr ? std::optional{*whole} : std::nullopt;
}

std::optional<double> read_number(const config_value& value) {
  if (auto raw = std::get_if<raw_text>(&value))
    return whole_text_as<double>(raw->text);
  if (auto number = std::get_if<double>(&value))
    return *number;
  auto whole = read_whole(value);
  return whole ? std::optional{static_cast<double>(*whole)} : std::nullopt;
}

std::optional<bool> read_flag(const config_value& value) {
  if (auto raw = std::get_if<raw_text>(&value)) {
    auto text = trimmed(raw->text);
    if (text == "true" || text == "false")
      return text == "true";
    return {};
  }
  auto flag = std::get_if<bool>(&value);
  return flag != nullptr ? std::optional{*flag} : std::nullopt;
}

std::optional<std::vector<std::string>> read_list(const config_value& value) {
  if (auto list = std::get_if<std::vector<std::string>>(&value))
    return *list;
  auto raw = std::get_if<raw_text>(&value);
  if (raw == nullptr)
    return {};
  std::vector<std::string> result;
  std::string_view rest = raw->text;
  if (trimmed(rest).empty() || trimmed(rest) == "[]")
    return result;
  for (;;) {
    auto comma = rest.find(',');
    result.emplace_back(trimmed(rest.substr(0, comma)));
    if (comma == rest.npos)
      return result;
    rest.remove_prefix(comma + 1);
  }
}

std::optional<std::uint64_t> read_bytes(const config_value& value) {
  static constexpr std::array<std::pair<std::string_view, unsigned>, 5> units{
      {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}}};
  if (auto whole = read_whole(value))
    return *whole >= 0 ? std::optional{static_cast<std::uint64_t>(*whole)} : std::nullopt;
  auto text = any_text(value);
  if (text == nullptr)
    return {};
  auto split = std::min(text->find_first_not_of("0123456789 "), text->size());
  auto number = whole_text_as<std::uint64_t>(std::string_view{*text}.substr(0, split));
  auto unit = std::ranges::find(units, trimmed(std::string_view{*text}.substr(split)),
                                &std::pair<std::string_view, unsigned>::first);
  if (!number || unit == units.end() || *number > (UINT64_MAX >> unit->second))
    return {};
  return *number << unit->second;
}

std::string shown(const config_value& value) {
  struct visitor {
    std::string operator()(const foreign_value& x) const { return x.type; }
    std::string operator()(const raw_text& x) const { return "'" + x.text + "'"; }
    std::string operator()(const std::string& x) const { return '"' + x + '"'; }
    std::string operator()(std::int64_t x) const { return std::to_string(x); }
    std::string operator()(double x) const { return std::to_string(x); }
    std::string operator()(bool x) const { return x ? "true" : "false"; }
    std::string operator()(const std::vector<std::string>& x) const {
      std::string result = "[";
      for (auto& item : x)
        result += (result.size() > 1 ? ", \"" : "\"") + item + '"';
      return result + ']';
    }
  };
  return std::visit(visitor{}, value);
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  auto limit = std::max<std::size_t>(2, word.size() / 3) + 1; // farther words are no slip of the finger
  for (auto candidate : candidates) {
    auto distance = edit_distance(word, candidate);
    if (distance < limit) {
      limit = distance;
      best = candidate;
    }
  }
  return best;
}

} // namespace shardyard
