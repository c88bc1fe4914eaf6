// What nodes tell beside their shards and partitions: the mix of events, for the watchdog, and which bots are
// connected.
#include "actors/coordinator/coordinator_state.hpp"

#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace shardyard {

namespace json = boost::json;

namespace {

constexpr auto replace_interval =
    std::chrono::hours(6); ///< a renewal that did not help is not repeated sooner
constexpr auto cache_look_interval = std::chrono::seconds(1);

} // namespace

void coordinator_state::note(const mix_report& x) {
  for (auto& shard : x.shards) {
    if (shard.window_ms == 0)
      mixes.interrupted(shard.shard, false);
    else
      mixes.note(shard);
  }
  std::vector<std::string> now_silent;
  dumb_shards.clear();
  for (auto& kind : mixes.silent()) {
    if (!runs(kind.shard)) {
      mixes.interrupted(kind.shard, true);
      continue;
    }
    dumb_shards.insert(kind.shard);
    now_silent.push_back(to_string(kind.shard) + " " + std::string{type_of(kind.type).name});
    if (std::ranges::find(silent_kinds, now_silent.back()) != silent_kinds.end())
      continue;
    notice = to_string(kind) + ", while its peers bring it; `shardyard reshard " +
             std::to_string(active ? active->shard_count : 1) + " --renew` gives every shard a new session";
    spdlog::error("{}", notice);
  }
  silent_kinds = std::move(now_silent);
  if (!silent_kinds.empty() && setup.replace_silent_sessions)
    replace_silent_sessions();
}

bool coordinator_state::runs(const shard_key& shard) const {
  auto* status = view.status_of(shard);
  return status && status->phase == shard_phase::live;
}

/// The same way as an operator's renewal: budget, reserve and hand-over rules are those of every reshard.
void coordinator_state::replace_silent_sessions() {
  auto at = self->clock().now();
  if (!active || (plan && !finished(*plan)) || at < next_replacement)
    return;
  auto reply = renew_sessions("a kind of event stays away");
  next_replacement = at + (reply.ok ? replace_interval : std::chrono::minutes(5));
}

/// Guilds whose cache is missing are shown again by new sessions; those that Discord itself calls unavailable
/// would not be.
void coordinator_state::refill_caches() {
  auto at = self->clock().now();
  if (!active || at < next_cache_look)
    return;
  next_cache_look = at + cache_look_interval;
  refill_view seen{.uncached = view.figures().uncached, .calm = !plan || finished(*plan)};
  for (std::uint32_t id = 0; id < active->shard_count; ++id) {
    auto* status = view.status_of(active->shard(id));
    seen.calm = seen.calm && status && status->was_ready;
    seen.unavailable += status ? status->unavailable : 0;
  }
  if (plan && plan->renew)
    seen.renewed = plan->created;
  if (!refill.due(seen, now()))
    return;
  auto reply = renew_sessions(std::to_string(seen.uncached) + " guilds are not in the cache");
  refill.answered(reply.ok ? std::string{} : reply.why + "; " + reply.instead, now());
}

admin_reply coordinator_state::renew_sessions(std::string_view why) {
  admin_request order;
  order.verb = "reshard";
  order.target = active->shard_count;
  order.renew = true;
  auto reply = reshard(order);
  if (reply.ok)
    spdlog::warn("sessions are renewed, since {}", why);
  else
    spdlog::error("sessions cannot be renewed, although {}: {}; {}", why, reply.why, reply.instead);
  return reply;
}

void coordinator_state::note(const endpoint_report& x) {
  endpoints[x.node] = {x, self->clock().now()};
}

json::object coordinator_state::bots_document() const {
  json::array nodes, sessions;
  for (auto& [name, x] : endpoints) {
    if (self->clock().now() > x.second + std::chrono::seconds(10))
      continue; // the node is away, and so are its bots
    auto& report = x.first;
    nodes.push_back(json::object{{"node", name},
                                 {"url", report.url},
                                 {"connections", report.connections},
                                 {"identifies", report.identifies},
                                 {"resumes", report.resumes},
                                 {"invalid", report.invalid},
                                 {"holes", report.holes},
                                 {"rest_requests", report.passed_on},
                                 {"ring_events", report.ring_events},
                                 {"ring_bytes", report.ring_bytes}});
    for (auto& row : report.sessions)
      sessions.push_back(json::object{{"node", name},
                                      {"bot", row.bot},
                                      {"shard", json::array{row.id, row.count}},
                                      {"connected", row.connected},
                                      {"guilds", row.guilds},
                                      {"s", row.s},
                                      {"behind", row.behind},
                                      {"resumes", row.resumes}});
  }
  return {{"endpoints", nodes}, {"sessions", sessions}};
}

} // namespace shardyard
