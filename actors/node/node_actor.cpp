#include "actors/node/node_state.hpp"
#include "actors/node/report_pace.hpp"

#include <caf/io/all.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

namespace shardyard {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr auto beat = milliseconds(100);
constexpr auto report_every = milliseconds(250);

} // namespace

node_state::node_state(local_node_actor::pointer self, node_setup x, std::shared_ptr<checkpoint_file> file)
    : self(self),
      setup(std::move(x)),
      checkpoints(std::move(file)),
      copies(std::filesystem::path{setup.state_dir} / "copies"),
      search(static_cast<unsigned>(std::hash<std::string>{}(setup.card.name) ^ setup.card.incarnation)) {
  spoke = boot_time(); // nobody knows what an earlier process of this host has said
  for (auto& x : checkpoints->sessions()) {
    sessions.put(x);
    saved_sessions.emplace(x.shard, x);
  }
}

// -- finding the coordinator
// -------------------------------------------------------------------------------------------

void node_state::look_for_coordinator() {
  auto now = self->clock().now();
  if (coordinator || !search.due(now))
    return;
  if (setup.coordinator)
    return join(setup.coordinator);
  if (auto place = search.begin(now, coordinator_search::places(setup.seeds, known.members, setup.card)))
    look_at(place->first, place->second);
}

/// A peer that is connected is asked; to dial it would be in the way of that connection.
void node_state::look_at(const std::string& host, std::uint16_t port) {
  for (auto& [name, peer] : peers)
    if (peer.handle && peer.card.host == host && peer.card.port == port)
      return ask_for_coordinator(peer.handle);
  dial_place(host, port);
}

void node_state::ask_for_coordinator(const node_actor& peer) {
  compat::request(self, peer, remote_timeout, find_coordinator{})
      .then(
          [this](const caf::strong_actor_ptr& there, const std::string& host, std::uint16_t port) {
            coordinator_named(there ? caf::actor_cast<coordinator_actor>(there) : coordinator_actor{}, host,
                              port);
          },
          [this](caf::error&) { coordinator_named({}, {}, 0); });
}

/// An attempt has come to its end with this; all empty: the next place is tried after a while.
void node_state::coordinator_named(const coordinator_actor& there, const std::string& host,
                                   std::uint16_t port) {
  if (coordinator || !search.under_way())
    return;
  search.ended(self->clock().now());
  if (there)
    join(there);
  else if (port != 0)
    search.hint({host, port});
}

void node_state::heed(const leader_news& x) {
  setup.coordinator = x.local;
  if (!x.local && (x.port == 0 || (coordinator && x.cluster_epoch <= known.cluster_epoch)))
    return;
  coordinator = nullptr;
  search.hint({x.host, x.port}); // an answer from a node that hangs is not waited for
  look_for_coordinator();
}

void node_state::found(const peer_found& x) {
  dialled.erase(x.place);
  for (auto& [name, peer] : peers) {
    if (!peer.turn.under_way() || x.place != peer.card.host + ":" + std::to_string(peer.card.port))
      continue;
    if (!x.error.empty() || !x.node || x.card.name != name) {
      peer.turn.failed(self->clock().now());
      continue;
    }
    peer.card = x.card;
    have_peer(peer, x.node);
  }
  if (x.error.empty())
    meet(x.card, x.node);
  if (coordinator)
    return;
  // Told even when it comes late and other places are being tried already.
  if (!x.error.empty() && std::exchange(last_trouble, x.place + x.error) != x.place + x.error)
    spdlog::warn("seed {}: {}", x.place, x.error);
  coordinator_named(x.coordinator, x.hint_host, x.hint_port);
}

void node_state::join(const coordinator_actor& handle) {
  if (handle == joining)
    return;
  joining = handle;
  search.joining(self->clock().now(), remote_timeout);
  compat::request(self, handle, remote_timeout, setup.card, caf::actor_cast<caf::strong_actor_ptr>(self))
      .then(
          [this, handle](const assignment& x) {
            joining = nullptr;
            search.over();
            if (outdated(x.cluster_epoch, "an assignment"))
              return;
            coordinator = handle;
            told_rows.begin_anew();
            last_trouble.clear();
            watch.add(self, handle, [this, handle](const caf::error&) {
              if (coordinator == handle)
                lost_coordinator("it is gone");
            });
            spdlog::info("joined cluster {} under epoch {}", setup.card.cluster, x.cluster_epoch);
            follow(x);
            publish_routes();
            compat::send(self, coordinator, all_rows(setup.card.name, sessions));
            for (auto& [name, rows] : peer_sessions)
              compat::send(self, coordinator, all_rows(name, rows));
            next_lease = {};
            ask_lease();
            send_report();
          },
          [this](caf::error& error) {
            joining = nullptr;
            search.over();
            if (error == caf::exit_reason::kill)
              begin_anew();
            auto text = caf::to_string(error);
            if (text != last_trouble)
              spdlog::error("the coordinator does not let this node in: {}", text);
            last_trouble = text;
          });
}

