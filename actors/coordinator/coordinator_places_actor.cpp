// The coordinator's part that brings groups of partitions and shards to where they are meant to be, by order
// or because a host died. Level-triggered like the plan's step: what a node reports is compared with the
// journal, and the next message is repeated until its effect is seen.
#include "actors/coordinator/coordinator_state.hpp"

#include <spdlog/spdlog.h>

#include <boost/json.hpp>

#include <algorithm>

namespace shardyard {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr auto order_repeat = seconds(1);
constexpr auto lease_margin = milliseconds(500);
constexpr auto rejoin_patience = milliseconds(2500); ///< for hosts to find a new coordinator
constexpr std::size_t shards_in_transit = 2;

std::string name_list(const std::set<std::string>& names) {
  boost::json::array list;
  for (auto& x : names)
    list.push_back(boost::json::string(x));
  return boost::json::serialize(list);
}

} // namespace

void coordinator_state::load_places(const journal_state& state) {
  groups = state.groups;
  placements = state.placements;
  auto text = [&state](const std::string& name) {
    auto found = state.texts.find(name);
    return found == state.texts.end() ? std::string{} : found->second;
  };
  boost::system::error_code wrong;
  if (auto names = boost::json::parse(text("cordoned"), wrong); !wrong && names.is_array())
    for (auto& name : names.as_array())
      cordoned.insert(std::string{name.as_string()});
  if (auto row = text("goal"); !row.empty())
    goal = from_row<placement>(row);
  for (auto& [name, value] : state.texts)
    if (name.starts_with("fenced/"))
      fenced[name.substr(7)] = std::strtoull(value.c_str(), nullptr, 10);
    else if (name.starts_with("incarnation/"))
      incarnations[name.substr(12)] = std::strtoull(value.c_str(), nullptr, 10);
}

bool coordinator_state::due(const std::string& order) {
  auto at = self->clock().now();
  auto& last = ordered[order];
  if (last != clock::time_point{} && at < last + order_repeat)
    return false;
  last = at;
  return true;
}

// -- leases and the loss of a host
// ------------------------------------------------------------------------------------

lease_answer coordinator_state::answer_lease(const lease_request& x) {
  if (term_over())
    return {lease_verdict::silent, 0};
  auto marked = fenced.find(x.node);
  if (marked != fenced.end() && marked->second == x.incarnation)
    return {lease_verdict::fenced, 0};
  auto known = view.members().find(x.node);
  if (known == view.members().end() || known->second.card.incarnation != x.incarnation || !known->second.up)
    return {lease_verdict::silent, 0};
  auto at = self->clock().now();
  lease_given[x.node] = at;
  if (x.cluster_epoch == journal.epoch())
    for (auto& [node, loss] : losses)
      if (node != x.node && x.revision >= loss.revision)
        loss.promised.try_emplace(x.node, at - milliseconds(x.silent_ms));
  return {lease_verdict::granted, static_cast<std::uint32_t>(setup.lease_ttl.count())};
}

/// All weighted hosts that the cluster knows, up or not.
std::size_t coordinator_state::weighted_hosts() const {
  std::set<std::string> names;
  for (auto& [name, member] : view.members())
    if (member.card.weight > 0)
      names.insert(name);
  for (auto& group : groups)
    names.insert(group.place.node);
  return names.size();
}

/// True when the node's last lease from a coordinator is over, and so is whatever those have said for it that
/// speak for it no more; the others are, with it, no majority.
bool coordinator_state::lease_is_over(const std::string& node) const {
  auto at = self->clock().now();
  auto wait = setup.lease_ttl + lease_margin;
  auto given = lease_given.find(node);
  auto last = std::max(born, given == lease_given.end() ? born : given->second);
  auto loss = losses.find(node);
  if (at < last + wait || loss == losses.end())
    return false;
  std::size_t promised = 0;
  for (auto& [peer, since] : loss->second.promised) {
    auto known = view.members().find(peer);
    auto host = known != view.members().end() && known->second.card.weight > 0;
    promised += host && at >= since + wait;
  }
  auto hosts = weighted_hosts();
  return hosts < 1 + promised + std::max<std::size_t>(1, hosts / 2);
}

/// Everybody learns who is away: from then on nobody speaks for it.
void coordinator_state::note_losses() {
  bool changed = false;
  for (auto& group : groups)
    for (auto& node : {group.place.node, group.origin ? group.origin->node : std::string{}})
      if (!node.empty() && !view.up(node) && !losses.contains(node)) {
        losses[node].revision = revision + 1;
        changed = true;
      }
  changed = std::erase_if(losses, [this](auto& x) { return view.up(x.first); }) > 0 || changed;
  if (changed)
    announce();
}

/// Whether the node's shards may be RESUMEd elsewhere: it was here and is gone, or never came since this
/// coordinator began.
bool coordinator_state::is_lost(const std::string& node) const {
  return is_gone(node, setup.lease_ttl + lease_margin);
}

