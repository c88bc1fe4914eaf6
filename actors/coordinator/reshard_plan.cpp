#include "actors/coordinator/reshard_plan.hpp"

#include <algorithm>
#include <cmath>

namespace shardyard {

namespace {

std::vector<shard_key> keys(const topology& of, const std::vector<std::uint32_t>& ids) {
  std::vector<shard_key> result;
  result.reserve(ids.size());
  for (auto id : ids)
    result.push_back(of.shard(id));
  return result;
}

std::string counts(const reshard_plan& plan) {
  return std::to_string(plan.from.shard_count) + " -> " + std::to_string(plan.to.shard_count);
}

plan_unit fresh(unit_state state, unix_time now) {
  plan_unit result;
  result.state = state;
  result.entered = now;
  return result;
}

bool new_wanted(unit_state x) {
  return x != unit_state::planned && x != unit_state::aborted;
}

refusal not_running(const reshard_plan& plan, const char* verb) {
  return {"plan " + std::to_string(plan.id) + " is " + std::string{to_string(state_of(plan))} +
              ", there is nothing to " + verb,
          "start a new plan with `reshard N`"};
}

} // namespace

std::string_view to_string(plan_state x) {
  return x == plan_state::divided ? "divided" : unit_state_names[static_cast<std::size_t>(x)];
}

std::vector<shard_key> reshard_plan::old_shards(std::uint32_t unit) const {
  return keys(from, cuts().old_shards(unit));
}

std::vector<shard_key> reshard_plan::new_shards(std::uint32_t unit) const {
  return keys(to, cuts().new_shards(unit));
}

std::uint32_t reshard_plan::count(unit_state state) const {
  return static_cast<std::uint32_t>(
      std::count_if(units.begin(), units.end(), [state](const plan_unit& x) { return x.state == state; }));
}

plan_state state_of(const reshard_plan& plan) {
  for (auto state : {unit_state::aborting, unit_state::planned, unit_state::preparing, unit_state::moving,
                     unit_state::settling, unit_state::closing})
    if (plan.count(state) > 0)
      return static_cast<plan_state>(state);
  if (plan.count(unit_state::aborted) == 0)
    return plan_state::done;
  return plan.count(unit_state::done) == 0 ? plan_state::aborted : plan_state::divided;
}

bool finished(const reshard_plan& plan) {
  auto state = state_of(plan);
  return state == plan_state::done || state == plan_state::aborted;
}

std::string describe(const reshard_plan& plan) {
  auto text =
      "plan " + std::to_string(plan.id) + " (" + counts(plan) + (plan.renew ? ", renewal) is " : ") is ");
  text += to_string(state_of(plan));
  if (plan.paused)
    text += ", paused (" + plan.pause_reason + ")";
  text += ";";
  for (std::size_t i = 0; i < unit_state_names.size(); ++i)
    if (auto n = plan.count(static_cast<unit_state>(i)))
      text += " " + std::to_string(n) + " " + std::string{unit_state_names[i]};
  text += plan.units.size() == 1 ? " unit" : " units";
  if (state_of(plan) == plan_state::divided)
    text += "; the done units are led by topology " + std::to_string(plan.to.id) + " (" +
            std::to_string(plan.to.shard_count) + " shards), the aborted ones by topology " +
            std::to_string(plan.from.id) + " (" + std::to_string(plan.from.shard_count) +
            "); `continue` moves the rest forward";
  return text;
}

std::vector<shard_key> wanted_shards(const reshard_plan& plan) {
  std::vector<shard_key> result;
  for (std::uint32_t u = 0; u < plan.units.size(); ++u) {
    for (const auto& x : plan.old_shards(u))
      if (wants_old_shard(plan, x.id))
        result.push_back(x);
    if (new_wanted(plan.units[u].state))
      for (const auto& x : plan.new_shards(u))
        result.push_back(x);
  }
  std::sort(result.begin(), result.end());
  return result;
}

bool wants_old_shard(const reshard_plan& plan, std::uint32_t id) {
  auto& unit = plan.units[plan.cuts().of_shard(id)];
  return unit.state != unit_state::done && std::ranges::find(unit.closed, id) == unit.closed.end();
}

std::optional<topology> active_topology(const reshard_plan& plan) {
  switch (state_of(plan)) {
  case plan_state::done:
    return plan.to;
  case plan_state::aborted:
    return plan.from;
  case plan_state::planned:
  case plan_state::preparing:
  case plan_state::moving:
  case plan_state::settling:
  case plan_state::closing:
  case plan_state::aborting:
  case plan_state::divided:
    return std::nullopt;
  }
  return std::nullopt;
}

std::uint64_t estimate_fullest_shard(std::uint64_t guilds, std::uint32_t shards) {
  // Creation milliseconds modulo the count are close to uniform, so a shard's guild count is about normal
  // with variance = mean; the largest of n such values lies near mean + sqrt(2 * mean * ln n).
  auto mean = static_cast<double>(guilds) / shards;
  auto spread = shards > 1 ? std::sqrt(2 * mean * std::log(static_cast<double>(shards))) : 0.0;
  return std::min(guilds, static_cast<std::uint64_t>(std::ceil(mean + spread)));
}

namespace {

std::optional<refusal> refuse_count(const reshard_request& request, const plan_context& context) {
  auto count = request.shard_count;
  auto wanted = std::to_string(count);
  if (count == 0 || count > max_shard_count)
    return refusal{wanted + " is no shard count",
                   "give a count from 1 to " + std::to_string(max_shard_count)};
  if (count == context.active.shard_count && !request.renew)
    return refusal{"the cluster has " + wanted + " shards: nothing to do",
                   "for new sessions with the same count: `reshard " + wanted + " --renew`"};
  if (count != context.active.shard_count && request.renew)
    return refusal{"a renewal keeps the count, which is " + std::to_string(context.active.shard_count) +
                       ", not " + wanted,
                   "leave out --renew to reshard to " + wanted + "; its sessions are new anyway"};
  auto multiple = std::max(1u, context.shard_multiple);
  if (count % multiple != 0) {
    auto below = count / multiple * multiple;
    auto choice = (below ? std::to_string(below) + " or " : "") + std::to_string(below + multiple);
    return refusal{"Discord demands a multiple of " + std::to_string(multiple) + " for this bot; " + wanted +
                       " would be closed with 4010",
                   "use " + choice};
  }
  return std::nullopt;
}

std::optional<refusal> refuse_load(const reshard_request& request, const plan_context& context) {
  auto count = request.shard_count;
  auto fullest = context.largest_new_shard.value_or(estimate_fullest_shard(context.guilds, count));
  if (fullest > max_guilds_per_shard) {
    auto multiple = std::max(1u, context.shard_multiple);
    auto least =
        static_cast<std::uint32_t>(context.guilds / max_guilds_per_shard + multiple) / multiple * multiple;
    while (estimate_fullest_shard(context.guilds, least) > max_guilds_per_shard)
      least += multiple;
    return refusal{"a shard would hold " + std::string{context.largest_new_shard ? "" : "about "} +
                       std::to_string(fullest) + " guilds; Discord closes shards above " +
                       std::to_string(max_guilds_per_shard) + " with 4011",
                   "use at least " + std::to_string(least) + " shards"};
  }
  if (context.hosts == 0)
    return refusal{"no node of the cluster may host shards", "start a node with a weight above 0"};
  if (context.identifies_left < count)
    return refusal{"the plan needs " + std::to_string(count) + " IDENTIFYs and " +
                       std::to_string(context.identifies_left) + " are left for reshards",
                   context.identifies_back.empty()
                       ? "wait until the 24-hour window frees more, or lower identify.reserve"
                       : "enough are left " + context.identifies_back + "; or lower identify.reserve"};
  return std::nullopt;
}

} // namespace

result_or_refusal<reshard_plan> make_plan(const reshard_request& request, const plan_context& context,
                                          unix_time now) {
  if (context.running && !finished(*context.running)) {
    auto divided = state_of(*context.running) == plan_state::divided;
    return refusal{describe(*context.running),
                   divided ? "`continue` it; a new plan can begin when it is done"
                           : "wait for it, or `abort` it; `status --watch` shows its progress"};
  }
  if (context.active.shard_count == 0)
    return refusal{"the cluster has no active topology yet", "wait until its first shards are placed"};
  if (auto no = refuse_count(request, context))
    return *no;
  if (auto no = refuse_load(request, context))
    return *no;
  reshard_plan plan;
  plan.id = context.next_plan_id;
  plan.cluster_epoch = context.cluster_epoch;
  plan.from = context.active;
  plan.to = {context.next_topology_id, request.shard_count};
  plan.renew = request.renew;
  plan.hold = request.hold;
  plan.created = now;
  plan.units.assign(plan.cuts().count(), fresh(unit_state::planned, now));
  return plan;
}

result_or_refusal<reshard_plan> pause(reshard_plan plan, std::string why) {
  if (finished(plan))
    return not_running(plan, "pause");
  if (state_of(plan) == plan_state::divided)
    return refusal{describe(plan), "it rests already; `continue` it when it suits"};
  plan.paused = true;
  plan.pause_reason = std::move(why);
  return plan;
}

result_or_refusal<reshard_plan> continue_plan(reshard_plan plan, unix_time now) {
  if (finished(plan))
    return not_running(plan, "continue");
  auto divided = state_of(plan) == plan_state::divided;
  if (!plan.paused && !divided)
    return refusal{describe(plan), "it is not paused; `status` shows what it waits for"};
  plan.paused = false;
  plan.pause_reason.clear();
  for (auto& unit : plan.units) {
    // Deadlines and the stability clock begin anew: nobody watched them during the pause.
    if (unit.state == unit_state::settling)
      unit.entered = unit.stable_from = now;
    if (divided && unit.state == unit_state::aborted)
      unit = fresh(unit_state::planned, now);
  }
  return plan;
}

result_or_refusal<reshard_plan> commit(reshard_plan plan, const std::vector<std::uint32_t>& accepted) {
  if (finished(plan))
    return not_running(plan, "commit");
  auto useful = plan.hold && !plan.committed;
  for (auto u : accepted) {
    if (u < plan.units.size() && plan.units[u].state == unit_state::moving) {
      plan.units[u].accepted = true;
      useful = true;
    }
  }
  if (!useful)
    return refusal{describe(plan),
                   plan.hold
                       ? "it is committed already, and no moving unit has exceptions to accept"
                       : "it has no hold and closes by itself; no moving unit has exceptions to accept"};
  plan.committed = true;
  return plan;
}

result_or_refusal<reshard_plan> abort(reshard_plan plan, unix_time now) {
  if (finished(plan))
    return not_running(plan, "abort");
  auto changed = false;
  for (auto& unit : plan.units) {
    switch (unit.state) {
    case unit_state::planned:
      unit = fresh(unit_state::aborted, now);
      changed = true;
      break;
    case unit_state::preparing:
    case unit_state::moving:
    case unit_state::settling:
      unit = fresh(unit_state::aborting, now);
      changed = true;
      break;
    case unit_state::closing:
    case unit_state::done:
    case unit_state::aborting:
    case unit_state::aborted:
      break;
    }
  }
  if (!changed)
    return refusal{
        describe(plan),
        "no unit can go back any more: closing units finish, and a closed unit returns only by new "
        "IDENTIFYs, that is by a new plan"};
  plan.paused = false;
  plan.pause_reason.clear();
  return plan;
}

} // namespace shardyard
