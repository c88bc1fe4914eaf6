#include "actors/coordinator/coordinator_state.hpp"

#include <spdlog/spdlog.h>

#include <boost/json.hpp>

namespace shardyard {

namespace json = boost::json;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr auto start_repeat = seconds(2);
constexpr auto look_per_shard = std::chrono::microseconds(50);
constexpr auto keeping_interval = seconds(1);
constexpr std::uint32_t shards_at_a_glance = 500; ///< with fewer, every message is followed by a look
constexpr auto way_back = minutes(15);            ///< old sessions are kept for this long after their plan

} // namespace

plan_observations coordinator_state::observe_plan() {
  auto places = placements.find("topology/" + std::to_string(plan->to.id));
  auto result =
      view.observe(*plan, places_of(groups), places == placements.end() ? placement{} : places->second);
  if (setup.replace_silent_sessions) // the operator's word that a dumb session's lead is worth less than a
                                     // proof
    for (auto& shard : dumb_shards)
      if (auto* x = result.find(shard))
        x->dumb = true;
  return result;
}

node_actor coordinator_state::host(const shard_key& shard) const {
  auto name = view.host_of(shard);
  if (name.empty())
    if (auto found = placements.find("topology/" + std::to_string(shard.topology));
        found != placements.end() && shard.id < found->second.size())
      name = found->second[shard.id];
  auto node = nodes.find(name);
  return node == nodes.end() ? node_actor{} : node->second;
}

// -- the running plan
// --------------------------------------------------------------------------------------------------------

/// A look at a plan costs time for each of its shards, so a large one is not looked at with every message.
bool coordinator_state::look_is_due() {
  auto at = self->clock().now();
  if (at < next_look)
    return false;
  auto shards = active ? active->shard_count : 0u;
  if (plan && !finished(*plan))
    shards = plan->from.shard_count + plan->to.shard_count;
  next_look = shards < shards_at_a_glance ? clock::time_point{} : at + shards * look_per_shard;
  return true;
}

/// In a large plan the lists of what should run where are gone through less often than the plan itself; the
/// loss of a node is no reason to wait.
bool coordinator_state::keeping_is_due() {
  auto at = self->clock().now();
  auto large =
      plan && !finished(*plan) && plan->from.shard_count + plan->to.shard_count >= shards_at_a_glance;
  if (large && at < next_keeping)
    return false;
  next_keeping = at + keeping_interval;
  return true;
}

void coordinator_state::step_plan() {
  if (!plan || finished(*plan) || !outdated_store.empty() || term_over())
    return;
  place_shards(plan->to);
  auto seen = observe_plan();
  auto result = step(*plan, memory, seen, setup.tuning, now());
  if (result.journal_first && !save({.plan = result.plan}))
    return;
  auto before = state_of(*plan);
  plan = std::move(result.plan);
  memory = std::move(result.memory);
  for (auto& action : result.actions)
    carry_out(action);
  note_time(before);
  if (state_of(*plan) != before) {
    spdlog::info("{}", describe(*plan));
    keep_times();
  }
  if (finished(*plan))
    plan_ended();
}

/// Books the time since the last step to the state that the plan was in.
void coordinator_state::note_time(plan_state was) {
  auto at = now();
  if (state_since != unix_time{})
    seconds_in[std::string{to_string(was)}] += std::chrono::duration<double>(at - state_since).count();
  state_since = at;
}

/// So that a successor's report knows them.
void coordinator_state::keep_times() {
  json::object row;
  for (auto& [state, seconds] : seconds_in)
    row[state] = seconds;
  try {
    rows->commit({{"times/" + std::to_string(plan->id), json::serialize(row), std::nullopt}});
  } catch (const store_error& error) {
    spdlog::warn("the times of plan {} could not be kept: {}", plan->id, error.what());
  }
}