void node_state::lost_coordinator(const std::string& why) {
  spdlog::warn("coordinator lost ({}); shards go on", why);
  coordinator = nullptr;
  publish_routes();
}

// -- following it
// ------------------------------------------------------------------------------------------------------

bool node_state::outdated(std::uint64_t epoch, const char* what) const {
  if (epoch >= known.cluster_epoch)
    return false;
  spdlog::warn("{} of epoch {} refused: the newest is {}", what, epoch, known.cluster_epoch);
  return true;
}

void node_state::follow(const assignment& x) {
  if (x.cluster_epoch < known.cluster_epoch ||
      (x.cluster_epoch == known.cluster_epoch && x.revision < known.revision)) {
    return;
  }
  known = x;
  for (auto& card : x.members)
    if (card.name != setup.card.name) {
      auto& peer = peers[card.name];
      if (peer.card.incarnation != card.incarnation) {
        peer = {.card = card, .turn = dial_turn{setup.card.name, card.name}};
        peer.turn.wanted(self->clock().now());
      }
    }
  for (auto& place : x.groups)
    if (auto& there = remote_groups[place.id]; there.epoch != place.epoch)
      there = {.epoch = place.epoch};
  std::set<std::string> hosts;
  for (auto& card : x.members)
    if (card.weight > 0)
      hosts.insert(card.name);
  for (auto& place : x.groups)
    hosts.insert(place.node);
  leave.set_hosts(hosts.size());
  publish_lease();
  spawn_groups();
  for (auto& [id, group] : groups)
    compat::send(self, group.actor, x);
  publish_routes();
  recall_early();
  dial_peers();
  choose_second_host();
  find_groups();
}

// -- telling it
// --------------------------------------------------------------------------------------------------------

void node_state::send_report() {
  report_due = false;
  next_report = self->clock().now() + report_every;
  if (!coordinator)
    return;
  node_report report;
  report.node = setup.card.name;
  report.incarnation = setup.card.incarnation;
  report.cluster_epoch = known.cluster_epoch;
  for (auto& [key, shard] : shards)
    report.shards.push_back(shard.status);
  for (auto& [id, group] : groups) {
    auto& news = group.picture;
    report.groups.push_back({id, group.place.epoch, group.stopping, news.plan});
    report.handovers.insert(report.handovers.end(), news.handovers.begin(), news.handovers.end());
    report.figures += news.figures;
  }
  report.copies = copies.list();
  told_rows.reduce(report, self->clock().now());
  auto pace = pace_after(report);
  earliest_report = self->clock().now() + pace.after_change;
  next_report = self->clock().now() + pace.at_latest;
  compat::send(self, coordinator, std::move(report));
}

void node_state::on_tick() {
  compat::send_after(self, beat, self, tick{});
  look_for_coordinator();
  dial_peers();
  find_groups();
  if (!checkpoints->flush() && self->clock().now() >= next_complaint) {
    spdlog::error("session checkpoints: {}", checkpoints->problem());
    next_complaint = self->clock().now() + seconds(10);
  }
  ask_lease();
  publish_lease();
  send_checkpoints();
  send_mixes();
  if (self->clock().now() >= (report_due ? earliest_report : next_report))
    send_report();
}

template <class Order>
void node_state::pass_on(const Order& x) {
  if (outdated(x.cluster_epoch, "an order"))
    return;
  if (auto found = shards.find(x.shard); found != shards.end()) {
    compat::send(self, found->second.actor, x);
    return;
  }
  if constexpr (std::is_same_v<Order, drain>)
    if (coordinator && !saved_sessions.contains(x.shard))
      compat::send(self, coordinator, done{x.plan, x.cluster_epoch, x.shard, 0, 0, 0});
  if constexpr (std::is_same_v<Order, release_shard>)
    if (auto saved = saved_sessions.find(x.shard); coordinator && saved != saved_sessions.end())
      compat::send(self, coordinator,
                   shard_released{known.cluster_epoch, setup.card.name, x.shard, saved->second, 0});
}