/// `patience`: how long a node that this coordinator has not seen yet may take to find it.
bool coordinator_state::is_gone(const std::string& node, milliseconds patience) const {
  if (!setup.failover || node.empty() || view.up(node))
    return false;
  return joined_since.contains(node) || self->clock().now() >= born + patience;
}

/// A host that has yet to come back to a new coordinator may hold the session of a shard that runs nowhere:
/// it had closed it for a move when the coordinator before this one ended. Until it has spoken, or had the
/// time to, an IDENTIFY would throw that session away.
bool coordinator_state::awaits_hosts() const {
  if (self->clock().now() >= born + rejoin_patience)
    return false;
  auto silent = [this](const std::string& node) {
    auto lost_again = joined_since.contains(node) && !view.up(node);
    return !node.empty() && !view.reported(node) && !lost_again;
  };
  if (std::ranges::any_of(groups, [&](auto& x) { return silent(x.place.node); }))
    return true;
  return std::ranges::any_of(placements, [&](auto& x) { return std::ranges::any_of(x.second, silent); });
}

void coordinator_state::replace_lost_hosts() {
  if (weights().empty())
    return;
  for (std::size_t i = 0; i < groups.size(); ++i)
    if (auto group = groups[i]; is_lost(group.place.node) || (group.origin && is_lost(group.origin->node)))
      adopt_from_lost(group);
}

/// What a group of lost hosts is to be continued from; nullopt: nobody keeps it.
std::optional<group_origin> coordinator_state::state_of_lost(const placed_group& group) const {
  auto& [place, origin] = group;
  if (is_lost(place.node)) // it may have run there, although nobody heard of it any more
    if (auto keeper = view.keeper_of(place.id, place.epoch); !keeper.empty())
      return group_origin{place.id, place.epoch, keeper};
  if (!origin)
    return std::nullopt;
  if (origin->node.empty() || !is_lost(origin->node))
    return origin;
  if (auto keeper = view.keeper_of(origin->id, origin->epoch); !keeper.empty())
    return group_origin{origin->id, origin->epoch, keeper};
  return std::nullopt;
}

void coordinator_state::adopt_from_lost(const placed_group& group) {
  std::vector<std::string> lost;
  for (auto& node : {group.place.node, group.origin ? group.origin->node : std::string{}})
    if (is_lost(node))
      lost.push_back(node);
  auto origin = state_of_lost(group);
  if (!origin) {
    tell("no host keeps a copy of group " + std::to_string(group.place.id) + " of node " + lost.front() +
         "; its events are kept until " + lost.front() + " is back");
    return;
  }
  if (!std::ranges::all_of(lost, [this](auto& node) { return lease_is_over(node); }))
    return;
  auto to = group.place.node;
  if (is_lost(to)) {
    auto nodes = weights();
    to = std::ranges::min_element(nodes, {}, [this](const node_weight& x) {
           return static_cast<double>(partitions_on(groups, x.name)) / x.weight;
         })->name;
  }
  auto next = adopted(groups, group.place.id, to, *origin);
  journal_changes changes{.groups = next};
  auto owners = goal;
  for (auto& owner : owners) // nothing goes back to a node that is lost
    if (is_lost(owner))
      owner = to;
  if (owners != goal)
    changes.texts["goal"] = to_row(owners);
  for (auto& node : lost)
    if (auto known = incarnations.find(node); known != incarnations.end()) {
      changes.texts["fenced/" + node] = std::to_string(known->second);
      fenced[node] = known->second;
    }
  if (!save(changes))
    return;
  spdlog::warn("group {} of node {} goes on at {}, from what {} keeps", group.place.id, lost.front(), to,
               origin->node.empty() ? "nobody" : origin->node);
  groups = std::move(next);
  goal = std::move(owners);
  announce();
}

/// States that no group continues any more.
void coordinator_state::forget_useless_copies() {
  for (auto& [name, member] : view.members()) {
    auto node = nodes.find(name);
    if (node == nodes.end() || !member.up)
      continue;
    for (auto& copy : member.picture.copies) {
      auto needed = std::ranges::any_of(groups, [&copy](const placed_group& x) {
        return (x.origin && x.origin->id == copy.id) ||
               (x.place.id == copy.id && x.place.epoch <= copy.epoch);
      });
      if (!needed && due("forget " + std::to_string(copy.id) + "@" + name))
        compat::send(self, node->second, forget_copy{journal.epoch(), copy.id, copy.epoch});
    }
  }
}

// -- groups
// ----------------------------------------------------------------------------------------------------------------

void coordinator_state::keep_groups() {
  note_losses();
  replace_lost_hosts();
  forget_useless_copies();
  for (std::size_t i = 0; i < groups.size(); ++i)
    if (groups[i].origin)
      bring_on(i);
  if (auto next = goal.empty() ? std::nullopt : next_step(groups, goal)) {
    if (!save({.groups = *next}))
      return;
    groups = std::move(*next);
    announce();
  }
}

