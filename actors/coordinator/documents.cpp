#include "actors/coordinator/documents.hpp"

#include "actors/coordinator/cut_units.hpp"
#include "messages/version.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace shardyard {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 7> phase_names{"waiting",  "connecting", "arriving", "live",
                                                      "draining", "closed",     "stopped"};

double seconds_between(unix_time from, unix_time to) {
  return std::max(0.0, std::chrono::duration<double>(to - from).count());
}

double rounded(double x, double grain) {
  return std::round(x / grain) * grain;
}

struct figure {
  std::string_view name;
  std::uint64_t group_figures::*value;
};
constexpr std::array figures{
    figure{"guilds", &group_figures::guilds},
    figure{"delivered", &group_figures::delivered},
    figure{"compared", &group_figures::compared},
    figure{"late", &group_figures::late},
    figure{"lead_only", &group_figures::lead_only},
    figure{"unverifiable", &group_figures::unverifiable},
    figure{"inversions", &group_figures::inversions},
    figure{"holds", &group_figures::holds},
    figure{"holds_released", &group_figures::holds_released},
    figure{"gaps", &group_figures::gaps},
    figure{"breaches", &group_figures::breaches},
    figure{"voice_rejoined", &group_figures::voice_rejoined},
};

json::object delays(const delay_counts& x) {
  return {{"events", x.count},
          {"p50_ms", quantile_ms(x, 0.5)},
          {"p99_ms", quantile_ms(x, 0.99)},
          {"max_ms", static_cast<double>(x.max_us) / 1000.0}};
}

json::array ids(const std::vector<shard_key>& shards) {
  json::array result;
  for (auto& x : shards)
    result.push_back(x.id);
  return result;
}

struct unit_counts {
  std::uint64_t cut = 0, guilds = 0, exceptions = 0, voice = 0, ready = 0;
  json::array exception_guilds; ///< some of them
  json::array lagging;          ///< old shards whose follower comes too late for an anchor cut
};

/// A unit that is not moving yet has everything before it; one that has settled has everything behind it.
unit_counts count(const reshard_plan& plan, std::uint32_t unit, const cluster_view& view) {
  unit_counts result;
  std::uint64_t led = 0;
  for (auto& shard : plan.old_shards(unit)) {
    auto cuts = view.rows().cuts_of(shard);
    led += cuts.led;
    result.exceptions += cuts.exceptions;
    result.voice += cuts.voice;
    if (cuts.follower_lagging)
      result.lagging.push_back(shard.id);
    for (auto guild : cuts.exception_guilds)
      result.exception_guilds.push_back(json::string(std::to_string(guild)));
    if (auto* status = view.status_of(shard))
      result.guilds += status->guilds;
  }
  std::uint64_t arrived = 0;
  for (auto& shard : plan.new_shards(unit))
    if (auto* status = view.status_of(shard)) {
      result.ready += status->was_ready;
      arrived += status->guilds;
    }
  result.guilds = std::max(result.guilds, arrived);
  auto state = plan.units[unit].state;
  if (state == unit_state::moving || state == unit_state::aborting)
    result.cut = result.guilds - std::min(led, result.guilds);
  else if (state == unit_state::settling || state == unit_state::closing || state == unit_state::done)
    result.cut = result.guilds;
  return result;
}

/// Seconds to go if the rest is cut as fast as the part so far; 0 when nothing can be said.
double estimate(double elapsed, std::uint64_t cut, std::uint64_t guilds) {
  if (cut == 0 || cut >= guilds || elapsed <= 0)
    return 0;
  return rounded(elapsed * static_cast<double>(guilds - cut) / static_cast<double>(cut), 1);
}

json::array nodes(const document_sources& from) {
  json::array result;
  for (auto& [name, member] : from.view.members()) {
    auto shards =
        std::ranges::count_if(member.picture.shards, [](auto& x) { return x.phase != shard_phase::closed; });
    result.push_back(json::object{{"node", name},
                                  {"state", member.up ? "up" : "away"},
                                  {"address", member.card.host + ":" + std::to_string(member.card.port)},
                                  {"weight", member.card.weight},
                                  {"shards", member.up ? shards : 0},
                                  {"partitions", partitions_on(from.groups, name)},
                                  {"coordinator", name == from.coordinator}});
  }
  return result;
}

json::array shards(const document_sources& from) {
  json::array result;
  for (auto& [name, member] : from.view.members())
    for (auto& x : member.picture.shards)
      if (member.up || from.view.status_of(x.shard) == &x) // once, and by who is there
        result.push_back(
            json::object{{"topology", x.shard.topology},
                         {"shard", std::to_string(x.shard.id) + "/" + std::to_string(x.shard.count)},
                         {"node", name},
                         {"state", member.up ? phase_names[static_cast<std::size_t>(x.phase)] : "away"},
                         {"guilds", x.guilds},
                         {"s", x.s},
                         {"resumes", x.resumes},
                         {"identifies", x.identifies},
                         {"spooled_bytes", x.spooled_bytes},
                         {"note", x.text}});
  return result;
}

} // namespace

admin_reply refuse(std::string why, std::string instead) {
  admin_reply reply;
  reply.why = std::move(why);
  reply.instead = std::move(instead);
  return reply;
}

admin_reply accept(const json::object& body) {
  admin_reply reply;
  reply.ok = true;
  reply.body = json::serialize(body);
  return reply;
}

group_figures since(const group_figures& now, const group_figures& before) {
  auto result = now;
  for (auto& x : figures)
    if (x.value != &group_figures::guilds)
      result.*x.value = now.*x.value - std::min(before.*x.value, now.*x.value);
  return result;
}

