#include "actors/coordinator/coordinator_actor.hpp"

#include "actors/coordinator/coordinator_state.hpp"

#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>

namespace shardyard {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr auto beat = milliseconds(100);
constexpr auto identity_patience = seconds(5);
constexpr auto purge_interval = minutes(1);

} // namespace

coordinator_state::coordinator_state(local_coordinator_actor::pointer self, coordinator_setup x,
                                     std::shared_ptr<store> opened)
    : self(self),
      setup(std::move(x)),
      rows(std::move(opened)),
      journal(*rows),
      wall(std::chrono::system_clock::now(), self->clock().now()),
      ledger(setup.identifies) {
  auto state = journal.load();
  active = state.active;
  next_topology_id = state.next_topology_id;
  next_plan_id = state.next_plan_id;
  if (auto known = state.texts.find("identity"); known != state.texts.end())
    identity = known->second;
  plan = state.plan;
  born = self->clock().now();
  load_places(state);
  ledger.restore(state.permits, now());
  if (state.limit)
    ledger.update_from_discord(*state.limit, now());
  if (active)
    ledger.set_shards(active->shard_count);
  if (plan)
    if (auto row = rows->get("baseline/" + std::to_string(plan->id)))
      baseline = figures_from_row(row->value);
  if (plan && !finished(*plan)) {
    state_since = now();
    if (auto row = rows->get("times/" + std::to_string(plan->id))) {
      auto times = boost::json::parse(row->value);
      for (auto& entry : times.as_object())
        seconds_in[entry.key()] = entry.value().to_number<double>();
    }
  }
  if (setup.take_over)
    first_permit =
        self->clock().now() + setup.identifies.valid_for + setup.identifies.spacing + setup.identifies.margin;
  if (auto saved = net::gateway_bot_file{setup.gateway_file}.load()) {
    gateway_url = saved->answer.url;
    recommended_shards = saved->answer.shards;
  }
  spdlog::info("coordinator of cluster {} under epoch {}{}", setup.cluster, journal.epoch(),
               plan && !finished(*plan) ? "; " + describe(*plan) : std::string{});
}

// -- membership
// ----------------------------------------------------------------------------------------------------------

caf::result<assignment> coordinator_state::join(const node_card& card, const caf::strong_actor_ptr& handle) {
  if (term_over())
    return caf::make_error(caf::sec::runtime_error, "this coordinator's term is over");
  auto refuse = [&card](std::string why) -> caf::result<assignment> {
    spdlog::warn("node {} refused: {}", card.name, why);
    return caf::make_error(caf::sec::invalid_argument, std::move(why));
  };
  if (card.cluster != setup.cluster)
    return refuse("this is cluster '" + setup.cluster + "', not '" + card.cluster + "'; check cluster.id");
  if (card.protocol != protocol_version)
    return refuse("protocol " + std::to_string(protocol_version) + " is spoken here, not " +
                  std::to_string(card.protocol) + "; run the same build everywhere");
  auto known = view.members().find(card.name);
  if (known != view.members().end() && known->second.up &&
      known->second.card.incarnation != card.incarnation && nodes.contains(card.name))
    return refuse("a node named '" + card.name + "' is already here; give each node its own node.name");
  if (auto dead = fenced.find(card.name); dead != fenced.end() && dead->second == card.incarnation)
    return caf::make_error(caf::exit_reason::kill, "this incarnation was declared dead");
  if (auto& known = incarnations[card.name]; known != card.incarnation) {
    known = card.incarnation;
    journal_changes changes;
    changes.texts["incarnation/" + card.name] = std::to_string(known);
    save(changes);
  }
  auto node = caf::actor_cast<node_actor>(handle);
  nodes[card.name] = node;
  joined_since[card.name] = self->clock().now();
  view.joined(card);
  watch.add(self, node, [this, name = card.name](const caf::error&) { node_gone(name); });
  spdlog::info("node {} joined, weight {}", card.name, card.weight);
  place_partitions();
  announce();
  return current_assignment();
}