local_node_actor::behavior_type node_state::make_behavior() {
  return {
      [this](const node_card& theirs, const caf::strong_actor_ptr& node) -> caf::result<node_card> {
        if (theirs.cluster != setup.card.cluster)
          return caf::make_error(caf::sec::invalid_argument, "this is cluster '" + setup.card.cluster +
                                                                 "', not '" + theirs.cluster + "'");
        if (theirs.protocol != protocol_version)
          return caf::make_error(caf::sec::incompatible_versions,
                                 "protocol " + std::to_string(protocol_version) + " is spoken here, not " +
                                     std::to_string(theirs.protocol));
        meet(theirs, caf::actor_cast<node_actor>(node));
        return setup.card;
      },
      [this](find_coordinator) -> caf::result<caf::strong_actor_ptr, std::string, std::uint16_t> {
        if (setup.coordinator)
          return {caf::actor_cast<caf::strong_actor_ptr>(setup.coordinator), std::string{}, std::uint16_t{0}};
        std::string host;
        std::uint16_t port = 0;
        for (auto& card : known.members)
          if (coordinator && card.name == known.coordinator_node) {
            host = card.host;
            port = card.port;
          }
        return {caf::strong_actor_ptr{}, host, port};
      },
      [this](const find_partition_group& x) -> caf::result<partition_group_actor> {
        auto found = groups.find(x.id);
        if (found == groups.end() || found->second.place.epoch < x.epoch)
          return caf::make_error(caf::sec::runtime_error, "this group does not run here");
        return found->second.actor;
      },
      [this](const assignment& x) { follow(x); },
      [this](const start& x) { run(x); },
      [this](const transfer& x) {
        if (!x.accept && !x.calls)
          pass_on(x);
        else if (!outdated(x.cluster_epoch, "an order to the partitions"))
          for (auto& [id, group] : groups)
            compat::send(self, group.actor, x);
      },
      [this](const drain& x) { pass_on(x); },
      [this](const release_shard& x) { pass_on(x); },
      [this](const release_group& x) { release(x); },
      [this](const adopt_group& x) { adopt(x); },
      [this](const forget_copy& x) {
        if (!outdated(x.cluster_epoch, "an order"))
          copies.forget(x.id, x.through_epoch);
      },
      [this](const fetch_copy& x) -> caf::result<copy_piece> {
        if (auto piece = copies.piece(x))
          return std::move(*piece);
        return caf::make_error(caf::sec::runtime_error, "no such state is kept here");
      },
      [this](const copy_append& x) -> caf::result<copy_kept> {
        try {
          return copies.append(x);
        } catch (const std::system_error& error) {
          return caf::make_error(caf::sec::runtime_error, error.what());
        }
      },
      [this](const checkpoint_report& x) { peer_sessions[x.node].note(x); },
      [this](const lease_request& x) { return speak_for(x); },
      [this](const bot_presence& x) { show(x); },
      [this](tick) { on_tick(); },
      [this](const shard_news& x) { note(x); },
      [this](const group_news& x) {
        if (auto found = groups.find(x.id); found != groups.end())
          found->second.picture = x;
      },
      [this](const peer_found& x) { found(x); },
      [this](const leader_news& x) { heed(x); },
      [this](endpoint_report x) {
        x.node = setup.card.name;
        x.cluster_epoch = known.cluster_epoch;
        if (coordinator)
          compat::send(self, coordinator, std::move(x));
      },
      [this](std::uint16_t port) {
        setup.card.port = port;
        on_tick();
      },
  };
}

local_node_actor spawn_quiet_node(caf::actor_system& system, node_setup setup) {
  if (!setup.links)
    setup.links = std::make_shared<peer_links>(system, net::tls_files{}, setup.card.cluster, setup.card.name);
  std::filesystem::create_directories(setup.state_dir);
  auto checkpoints =
      std::make_shared<checkpoint_file>(std::filesystem::path{setup.state_dir} / "sessions.db");
  return system.spawn<local_node_actor::stateful_impl<node_state>>(std::move(setup), std::move(checkpoints));
}

local_node_actor spawn_node(caf::actor_system& system, node_setup setup, std::uint16_t& port) {
  if (!setup.links)
    setup.links = std::make_shared<peer_links>(system, net::tls_files{}, setup.card.cluster, setup.card.name);
  auto links = setup.links;
  auto host = setup.card.host;
  auto wanted = setup.card.port;
  auto node = spawn_quiet_node(system, std::move(setup));
  port = links->publish(node, host, wanted);
  compat::anon_send(node, port);
  return node;
}

} // namespace shardyard