json::object progress_document(const reshard_plan& plan, const document_sources& from) {
  json::object states;
  for (auto name : unit_state_names)
    states[name] = 0;
  json::array units;
  std::uint64_t cut = 0, guilds = 0, exceptions = 0, voice = 0;
  for (std::uint32_t u = 0; u < plan.units.size(); ++u) {
    auto counts = count(plan, u, from.view);
    auto name = to_string(plan.units[u].state);
    states[name] = states[name].to_number<int>() + 1;
    cut += counts.cut;
    guilds += counts.guilds;
    exceptions += counts.exceptions;
    voice += counts.voice;
    units.push_back(json::object{{"unit", u},
                                 {"state", name},
                                 {"old", ids(plan.old_shards(u))},
                                 {"new", ids(plan.new_shards(u))},
                                 {"ready", counts.ready},
                                 {"guilds", counts.guilds},
                                 {"cut", counts.cut},
                                 {"exceptions", counts.exceptions},
                                 {"exception_guilds", counts.exception_guilds},
                                 {"dumb", plan.units[u].dumb},
                                 {"voice", counts.voice},
                                 {"follower_lagging", counts.lagging}});
  }
  auto elapsed = seconds_between(plan.created, from.now);
  return {{"plan", plan.id},
          {"state", to_string(state_of(plan))},
          {"from", plan.from.shard_count},
          {"to", plan.to.shard_count},
          {"renew", plan.renew},
          {"hold", plan.hold && !plan.committed},
          {"paused", plan.paused},
          {"notice", from.notice},
          {"elapsed_s", rounded(elapsed, 0.1)},
          {"remaining_s", finished(plan) ? 0 : estimate(elapsed, cut, guilds)},
          {"guilds", guilds},
          {"cut", cut},
          {"exceptions", exceptions},
          {"voice", voice},
          {"old_shards", plan.from.shard_count},
          {"new_shards", plan.to.shard_count},
          {"total_shards", plan.from.shard_count + plan.to.shard_count},
          {"units_by_state", states},
          {"units", units}};
}

json::object report_document(const reshard_plan& plan, const document_sources& from, const group_figures& x,
                             std::uint64_t identifies_used, unix_time finished_at,
                             const std::map<std::string, double>& seconds_in) {
  auto result = progress_document(plan, from);
  if (finished(plan))
    result["elapsed_s"] = rounded(seconds_between(plan.created, finished_at), 0.01);
  auto away = from.view.rows().summary_of(plan.from.id);
  auto back = from.view.rows().summary_of(plan.to.id);
  result["cuts"] = json::object{{"anchor", away.cuts[0] + back.cuts[0]},
                                {"quiet", away.cuts[1] + back.cuts[1]},
                                {"accepted", away.cuts[2] + back.cuts[2]},
                                {"swap_back", away.cuts[3] + back.cuts[3]}};
  json::object sums;
  for (auto& figure : figures)
    if (figure.name != "guilds")
      sums[figure.name] = x.*figure.value;
  result["figures"] = sums;
  json::object seconds;
  for (auto& [state, time] : seconds_in)
    seconds[state] = rounded(time, 0.01);
  result["seconds_in"] = seconds;
  result["traffic_wait_s"] = rounded(static_cast<double>(away.traffic_wait_ms) / 1000, 0.01);
  result["follower_p99_ms"] = away.follower_p99_ms;
  result["follower_lagged"] = away.follower_lagged;
  result["identifies_used"] = identifies_used;
  result["overlap_bytes"] = x.overlap_bytes;
  result["added_delay"] = delays(x.added_delay);
  result["held_events"] = delays(x.held_delay);
  return result;
}

json::object status_document(const document_sources& from) {
  auto guilds = from.view.guilds_of(from.active.id);
  auto running = from.plan && !finished(*from.plan);
  auto sums = from.view.figures();
  json::object result{
      {"cluster", from.cluster},
      {"cluster_epoch", from.cluster_epoch},
      {"version", build_version()},
      {"topology", from.active.id},
      {"shards_wanted", from.active.shard_count},
      {"guilds", guilds},
      {"guilds_per_shard",
       from.active.shard_count ? rounded(static_cast<double>(guilds) / from.active.shard_count, 0.1) : 0},
      {"resharding", running},
      {"notice", from.notice}};
  result["reshard"] = running ? json::value(progress_document(*from.plan, from)) : json::value(nullptr);
  auto& id = from.identifies;
  result["identify"] = json::object{{"total", id.total},
                                    {"left", id.left},
                                    {"used_24h", id.used_24h},
                                    {"reserve", id.reserve},
                                    {"fuse", id.fuse},
                                    {"max_concurrency", id.max_concurrency},
                                    {"waiting", id.waiting[0] + id.waiting[1] + id.waiting[2]},
                                    {"refused_by_discord", id.violations}};
  result["delivery"] = json::object{{"delivered", sums.delivered},
                                    {"undelivered", sums.undelivered},
                                    {"gaps", sums.gaps},
                                    {"breaches", sums.breaches},
                                    {"uncached", sums.uncached}};
  result["nodes"] = nodes(from);
  result["shards"] = shards(from);
  return result;
}

std::string to_row(const group_figures& x) {
  json::object row;
  for (auto& figure : figures)
    row[figure.name] = x.*figure.value;
  return json::serialize(row);
}

group_figures figures_from_row(std::string_view row) {
  group_figures result;
  boost::system::error_code error;
  auto value = json::parse({row.data(), row.size()}, error);
  if (error || !value.is_object())
    return result;
  for (auto& figure : figures)
    if (auto* x = value.as_object().if_contains(figure.name); x && x->is_number())
      result.*figure.value = x->to_number<std::uint64_t>();
  return result;
}

} // namespace shardyard
