#include "actors/coordinator/coordinator_state.hpp"
#include "actors/coordinator/forecast.hpp"

#include <spdlog/spdlog.h>

#include <boost/json.hpp>

#include <cmath>

namespace shardyard {

namespace json = boost::json;

namespace {

double in_seconds(std::chrono::milliseconds x) {
  return static_cast<double>(x.count()) / 1000.0;
}

double percent(double share) {
  return std::round(share * 1000) / 10;
}

json::object document_of(const forecast& x, const reshard_request& request, const topology& active) {
  json::array better, legal, warnings;
  for (auto& count : x.better)
    better.push_back(json::object{{"shards", count.shard_count}, {"why", count.why}});
  for (auto count : x.legal_counts)
    legal.push_back(count);
  for (auto& warning : x.warnings)
    warnings.push_back(json::string(warning));
  json::object result{{"from", active.shard_count},
                      {"to", request.shard_count},
                      {"allowed", !x.refused.has_value()},
                      {"why_not", x.refused ? x.refused->why : ""},
                      {"instead", x.refused ? x.refused->instead : ""},
                      {"units", x.units},
                      {"identifies_needed", x.identifies_needed},
                      {"identifies_left", x.identifies_left},
                      {"identifies_left_afterwards", x.identifies_left_today},
                      {"most_permits_on_one_key", x.most_permits_on_one_key},
                      {"guilds", x.guilds},
                      {"guilds_that_change_session_percent", 100},
                      {"guilds_that_change_shard_number_percent", percent(x.share_with_new_shard_id)},
                      {"guilds_per_shard_before", x.guilds_per_shard_before},
                      {"guilds_per_shard_after", x.guilds_per_shard_after},
                      {"fullest_shard_after", x.fullest_shard_after},
                      {"memory_of_the_overlap_bytes", x.overlap_bytes},
                      {"legal_counts_nearby", legal}};
  result["time_estimate_s"] = json::object{
      {"permits", in_seconds(x.time.permits)},       {"ready_and_guilds", in_seconds(x.time.ready)},
      {"freshness", in_seconds(x.time.freshness)},   {"cuts", in_seconds(x.time.cuts)},
      {"stable_for", in_seconds(x.time.stable_for)}, {"total", in_seconds(x.time.total)}};
  result["better_counts_nearby"] = better;
  result["warnings"] = warnings;
  return result;
}

} // namespace

document_sources coordinator_state::sources() const {
  return {.cluster = setup.cluster,
          .cluster_epoch = journal.epoch(),
          .coordinator = setup.node,
          .active = active.value_or(topology{}),
          .plan = plan ? &*plan : nullptr,
          .view = view,
          .groups = groups,
          .identifies = ledger.status(now()),
          .notice = notice,
          .now = now()};
}

plan_context coordinator_state::context() const {
  plan_context result;
  result.next_plan_id = next_plan_id;
  result.next_topology_id = next_topology_id;
  result.cluster_epoch = journal.epoch();
  result.active = active.value_or(topology{});
  result.running = plan ? &*plan : nullptr;
  result.guilds = view.guilds_of(result.active.id);
  result.identifies_left = ledger.left_for(permit_purpose::reshard, now());
  for (auto& [name, member] : view.members())
    result.hosts += member.up && member.card.weight > 0;
  return result;
}

json::object coordinator_state::status_with_bots() const {
  auto result = status_document(sources());
  json::array silent;
  for (auto& x : silent_kinds)
    silent.push_back(json::string(x));
  result["silent_kinds"] = std::move(silent);
  if (auto text = refill.text(now()); !text.empty())
    result["cache_refill"] = text;
  auto bots = bots_document();
  if (!bots["endpoints"].as_array().empty())
    result["bots"] = std::move(bots);
  return result;
}

admin_reply coordinator_state::answer(const admin_request& x) {
  if (x.verb == "status")
    return accept(status_with_bots());
  if (x.verb == "bots")
    return accept(bots_document());
  if (!outdated_store.empty() && x.verb != "report")
    return refuse(outdated_store, "`shardyard status` still works");
  if (x.verb == "plan")
    return dry_run(x);
  if (x.verb == "reshard")
    return reshard(x);
  if (x.verb == "report")
    return report(x);
  if (x.verb == "commit" || x.verb == "pause" || x.verb == "continue" || x.verb == "abort")
    return steer(x);
  if (x.verb == "nodes")
    return nodes_document();
  if (x.verb == "move")
    return move(x);
  if (x.verb == "drain-node")
    return drain_node(x);
  if (x.verb == "uncordon")
    return uncordon(x);
  if (x.verb == "rebalance")
    return rebalance(x);
  return refuse("'" + x.verb + "' is not a verb of this coordinator",
                "allowed: status, plan, reshard, commit, pause, continue, abort, report, nodes, move, "
                "drain-node, uncordon, rebalance, bots");
}

admin_reply coordinator_state::dry_run(const admin_request& x) {
  if (!active)
    return refuse("the cluster has no shards yet",
                  notice.empty() ? "wait until its nodes have joined" : notice);
  auto status = ledger.status(now());
  forecast_input input;
  input.request = {x.target, x.renew, x.hold};
  input.context = context();
  input.identifies_total = status.total;
  input.identifies_left_today = status.left;
  input.max_concurrency = status.max_concurrency;
  input.key_spacing = setup.identifies.spacing + setup.identifies.margin;
  input.stable_for = setup.tuning.stable_for;
  return accept(document_of(make_forecast(input, now()), input.request, *active));
}

admin_reply coordinator_state::reshard(const admin_request& x) {
  if (!active)
    return refuse("the cluster has no shards yet",
                  notice.empty() ? "wait until its nodes have joined" : notice);
  for (std::uint32_t id = 0; id < active->shard_count && (!plan || finished(*plan)); ++id)
    if (auto* status = view.status_of(active->shard(id)); !status || !status->was_ready)
      return refuse("shard " + to_string(active->shard(id)) +
                        " is not ready, so its guilds have no session to be cut from",
                    "wait until `shardyard status` shows every shard live");
  auto made = make_plan({x.target, x.renew, x.hold}, context(), now());
  if (auto* no = refused(made))
    return refuse(no->why, no->instead);
  auto& next = std::get<reshard_plan>(made);
  auto begin = view.figures();
  if (!save({.plan = next}))
    return refuse("the plan could not be written: " + store_trouble, "see to the store, then ask again");
  try {
    rows->commit({{"baseline/" + std::to_string(next.id), to_row(begin), std::nullopt}});
  } catch (const store_error& error) {
    spdlog::warn("the figures at the begin of plan {} could not be kept: {}", next.id, error.what());
  }
  baseline = begin;
  plan = std::move(next);
  memory = {};
  seconds_in.clear();
  state_since = now();
  notice.clear();
  next_plan_id = plan->id + 1;
  next_topology_id = plan->to.id + 1;
  spdlog::info("{}", describe(*plan));
  announce();
  step_plan();
  return accept(progress_document(*plan, sources()));
}

admin_reply coordinator_state::report(const admin_request& x) {
  if (!plan)
    return refuse("there was no reshard yet", "begin one with `shardyard reshard N`");
  if (x.plan == 0 || x.plan == plan->id) {
    if (!finished(*plan))
      return accept(report_document(*plan, sources(), since(view.figures(), baseline), identifies_of_plan(),
                                    now(), seconds_in));
  }
  auto id = x.plan == 0 ? plan->id : x.plan;
  std::optional<stored_row> row;
  try {
    row = rows->get("report/" + std::to_string(id));
  } catch (const store_error& error) {
    return refuse("the report could not be read: " + std::string{error.what()}, "ask again");
  }
  if (!row)
    return refuse("plan " + std::to_string(id) + " is not known",
                  "the newest is " + std::to_string(plan->id));
  admin_reply reply;
  reply.ok = true;
  reply.body = row->value;
  return reply;
}

/// Verbs that change a running plan: journaled, then in force.
admin_reply coordinator_state::steer(const admin_request& x) {
  if (!plan)
    return refuse("no reshard is running", "begin one with `shardyard reshard N`");
  std::vector<std::uint32_t> accepted;
  if (x.accept)
    accepted = units_with_exceptions(*plan, observe_plan());
  auto made = x.verb == "commit"  ? commit(*plan, accepted)
              : x.verb == "pause" ? pause(*plan, "asked for by the operator")
              : x.verb == "abort" ? abort(*plan, now())
                                  : continue_plan(*plan, now());
  if (auto* no = refused(made))
    return refuse(no->why, no->instead);
  auto& next = std::get<reshard_plan>(made);
  if (!save({.plan = next}))
    return refuse("the change could not be written: " + store_trouble, "see to the store, then ask again");
  plan = std::move(next);
  notice.clear();
  step_plan();
  return accept(progress_document(*plan, sources()));
}

} // namespace shardyard
