#include "bench/figure_table.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace shardyard::bench {
namespace {

std::string number(const std::optional<double>& x) {
  if (!x)
    return "-";
  return *x >= 1000  ? fmt::format("{:.0f}", *x)
         : *x >= 100 ? fmt::format("{:.1f}", *x)
                     : fmt::format("{:.2f}", *x);
}

std::string json_number(const std::optional<double>& x) {
  return x ? fmt::format("{:.6g}", *x) : "null";
}

std::string escaped(const std::string& text) {
  std::string out;
  for (auto c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

} // namespace

std::optional<double> figure::ratio() const {
  if (!value || !floor || *floor <= 0)
    return std::nullopt;
  return *value / *floor;
}

std::string figure::verdict() const {
  if (!value)
    return "not run";
  if (!target)
    return "-";
  auto r = ratio();
  return r ? (*r <= *target ? "met" : "not met") : "not run";
}

void figure_table::add(figure x) {
  auto line = fmt::format("{}: {}", x.name, x.value ? number(x.value) + " " + x.unit : "not run, " + x.note);
  std::fprintf(stderr, "  %s\n", line.c_str());
  figures_.push_back(std::move(x));
}

std::optional<double> figure_table::value_of(const std::string& name) const {
  auto found = std::ranges::find(figures_, name, &figure::name);
  return found == figures_.end() ? std::nullopt : found->value;
}

std::string figure_table::to_table() const {
  std::size_t width = 6;
  for (auto& x : figures_)
    width = std::max(width, x.name.size());
  auto out = fmt::format("{:<{}}  {:>9}  {:>9}  {:>6}  {:>6}  {:<8} {}\n", "figure", width, "value", "floor",
                         "ratio", "target", "", "unit");
  for (auto& x : figures_) {
    out += fmt::format("{:<{}}  {:>9}  {:>9}  {:>6}  {:>6}  {:<8} {}", x.name, width, number(x.value),
                       number(x.floor), number(x.ratio()), number(x.target), x.verdict(), x.unit);
    out += x.note.empty() ? "\n" : fmt::format("  ({})\n", x.note);
  }
  return out;
}

std::string figure_table::to_json() const {
  std::string out = "[";
  for (auto& x : figures_)
    out += fmt::format(
        "{}\n  {{\"figure\": \"{}\", \"unit\": \"{}\", \"value\": {}, \"floor\": {}, \"ratio\": {}, "
        "\"target\": {}, \"verdict\": \"{}\", \"note\": \"{}\"}}",
        out.size() == 1 ? "" : ",", escaped(x.name), escaped(x.unit), json_number(x.value),
        json_number(x.floor), json_number(x.ratio()), json_number(x.target), x.verdict(), escaped(x.note));
  return out + "\n]\n";
}

bool figure_table::all_met() const {
  return std::ranges::all_of(figures_, [](const figure& x) { return !x.target || x.verdict() == "met"; });
}

} // namespace shardyard::bench
