#include "apps/audit_result.hpp"

#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace shardyard {
namespace {

constexpr std::array<std::string_view, audit_lanes> lane_titles{"guild lane", "interactions", "without guild",
                                                                "joins, leaves", "presence, typing*"};
constexpr std::array<std::string_view, audit_lanes> lane_keys{"guild", "interactions", "guildless",
                                                              "membership", "best_effort"};

void row(std::string& out, std::string_view title, const lane_figures& x) {
  out += fmt::format("{:<18}{:>10}{:>10}{:>11}{:>8}{:>9}{:>13}{:>12}{:>8}{:>9}\n", title, x.happened, x.owed,
                     x.delivered, x.lost, x.doubled, x.redelivered, x.reordered, x.late, x.in_gap);
}

boost::json::object to_json(const lane_figures& x) {
  return {{"happened", x.happened},   {"owed", x.owed},       {"delivered", x.delivered},
          {"lost", x.lost},           {"doubled", x.doubled}, {"redelivered", x.redelivered},
          {"reordered", x.reordered}, {"late", x.late},       {"in_gap", x.in_gap}};
}

// The shallowest number called "unverifiable", searched level by level.
std::optional<std::uint64_t> search(const boost::json::value& root) {
  std::vector<const boost::json::value*> level{&root};
  while (!level.empty()) {
    std::vector<const boost::json::value*> next;
    for (auto value : level) {
      if (auto list = value->if_array()) {
        for (auto& item : *list)
          next.push_back(&item);
      }
      auto object = value->if_object();
      if (object == nullptr)
        continue;
      if (auto found = object->if_contains("unverifiable"); found != nullptr && found->is_number()) {
        boost::json::error_code error;
        auto count = found->to_number<std::uint64_t>(error);
        return error ? std::nullopt : std::optional{count};
      }
      for (auto& member : *object)
        next.push_back(&member.value());
    }
    level = std::move(next);
  }
  return {};
}

} // namespace

lane_figures& lane_figures::operator+=(const lane_figures& x) {
  happened += x.happened;
  owed += x.owed;
  delivered += x.delivered;
  lost += x.lost;
  in_gap += x.in_gap;
  doubled += x.doubled;
  redelivered += x.redelivered;
  reordered += x.reordered;
  late += x.late;
  return *this;
}

lane_figures audit_result::judged() const {
  lane_figures sum;
  for (std::size_t i = 0; i < audit_lanes; ++i) {
    if (i != static_cast<std::size_t>(audit_lane::best_effort))
      sum += lanes[i];
  }
  return sum;
}

std::vector<std::string> audit_result::reasons() const {
  std::vector<std::string> result;
  auto add = [&result](std::uint64_t count, std::string_view text) {
    if (count > 0)
      result.push_back(fmt::format("{} {}", count, text));
  };
  auto sum = judged();
  add(sum.lost, "lost");
  add(sum.doubled, "doubled");
  add(sum.reordered, "re-ordered");
  add(gaps_unexplained, "gaps without a reason in the truth");
  add(foreign, "foreign lines");
  add(malformed, "lines that no sink wrote");
  add(n_missing, "delivery numbers left out");
  add(n_reused, "delivery numbers used twice");
  add(n_backwards, "delivery numbers that fell");
  add(epoch_backwards, "guild epochs that fell");
  if (sum.owed == 0)
    result.emplace_back("nothing was owed, so there is nothing to judge");
  return result;
}

