// Operators' verbs about hosts: who is there, what moves where. Each writes the wish to the journal; the
// places part carries it out and every later coordinator goes on with it.
#include "actors/coordinator/coordinator_state.hpp"

#include <spdlog/spdlog.h>

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>

namespace shardyard {

namespace json = boost::json;

namespace {

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t result = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{result} : std::nullopt;
}

} // namespace

/// Wishes that an operator's verb leads to.
struct relocation {
  std::map<std::string, placement> shards; ///< by name of the placement row
  placement partitions;                    ///< empty: as they are
  std::set<std::string> cordoned;
};

namespace {

json::array moves_between(const placement& before, const placement& after, const char* what) {
  json::array result;
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i)
    if (before[i] != after[i])
      result.push_back(json::object{{what, i}, {"from", before[i]}, {"to", after[i]}});
  return result;
}

} // namespace

/// Whether a shard is still to come to the node, or to leave it.
bool coordinator_state::shards_on_their_way(const std::string& node) const {
  auto of = [&](const topology& x) {
    auto row = placements.find("topology/" + std::to_string(x.id));
    for (std::uint32_t id = 0; row != placements.end() && id < row->second.size(); ++id) {
      auto at = view.host_of(x.shard(id));
      if (at != row->second[id] && (at == node || row->second[id] == node))
        return true;
    }
    return false;
  };
  return active && of(*active);
}

admin_reply coordinator_state::nodes_document() const {
  json::array list;
  for (auto& [name, member] : view.members()) {
    auto shards =
        std::ranges::count_if(member.picture.shards, [](auto& x) { return x.phase != shard_phase::closed; });
    std::uint32_t groups_here = 0;
    bool moving = false;
    for (auto& group : groups) {
      groups_here += group.place.node == name;
      moving = moving || (group.origin && (group.place.node == name || group.origin->node == name));
    }
    moving = moving || shards_on_their_way(name);
    auto fence = fenced.find(name);
    auto dead = fence != fenced.end() && fence->second == member.card.incarnation;
    list.push_back(json::object{{"node", name},
                                {"state", dead               ? "declared dead"
                                          : !member.up       ? "away"
                                          : !member.reported ? "joining"
                                                             : "up"},
                                {"cordoned", cordoned.contains(name)},
                                {"address", member.card.host + ":" + std::to_string(member.card.port)},
                                {"version", member.card.version},
                                {"weight", member.card.weight},
                                {"shards", member.up ? shards : 0},
                                {"groups", groups_here},
                                {"partitions", partitions_on(groups, name)},
                                {"moving", moving},
                                {"coordinator", name == setup.node}});
  }
  return accept({{"cluster", setup.cluster}, {"nodes", std::move(list)}, {"notice", notice}});
}

admin_reply coordinator_state::carry_out(const relocation& x) {
  journal_changes changes;
  changes.placements = x.shards;
  if (!x.partitions.empty())
    changes.texts["goal"] = to_row(x.partitions);
  auto cordoned_before = std::exchange(cordoned, x.cordoned);
  changes.texts["cordoned"] = cordoned_row();
  if (!save(changes)) {
    cordoned = std::move(cordoned_before);
    return refuse("the move could not be written: " + store_trouble, "see to the store, then ask again");
  }
  json::array shards;
  for (auto& [key, next] : x.shards) {
    for (auto& move : moves_between(placements[key], next, "shard"))
      shards.push_back(move);
    placements[key] = next;
  }
  auto partitions = moves_between(owners_of(groups, setup.partitions), x.partitions, "partition");
  if (!x.partitions.empty())
    goal = x.partitions;
  keep_groups();
  keep_running();
  return accept({{"shards_to_move", shards.size()},
                 {"partitions_to_move", partitions.size()},
                 {"identifies_needed", 0},
                 {"shards", std::move(shards)},
                 {"partitions", std::move(partitions)}});
}

