#include "actors/node/node_state.hpp"

#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

namespace shardyard {
namespace {

constexpr auto dial_patience =
    std::chrono::seconds(3); ///< before a place that does not answer is dialled again

} // namespace

/// One connection to a place at a time: of two that are made together each side may keep another one. The
/// answer is for everybody who waits for the place. A dial that hangs is not waited for.
void node_state::dial_place(const std::string& host, std::uint16_t port) {
  auto now = self->clock().now();
  auto [place, fresh] = dialled.try_emplace(host + ":" + std::to_string(port), now);
  if (!fresh && now < place->second + dial_patience)
    return;
  place->second = now;
  dial(self->system(), setup.links, host, port, setup.card, self);
}

void node_state::recall_early() {
  for (auto& [name, peer] : peers)
    if (auto met = early.find(name);
        met != early.end() && !peer.handle && met->second.card.incarnation == peer.card.incarnation) {
      have_peer(peer, met->second.node);
      early.erase(met);
    }
}

void node_state::dial_peers() {
  auto now = self->clock().now();
  for (auto& [name, peer] : peers) {
    if (peer.handle || !peer.turn.due(now))
      continue;
    peer.turn.begin();
    dial_place(peer.card.host, peer.card.port);
  }
}

// Whoever has dialled is not dialled back, and whom we have met as a seed is not dialled as a peer: one
// connection serves both, and a second one could cross the next. Those that are no members yet are
// remembered.
void node_state::meet(const node_card& x, const node_actor& node) {
  if (!node || x.name == setup.card.name)
    return;
  auto peer = peers.find(x.name);
  if (peer == peers.end() || peer->second.card.incarnation != x.incarnation) {
    early[x.name] = {x, node};
    watch.add(self, node, [this, name = x.name, incarnation = x.incarnation](const caf::error&) {
      if (auto met = early.find(name); met != early.end() && met->second.card.incarnation == incarnation)
        early.erase(met);
    });
  } else if (!peer->second.handle) {
    have_peer(peer->second, node);
  }
}

void node_state::have_peer(peer& x, const node_actor& node) {
  x.turn.found();
  x.handle = node;
  watch.add(self, node, [this, name = x.card.name, node](const caf::error&) {
    if (peers[name].handle == node) // else it is back already, in a later life
      lost_peer(name);
  });
  spdlog::info("node {} is reached at {}:{}", x.card.name, x.card.host, x.card.port);
  choose_second_host();
  find_groups();
  if (!coordinator && !joining)
    search.hurry(); // it may know where the coordinator is
}

void node_state::lost_peer(const std::string& name) {
  spdlog::warn("node {} is not reachable; events for its partitions are kept", name);
  auto& peer = peers[name];
  peer.handle = nullptr;
  peer.turn.wanted(self->clock().now());
  for (auto& place : known.groups)
    if (place.node == name)
      remote_groups[place.id].actor = nullptr;
  choose_second_host();
  publish_routes();
}

void node_state::publish_routes() {
  auto table = std::make_shared<route_table>();
  table->cluster_epoch = known.cluster_epoch;
  table->coordinator = coordinator;
  table->gateway_url = known.gateway_url;
  table->moving = known.plan != 0;
  table->deliver_until = setup.deliver_until;
  table->group_of.resize(known.partition_count);
  for (auto& place : known.groups) {
    auto position = static_cast<std::uint16_t>(table->groups.size());
    auto local = groups.find(place.id);
    auto here = local != groups.end() && local->second.place == place;
    table->groups.push_back(
        {place.id, place.epoch, place.partitions,
         here ? partition_group_actor{local->second.actor} : remote_groups[place.id].actor});
    for (auto partition : place.partitions)
      if (partition < table->group_of.size())
        table->group_of[partition] = position;
  }
  routes = std::move(table);
  for (auto& [key, shard] : shards)
    compat::send(self, shard.actor, shard_routes{routes});
  if (!setup.endpoint)
    return;
  endpoint_routes to_bots{self, routes, {{setup.card.name, self}}, known.identity, known.shards};
  for (auto& [name, peer] : peers)
    to_bots.nodes[name] = peer.handle;
  compat::send(self, setup.endpoint, std::move(to_bots));
}

} // namespace shardyard
