#include "apps/render.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace shardyard {

namespace json = boost::json;

namespace {

std::string spaced(std::string_view key) {
  std::string result{key};
  std::ranges::replace(result, '_', ' ');
  return result;
}

std::string scalar(const json::value& x) {
  if (auto* text = x.if_string())
    return std::string{*text};
  if (auto* number = x.if_double())
    return std::abs(*number) < 1e6 ? fmt::format("{:.3g}", *number) : fmt::format("{:.0f}", *number);
  if (auto* truth = x.if_bool())
    return *truth ? "yes" : "no";
  if (x.is_null())
    return "-";
  if (auto* list = x.if_array()) {
    std::string result;
    for (auto& element : *list)
      result += (result.empty() ? "" : ", ") + scalar(element);
    return result.empty() ? "-" : result;
  }
  return json::serialize(x);
}

bool is_table(const json::value& x) {
  auto* list = x.if_array();
  return list && !list->empty() && std::ranges::all_of(*list, [](auto& row) { return row.is_object(); });
}

void render_table(const json::array& rows, const std::string& indent, std::string& out) {
  std::vector<std::string> keys;
  for (auto& cell : rows.front().as_object())
    keys.emplace_back(cell.key());
  std::vector<std::vector<std::string>> lines(1);
  for (auto& key : keys)
    lines.front().push_back(spaced(key));
  for (auto& row : rows) {
    auto& line = lines.emplace_back();
    for (auto& key : keys) {
      auto* cell = row.as_object().if_contains(key);
      line.push_back(cell ? scalar(*cell) : "");
    }
  }
  std::vector<std::size_t> widths(keys.size());
  for (auto& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], line[i].size());
  for (auto& line : lines) {
    std::string text = indent;
    for (std::size_t i = 0; i < line.size(); ++i)
      text += fmt::format("{:<{}}  ", line[i], widths[i]);
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + '\n';
  }
}

void render_object(const json::object& x, const std::string& indent, std::string& out) {
  std::size_t width = 0;
  for (auto& member : x)
    if (!member.value().is_object() && !is_table(member.value()))
      width = std::max(width, member.key().size());
  for (auto& member : x) {
    auto key = spaced(member.key());
    if (auto* inner = member.value().if_object()) {
      out += indent + key + ":\n";
      render_object(*inner, indent + "  ", out);
    } else if (is_table(member.value())) {
      out += indent + key + ":\n";
      render_table(member.value().as_array(), indent + "  ", out);
    } else {
      out += fmt::format("{}{:<{}}  {}\n", indent, key, width, scalar(member.value()));
    }
  }
}

double number(const json::object& x, std::string_view key) {
  auto* value = x.if_contains(key);
  return value && value->is_number() ? value->to_number<double>() : 0;
}

std::string text_at(const json::object& x, std::string_view key) {
  auto* value = x.if_contains(key);
  return value ? scalar(*value) : "-";
}

std::string bar(double part, double whole, unsigned width) {
  auto full = whole > 0 ? static_cast<unsigned>(std::lround(width * std::clamp(part / whole, 0.0, 1.0))) : 0;
  return std::string(full, '#') + std::string(width - full, '.');
}

std::string headline(const json::object& reshard) {
  auto paused = reshard.if_contains("paused") && reshard.at("paused") == true;
  auto left = number(reshard, "remaining_s");
  return fmt::format("reshard {} -> {}  plan {}  {}{}  {:.0f} s gone{}", text_at(reshard, "from"),
                     text_at(reshard, "to"), text_at(reshard, "plan"), text_at(reshard, "state"),
                     paused ? " (paused)" : "", number(reshard, "elapsed_s"),
                     left > 0 ? fmt::format(", about {:.0f} s left", left) : "");
}

} // namespace

std::string render_document(const json::object& document) {
  std::string result;
  render_object(document, "", result);
  return result;
}

std::string render_progress(const json::object& reshard, unsigned width, unsigned unit_rows) {
  auto result = headline(reshard) + "\n";
  auto cells = std::clamp(width > 50 ? width - 50 : 10u, 10u, 40u);
  auto* units = reshard.if_contains("units");
  auto* states = reshard.if_contains("units_by_state");
  if (states && states->is_object() && units && units->is_array())
    for (auto& state : states->as_object()) {
      auto count = state.value().to_number<double>();
      if (count > 0)
        result += fmt::format("  {:<10} [{}] {:.0f} of {} units\n", std::string_view{state.key()},
                              bar(count, static_cast<double>(units->as_array().size()), cells), count,
                              units->as_array().size());
    }
  if (!units || !units->is_array())
    return result;
  unsigned shown = 0;
  for (auto& entry : units->as_array()) {
    if (shown++ == unit_rows) {
      result += fmt::format("  ... and {} more units\n", units->as_array().size() - unit_rows);
      break;
    }
    auto& unit = entry.as_object();
    result += fmt::format("  unit {:<4} [{}] {} of {} guilds cut  {}\n", text_at(unit, "unit"),
                          bar(number(unit, "cut"), number(unit, "guilds"), cells), text_at(unit, "cut"),
                          text_at(unit, "guilds"), text_at(unit, "state"));
  }
  auto notice = text_at(reshard, "notice");
  return notice == "-" || notice.empty() ? result : result + "  " + notice + "\n";
}

std::string render_progress_line(const json::object& reshard) {
  auto notice = text_at(reshard, "notice");
  auto result = fmt::format("{}  {} of {} guilds cut", headline(reshard), text_at(reshard, "cut"),
                            text_at(reshard, "guilds"));
  return notice == "-" || notice.empty() ? result : result + "  " + notice;
}

} // namespace shardyard