std::string to_table(const audit_result& x) {
  std::string out =
      fmt::format("{:<18}{:>10}{:>10}{:>11}{:>8}{:>9}{:>13}{:>12}{:>8}{:>9}\n", "", "happened", "owed",
                  "delivered", "lost", "doubled", "redelivered", "re-ordered", "late", "in gaps");
  for (std::size_t i = 0; i < audit_lanes; ++i)
    row(out, lane_titles[i], x.lanes[i]);
  row(out, "judged", x.judged());
  out += "* best effort: counted, not judged\n\n";
  auto line = [&out](std::string_view title, const std::string& text) {
    out += fmt::format("{:<18}{}\n", title, text);
  };
  line("cuts", fmt::format("anchor {}, quiet {}, accepted {}, swap back {} (weak {})", x.cuts.anchor,
                           x.cuts.quiet, x.cuts.accepted, x.cuts.swap_back, x.cuts.weak));
  if (x.cuts.quiet > 0)
    line("why quiet", fmt::format("no event {}, last events alike {}, unclear {}", x.cuts.silent,
                                  x.cuts.alike, x.cuts.unclear));
  line("gaps", fmt::format("explained {}, unexplained {}", x.gaps_explained, x.gaps_unexplained));
  line("unverifiable", x.unverifiable ? std::to_string(*x.unverifiable) : "-");
  line("delivery numbers", fmt::format("left out {}, used twice {}, falling {}, falling epochs {}",
                                       x.n_missing, x.n_reused, x.n_backwards, x.epoch_backwards));
  line("lines",
       fmt::format("{} of {} guilds; foreign {}, malformed {}, torn {}, session-local {}, levelled {}, "
                   "repeated cuts and gaps {}",
                   x.lines, x.guilds, x.foreign, x.malformed, x.torn, x.local_lines, x.levelled,
                   x.controls_repeated));
  if (x.lost_uncarried > 0)
    line("lost", fmt::format("{} were carried by no session, and no gap reports them", x.lost_uncarried));
  auto reasons = x.reasons();
  out += reasons.empty() ? "\npassed\n" : "\nFAILED: ";
  for (auto& reason : reasons)
    out += reason + (&reason == &reasons.back() ? "\n" : ", ");
  for (auto& example : x.examples)
    out += "  " + example + '\n';
  return out;
}

boost::json::object to_json(const audit_result& x) {
  boost::json::object lanes;
  for (std::size_t i = 0; i < audit_lanes; ++i)
    lanes[lane_keys[i]] = to_json(x.lanes[i]);
  boost::json::array reasons, examples;
  for (auto& reason : x.reasons())
    reasons.emplace_back(reason);
  for (auto& example : x.examples)
    examples.emplace_back(example);
  return {
      {"passed", x.passed()},
      {"reasons", std::move(reasons)},
      {"judged", to_json(x.judged())},
      {"lanes", std::move(lanes)},
      {"cuts",
       {{"anchor", x.cuts.anchor},
        {"quiet", x.cuts.quiet},
        {"accepted", x.cuts.accepted},
        {"swap_back", x.cuts.swap_back},
        {"weak", x.cuts.weak},
        {"why_quiet", {{"silent", x.cuts.silent}, {"alike", x.cuts.alike}, {"unclear", x.cuts.unclear}}}}},
      {"gaps", {{"explained", x.gaps_explained}, {"unexplained", x.gaps_unexplained}}},
      {"unverifiable", x.unverifiable ? boost::json::value(*x.unverifiable) : boost::json::value(nullptr)},
      {"delivery_numbers",
       {{"missing", x.n_missing},
        {"reused", x.n_reused},
        {"backwards", x.n_backwards},
        {"epoch_backwards", x.epoch_backwards}}},
      {"lines", x.lines},
      {"guilds", x.guilds},
      {"foreign", x.foreign},
      {"malformed", x.malformed},
      {"torn", x.torn},
      {"local", x.local_lines},
      {"levelled", x.levelled},
      {"controls_repeated", x.controls_repeated},
      {"lost_uncarried", x.lost_uncarried},
      {"examples", std::move(examples)}};
}

std::optional<std::uint64_t> unverifiable_in(std::string_view report_json) {
  boost::json::error_code error;
  auto root = boost::json::parse({report_json.data(), report_json.size()}, error);
  return error ? std::nullopt : search(root);
}

} // namespace shardyard