void coordinator_state::bring_on(std::size_t index) {
  auto& group = groups[index];
  if (view.running_group(group.place)) {
    auto next = groups;
    auto origin = *std::exchange(next[index].origin, std::nullopt);
    if (!save({.groups = next}))
      return;
    groups = std::move(next);
    spdlog::info("group {} runs on {}", groups[index].place.id, groups[index].place.node);
    auto still_needed =
        std::ranges::any_of(groups, [&](auto& x) { return x.origin && x.origin->id == origin.id; });
    if (!still_needed)
      for (auto& [name, node] : nodes)
        compat::send(self, node, forget_copy{journal.epoch(), origin.id, origin.epoch});
    return;
  }
  auto& from = *group.origin;
  auto to = nodes.find(group.place.node);
  if (from.node.empty() || view.keeps(from.node, from.id, from.epoch)) {
    auto order = "adopt " + std::to_string(group.place.id) + "@" + std::to_string(group.place.epoch);
    if (to != nodes.end() && view.reported(group.place.node) && due(order))
      compat::send(self, to->second,
                   adopt_group{journal.epoch(), group.place, from.id, from.epoch, from.node});
    return;
  }
  auto holder = nodes.find(from.node);
  if (holder != nodes.end() && view.running_group({from.id, from.epoch, from.node, {}}) &&
      due("release " + std::to_string(from.id) + "@" + std::to_string(from.epoch)))
    compat::send(self, holder->second, release_group{journal.epoch(), from.id, from.epoch});
}

// -- shards
// ----------------------------------------------------------------------------------------------------------------

/// Shards of `x` whose node is lost get another one; the others stay.
void coordinator_state::replace_lost_shards(const topology& x) {
  auto key = "topology/" + std::to_string(x.id);
  auto found = placements.find(key);
  if (found == placements.end() || weights().empty())
    return;
  // A life of a shard is fenced by its term, so nobody's lease has to be over.
  auto gone = [this](const std::string& node) { return is_gone(node, rejoin_patience); };
  if (std::ranges::none_of(found->second, [&](auto& node) { return node.empty() || gone(node); }))
    return;
  auto present = found->second;
  for (auto& node : present)
    if (gone(node))
      node.clear();
  auto next = place(x.shard_count, weights(), present, x.id);
  for (std::size_t id = 0; id < present.size(); ++id) // what lives stays: this is no rebalancing
    if (!present[id].empty())
      next[id] = present[id];
  if (!save({.placements = {{key, next}}}))
    return;
  for (std::uint32_t id = 0; id < next.size(); ++id)
    if (next[id] != found->second[id]) {
      spdlog::warn("shard {} of lost node {} goes on at {}", to_string(x.shard(id)), found->second[id],
                   next[id]);
      started.erase(x.shard(id));
    }
  found->second = std::move(next);
}

/// A node that was thought lost, and came back before its lease was over, still runs shards that go on
/// elsewhere: two lives of a session would take it from each other for ever.
void coordinator_state::close_twins(const topology& x, const placement& meant) {
  for (auto& shard : view.shared()) {
    if (shard.topology != x.id || shard.id >= meant.size())
      continue;
    auto& home = meant[shard.id];
    auto hosts = view.hosts_of(shard);
    if (hosts.size() < 2 || std::ranges::find(hosts, home) == hosts.end())
      continue;
    for (auto& name : hosts)
      if (auto node = nodes.find(name);
          name != home && node != nodes.end() && due("release " + to_string(shard) + "@" + name))
        compat::send(self, node->second, release_shard{journal.epoch(), shard});
  }
}

/// Has shards that run elsewhere than meant closed there, a few at a time; keep_running starts them again.
void coordinator_state::move_shards(const topology& x) {
  auto found = placements.find("topology/" + std::to_string(x.id));
  if (found == placements.end())
    return;
  close_twins(x, found->second);
  std::size_t moving = 0;
  for (std::uint32_t id = 0; id < found->second.size() && moving < shards_in_transit; ++id) {
    auto shard = x.shard(id);
    auto [host, status] = view.where(shard);
    if (!host) {
      ++moving;
      continue;
    }
    auto& at = host->card.name;
    if (at == found->second[id]) {
      moving += status && status->phase != shard_phase::live && status->phase != shard_phase::stopped;
      continue;
    }
    auto& to = found->second[id];
    if (!view.reported(to) || (status && status->phase != shard_phase::live))
      continue;
    ++moving;
    if (auto node = nodes.find(at); node != nodes.end() && due("release " + to_string(shard) + "@" + at))
      compat::send(self, node->second, release_shard{journal.epoch(), shard});
  }
}

void coordinator_state::take(const shard_released& x) {
  if (x.cluster_epoch != journal.epoch())
    return;
  if (x.session)
    sessions.put(*x.session);
  view.gone(x.node, x.shard);
  spdlog::info("shard {} was released by {} {} ms ago", to_string(x.shard), x.node, x.closed_for_ms);
  started.erase(x.shard);
  keep_running();
}

void coordinator_state::tell(const std::string& text) {
  if (notice != text)
    spdlog::warn("{}", text);
  notice = text;
}

std::string coordinator_state::cordoned_row() const {
  return name_list(cordoned);
}

} // namespace shardyard