/// `move 3 --to b`, `move 2:3 --to b` (topology 2), `move partition:7 --to b`.
admin_reply coordinator_state::move(const admin_request& x) {
  auto member = view.members().find(x.node);
  if (member == view.members().end() || !member->second.up)
    return refuse("node '" + x.node + "' is not here", "`shardyard nodes` lists those that are");
  if (member->second.card.weight == 0 || cordoned.contains(x.node))
    return refuse("node '" + x.node + "' takes nothing: " +
                      (cordoned.contains(x.node) ? "it is cordoned" : "its weight is 0"),
                  "`shardyard uncordon " + x.node + "`, or name another node");
  relocation wish{.cordoned = cordoned};
  if (x.subject.starts_with("partition:")) {
    auto partition = number(std::string_view{x.subject}.substr(10));
    if (!partition || *partition >= setup.partitions)
      return refuse("'" + x.subject + "' names no partition",
                    "partitions are numbered 0 to " + std::to_string(setup.partitions - 1));
    wish.partitions = goal.empty() ? owners_of(groups, setup.partitions) : goal;
    if (wish.partitions[*partition] == x.node)
      return refuse("partition " + std::to_string(*partition) + " is on node " + x.node +
                        " already, or on its way there",
                    "nothing is to be done");
    wish.partitions[*partition] = x.node;
    return carry_out(wish);
  }
  auto colon = x.subject.find(':');
  auto topology_id = number(std::string_view{x.subject}.substr(0, colon));
  if (colon == std::string::npos)
    topology_id = active ? active->id : 0; // they are numbered from 1
  auto shard = number(colon == std::string::npos ? x.subject : x.subject.substr(colon + 1));
  auto row = topology_id ? placements.find("topology/" + std::to_string(*topology_id)) : placements.end();
  if (!shard || row == placements.end() || *shard >= row->second.size())
    return refuse("'" + x.subject + "' names no shard of a running topology",
                  "`shardyard status` lists them; in a reshard write TOPOLOGY:SHARD");
  auto next = row->second;
  if (next[*shard] == x.node)
    return refuse("shard " + x.subject + " is on node " + x.node + " already", "nothing is to be done");
  next[*shard] = x.node;
  wish.shards[row->first] = std::move(next);
  return carry_out(wish);
}

relocation coordinator_state::spread(const std::vector<node_weight>& over) const {
  relocation wish{.cordoned = cordoned};
  wish.partitions = place(setup.partitions, over, owners_of(groups, setup.partitions));
  for (auto& [key, present] : placements)
    if (key.starts_with("topology/") && topology_alive(key))
      wish.shards[key] = place(static_cast<std::uint32_t>(present.size()), over, present,
                               std::strtoull(key.c_str() + 9, nullptr, 10));
  return wish;
}

bool coordinator_state::topology_alive(const std::string& key) const {
  auto is = [&key](const topology& x) { return key == "topology/" + std::to_string(x.id); };
  return (active && is(*active)) || (plan && !finished(*plan) && (is(plan->from) || is(plan->to)));
}

admin_reply coordinator_state::drain_node(const admin_request& x) {
  if (!view.members().contains(x.subject))
    return refuse("node '" + x.subject + "' is not known", "`shardyard nodes` lists the cluster's");
  auto others = weights();
  std::erase_if(others, [&x](auto& node) { return node.name == x.subject; });
  if (others.empty())
    return refuse("no other node could take what " + x.subject + " hosts",
                  "start another node with weight above 0, or `shardyard uncordon` one");
  auto wish = spread(others);
  wish.cordoned.insert(x.subject);
  return x.dry_run ? preview(wish) : carry_out(wish);
}

admin_reply coordinator_state::uncordon(const admin_request& x) {
  if (!cordoned.contains(x.subject))
    return refuse("node '" + x.subject + "' is not cordoned", "`shardyard nodes` shows which are");
  relocation wish{.cordoned = cordoned};
  wish.cordoned.erase(x.subject);
  return carry_out(wish);
}

admin_reply coordinator_state::rebalance(const admin_request& x) {
  auto nodes = weights();
  if (nodes.empty())
    return refuse("no node takes anything", "start one with weight above 0, or `shardyard uncordon` one");
  auto wish = spread(nodes);
  return x.dry_run ? preview(wish) : carry_out(wish);
}

admin_reply coordinator_state::preview(const relocation& x) const {
  json::array shards;
  for (auto& [key, next] : x.shards)
    for (auto& move : moves_between(placements.at(key), next, "shard"))
      shards.push_back(move);
  auto partitions = moves_between(owners_of(groups, setup.partitions), x.partitions, "partition");
  return accept({{"dry_run", true},
                 {"shards_to_move", shards.size()},
                 {"partitions_to_move", partitions.size()},
                 {"identifies_needed", 0},
                 {"shards", std::move(shards)},
                 {"partitions", std::move(partitions)}});
}

} // namespace shardyard