void coordinator_state::node_gone(const std::string& node) {
  spdlog::warn("node {} is away", node);
  nodes.erase(node);
  view.left(node);
  next_look = next_keeping = {};
}

assignment coordinator_state::current_assignment() const {
  assignment result;
  result.cluster_epoch = journal.epoch();
  result.revision = revision;
  result.partition_count = setup.partitions;
  for (auto& [name, member] : view.members())
    result.members.push_back(member.card);
  result.groups = places_of(groups);
  for (auto& [node, incarnation] : fenced)
    result.lost.push_back({node, incarnation});
  for (auto& [node, loss] : losses)
    if (auto known = incarnations.find(node); known != incarnations.end())
      result.lost.push_back({node, known->second});
  result.active_topology = active ? active->id : 0;
  if (plan && !finished(*plan)) {
    result.plan = plan->id;
    result.active_topology = plan->from.id;
    result.other_topology = plan->to.id;
  }
  result.coordinator_node = setup.node;
  result.gateway_url = gateway_url;
  result.identity = identity;
  result.shards = plan && !finished(*plan) ? plan->to.shard_count : active ? active->shard_count : 0;
  return result;
}

void coordinator_state::announce() {
  ++revision;
  auto x = current_assignment();
  for (auto& [name, node] : nodes)
    compat::send(self, node, x);
}

// -- places
// ----------------------------------------------------------------------------------------------------------------

bool coordinator_state::save(const journal_changes& changes) {
  try {
    journal.save(changes);
    store_trouble.clear();
    return true;
  } catch (const store_error& error) {
    if (store_trouble != error.what())
      spdlog::critical("store: {}; running shards go on, nothing new is begun", error.what());
    store_trouble = error.what();
    return false;
  }
}

std::vector<node_weight> coordinator_state::weights() const {
  std::vector<node_weight> result;
  for (auto& [name, member] : view.members())
    if (member.up && member.card.weight > 0 && !cordoned.contains(name))
      result.push_back({name, static_cast<double>(member.card.weight)});
  return result;
}

/// Once, when the cluster is new: partitions stay where they are until they are moved.
void coordinator_state::place_partitions() {
  if (!groups.empty())
    return;
  auto nodes = weights();
  if (nodes.size() < setup.min_nodes)
    return;
  auto placed = first_groups(setup.partitions, nodes);
  if (!placed.empty() && save({.groups = placed})) {
    groups = std::move(placed);
    spdlog::info("{} partitions placed on {} nodes", setup.partitions, groups.size());
    announce();
  }
}

/// A new cluster's first topology. Who the bot is should be known when the first guilds come: its own member
/// is the one that every cache keeps.
void coordinator_state::found_topology() {
  if (active || groups.empty() || gateway_url.empty())
    return;
  if (setup.door && identity.empty() && self->clock().now() < born + identity_patience)
    return;
  topology first{next_topology_id, setup.shards.value_or(std::max(1u, recommended_shards))};
  if (!save({.active = first}))
    return;
  ++next_topology_id;
  active = first;
  ledger.set_shards(first.shard_count);
  spdlog::info("{} shards{}", first.shard_count, setup.shards ? "" : ", as Discord recommends");
  announce();
}

void coordinator_state::place_shards(const topology& x) {
  auto key = "topology/" + std::to_string(x.id);
  if (placements.contains(key))
    return;
  auto nodes = weights();
  if (nodes.empty())
    return;
  auto placed = place_near(x.shard_count, nodes, owners_of(groups, setup.partitions), {}, x.id);
  if (save({.placements = {{key, placed}}}))
    placements[key] = std::move(placed);
}

// -- time
// ------------------------------------------------------------------------------------------------------------------