void coordinator_state::carry_out(const plan_action& x) {
  auto epoch = journal.epoch();
  if (x.kind == plan_action_kind::tell_operator) {
    spdlog::warn("{}", x.text);
    notice = x.text;
    return;
  }
  if (x.kind == plan_action_kind::send_accept || x.kind == plan_action_kind::send_rescue ||
      x.kind == plan_action_kind::send_calls) {
    transfer order{plan->id, epoch, x.shard};
    order.accept = x.kind != plan_action_kind::send_calls;
    order.calls = x.kind != plan_action_kind::send_accept;
    return send_to_groups(order);
  }
  auto node = host(x.shard);
  if (!node)
    return;
  switch (x.kind) {
  case plan_action_kind::start_shard:
    compat::send(self, node, start{plan->id, epoch, x.shard, next_term(), sessions.find(x.shard)});
    break;
  case plan_action_kind::send_transfer:
    compat::send(self, node, transfer{plan->id, epoch, x.shard});
    break;
  case plan_action_kind::send_retract:
    compat::send(self, node, transfer{plan->id, epoch, x.shard, true});
    break;
  case plan_action_kind::send_drain:
    compat::send(self, node, drain{plan->id, epoch, x.shard});
    break;
  case plan_action_kind::close_shard:
    compat::send(self, node, drain{plan->id, epoch, x.shard, true});
    break;
  case plan_action_kind::send_accept:
  case plan_action_kind::send_rescue:
  case plan_action_kind::send_calls:
  case plan_action_kind::tell_operator:
    break;
  }
}

void coordinator_state::send_to_groups(const transfer& x) {
  std::set<std::string> owners;
  for (auto& group : groups)
    owners.insert(group.place.node);
  for (auto& owner : owners)
    if (auto node = nodes.find(owner); node != nodes.end())
      compat::send(self, node->second, x);
}

/// IDENTIFYs under permits of the plan's new shards.
std::uint64_t coordinator_state::identifies_of_plan() const {
  std::uint64_t sum = 0;
  for (auto& [name, member] : view.members())
    for (auto& shard : member.picture.shards)
      if (plan && shard.shard.topology == plan->to.id)
        sum += shard.identifies;
  return sum;
}

void coordinator_state::plan_ended() {
  if (auto now_active = active_topology(*plan)) {
    active = now_active;
    ledger.set_shards(active->shard_count);
  }
  auto document = report_document(*plan, sources(), since(view.figures(), baseline), identifies_of_plan(),
                                  now(), seconds_in);
  if (plan->units.size() > plan_rows::most_in_one_row)
    document.erase("units"); // more than a store takes in one row
  try {
    rows->commit({{"report/" + std::to_string(plan->id), json::serialize(document), std::nullopt}});
  } catch (const store_error& error) {
    spdlog::error("the report of plan {} could not be kept: {}", plan->id, error.what());
  }
  spdlog::info("{}", describe(*plan));
  state_since = {};
  announce();
}

// -- shards that should run
// ----------------------------------------------------------------------------------------------------

/// Starts what should run and does not. New shards of a plan are the plan's own business.
void coordinator_state::keep_running() {
  if (!active || !outdated_store.empty())
    return;
  place_shards(*active);
  replace_lost_shards(*active);
  auto may_start = !awaits_hosts();
  auto running = plan && !finished(*plan);
  if (!running) {
    for (std::uint32_t id = 0; may_start && id < active->shard_count; ++id)
      if (auto shard = active->shard(id); !view.where(shard).host)
        send_start(shard, 0);
    move_shards(*active);
    return;
  }
  replace_lost_shards(plan->from);
  replace_lost_shards(plan->to);
  move_shards(plan->from);
  move_shards(plan->to);
  for (std::uint32_t id = 0; may_start && id < plan->from.shard_count; ++id)
    if (auto shard = plan->from.shard(id); !view.where(shard).host && wants_old_shard(*plan, id))
      send_start(shard, 0);
}

void coordinator_state::send_start(const shard_key& shard, std::uint64_t of_plan) {
  auto node = host(shard);
  auto at = self->clock().now();
  auto& last = started[shard];
  auto place = placements.find("topology/" + std::to_string(shard.topology));
  auto told =
      place != placements.end() && shard.id < place->second.size() && view.reported(place->second[shard.id]);
  if (!node || !told || at < last + start_repeat)
    return;
  last = at;
  compat::send(self, node, start{of_plan, journal.epoch(), shard, next_term(), sessions.find(shard)});
}

/// Old sessions are kept for a while, then their actors end.
void coordinator_state::forget_old_shards() {
  if (!plan || !finished(*plan) || !active)
    return;
  for (auto& [name, member] : view.members())
    for (auto& shard : member.picture.shards) {
      auto node = nodes.find(name);
      if (node == nodes.end() || shard.phase != shard_phase::closed || shard.shard.topology == active->id)
        continue;
      auto entered = unix_time{};
      for (auto& unit : plan->units)
        entered = std::max(entered, unit.entered);
      if (now() - entered >= way_back || shard.closed_plan != plan->id)
        compat::send(self, node->second, drain{shard.closed_plan, journal.epoch(), shard.shard, true});
    }
}

} // namespace shardyard