/// A shard of a topology that no row names: the store is a copy from before that topology's plan. Orders made
/// from it would start sessions that are long replaced.
void coordinator_state::note(const node_report& x) {
  view.note(x, journal.epoch());
  for (auto& shard : x.shards) {
    if (shard.shard.topology < next_topology_id || !outdated_store.empty())
      continue;
    outdated_store = "the store is older than the cluster: node " + x.node + " runs shard " +
                     to_string(shard.shard) +
                     " of a topology that it does not know; end this coordinator and restore the newest copy";
    spdlog::critical("{}; nothing is ordered", outdated_store);
    notice = outdated_store;
  }
}

/// Then another coordinator may have begun its term: this one says nothing more. Orders that are on their way
/// are refused where they arrive, by their epoch.
bool coordinator_state::term_over() {
  if (rows->leading(boot_clock::now()))
    return false;
  spdlog::critical("the lease of epoch {} is over or could not be renewed: this coordinator ends{}",
                   journal.epoch(), store_trouble.empty() ? "" : "; " + store_trouble);
  self->quit(caf::make_error(caf::sec::runtime_error, "the coordinator's lease is over"));
  return true;
}

void coordinator_state::on_tick() {
  if (term_over())
    return;
  compat::send_after(self, beat, self, tick{});
  fetch_gateway();
  fetch_identity();
  place_partitions();
  found_topology();
  keep_groups();
  if (look_is_due()) {
    step_plan();
    if (keeping_is_due())
      keep_running();
  }
  refill_caches();
  write_used_permits();
  if (auto at = self->clock().now(); at >= next_purge) {
    next_purge = at + purge_interval;
    forget_old_permits();
    forget_old_shards();
  }
}

local_coordinator_actor::behavior_type coordinator_state::make_behavior() {
  compat::send(self, self, tick{});
  return {
      [this](const node_card& card, const caf::strong_actor_ptr& handle) { return join(card, handle); },
      [this](const identify_request& x) { return grant(x); },
      [this](const identify_sent& x) { book(x); },
      [this](const permit_returned& x) { take_back(x); },
      [this](const ready& x) {
        view.note(x);
        if (look_is_due())
          step_plan();
      },
      [this](const done& x) {
        view.note(x);
        if (look_is_due())
          step_plan();
      },
      [this](const node_report& x) { note(x); },
      [this](const checkpoint_report& x) { sessions.note(x); },
      [this](const shard_released& x) { take(x); },
      [this](const lease_request& x) { return answer_lease(x); },
      [this](const mix_report& x) {
        if (x.cluster_epoch == journal.epoch())
          note(x);
      },
      [this](const endpoint_report& x) { note(x); },
      [this](const admin_request& x) -> caf::result<admin_reply> {
        if (term_over())
          return caf::make_error(caf::sec::runtime_error, "this coordinator's term is over");
        return answer(x);
      },
      [this](tick) { on_tick(); },
      [this](const gateway_news& x) { take(x); },
      [this](const identity_news& x) { take(x); },
  };
}

local_coordinator_actor spawn_coordinator(caf::actor_system& system, coordinator_setup setup) {
  std::filesystem::path path{setup.store_path};
  if (path.has_parent_path())
    std::filesystem::create_directories(path.parent_path());
  auto now = std::chrono::floor<seconds>(std::chrono::system_clock::now().time_since_epoch());
  std::shared_ptr<store> rows = setup.take_over ? take_over_sqlite_store(path, setup.cluster, now)
                                                : open_sqlite_store(path, setup.cluster);
  return spawn_coordinator(system, std::move(setup), std::move(rows));
}

local_coordinator_actor spawn_coordinator(caf::actor_system& system, coordinator_setup setup,
                                          std::shared_ptr<store> rows) {
  using coordinator = local_coordinator_actor::stateful_impl<coordinator_state>;
  if (!setup.own_thread)
    return system.spawn<coordinator>(std::move(setup), std::move(rows));
  return system.spawn<coordinator, caf::detached>(std::move(setup), std::move(rows));
}

} // namespace shardyard
