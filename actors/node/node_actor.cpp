#include "actors/node/node_actor.hpp"

#include "actors/compat.hpp"
#include "actors/node/dialer_actor.hpp"
#include "actors/shard/checkpoint_file.hpp"

#include <caf/io/all.hpp>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <map>
#include <set>
#include <utility>

namespace shardyard {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using clock = std::chrono::steady_clock;

constexpr auto beat = milliseconds(100);
constexpr auto report_every = milliseconds(250);
constexpr auto redial_after = milliseconds(500);
constexpr auto look_after = milliseconds(200); ///< at the next place for the coordinator
constexpr auto look_patience = seconds(1); ///< with a place that does not answer, before the next is tried
constexpr auto remote_timeout = seconds(3);

struct node_state {
  static inline const char* name = "shardyard.node";

  struct peer {
    node_card card;
    partition_group_actor group;
    bool dialling = false;
    clock::time_point next_dial{};
  };
  struct local_shard {
    shard_actor actor;
    shard_status status;
  };

  node_state(local_node_actor::pointer self, node_setup setup, std::shared_ptr<checkpoint_file> file)
      : self(self), setup(std::move(setup)), checkpoints(std::move(file)) {
    for (auto& x : checkpoints->sessions())
      saved_sessions.emplace(x.shard, x);
  }

  local_node_actor::behavior_type make_behavior();

  // -- finding the coordinator
  // -----------------------------------------------------------------------------------

  void look_for_coordinator();
  std::vector<std::pair<std::string, std::uint16_t>> places_to_look() const;
  void heed(const leader_news& x);
  void found(const peer_found& x);
  void join(const coordinator_actor& handle);
  void lost_coordinator(const std::string& why);

  // -- following it
  // ------------------------------------------------------------------------------------------------

  void follow(const assignment& x);
  void spawn_group(const assignment& x);
  void dial_peers();
  void publish_routes();
  bool outdated(std::uint64_t epoch, const char* what) const;
  std::optional<session_checkpoint> take_saved(const shard_key& shard);
  void run(const start& x);
  template <class Order>
  void pass_on(const Order& x);

  // -- telling it
  // -----------------------------------------------------------------------------------------------------

  void note(const shard_news& news);
  void send_report();
  void on_tick();

  local_node_actor::pointer self;
  node_setup setup;
  std::shared_ptr<checkpoint_file> checkpoints;
  std::map<shard_key, session_checkpoint>
      saved_sessions; ///< of an earlier life, until their shard is started
  compat::down_watch watch;
  coordinator_actor coordinator;
  coordinator_actor joining; // asked to let us in, no answer yet
  bool dialling_seed = false;
  clock::time_point look_until{}; // what is dialled has until then
  std::size_t next_seed = 0;
  std::string hint_host; // a node told us that the coordinator is there
  std::uint16_t hint_port = 0;
  clock::time_point next_join{};
  clock::time_point next_report{};
  clock::time_point next_complaint{};
  assignment known;
  partition_group_actor group;
  group_news group_picture;
  std::map<std::string, peer> peers;
  std::map<shard_key, local_shard> shards;
  std::shared_ptr<const route_table> routes = std::make_shared<route_table>();
  bool report_due = false;
  std::string last_trouble;
};

// -- finding the coordinator
// -------------------------------------------------------------------------------------------

void node_state::look_for_coordinator() {
  auto now = self->clock().now();
  if (coordinator || (dialling_seed && now < look_until) || now < next_join)
    return;
  look_until = now + look_patience;
  if (setup.coordinator) {
    join(setup.coordinator);
    return;
  }
  if (hint_port != 0) {
    dialling_seed = true;
    dial(self->system(), setup.links, hint_host, hint_port, setup.card, self);
    hint_port = 0;
    return;
  }
  auto places = places_to_look();
  if (places.empty())
    return;
  auto& [host, port] = places[next_seed++ % places.size()];
  dialling_seed = true;
  dial(self->system(), setup.links, host, port, setup.card, self);
}

/// The seeds, then every member that was ever heard of: the coordinator may live on any, and whoever has
/// found it names it.
std::vector<std::pair<std::string, std::uint16_t>> node_state::places_to_look() const {
  auto places = setup.seeds;
  for (auto& card : known.members)
    if (card.name != setup.card.name && card.port != 0)
      if (std::pair place{card.host, card.port}; std::ranges::find(places, place) == places.end())
        places.push_back(std::move(place));
  std::erase(places, std::pair{setup.card.host, setup.card.port});
  return places;
}

void node_state::heed(const leader_news& x) {
  setup.coordinator = x.local;
  if (!x.local && (x.port == 0 || (coordinator && x.cluster_epoch <= known.cluster_epoch)))
    return;
  coordinator = nullptr;
  hint_host = x.host;
  hint_port = x.port;
  dialling_seed = false; // an answer from a node that hangs is not waited for
  next_join = {};
  look_for_coordinator();
}

void node_state::found(const peer_found& x) {
  for (auto& [name, peer] : peers) {
    if (!peer.dialling || x.place != peer.card.host + ":" + std::to_string(peer.card.port))
      continue;
    peer.dialling = false;
    peer.next_dial = self->clock().now() + redial_after;
    if (!x.error.empty() || !x.group || x.card.name != name)
      continue;
    peer.card = x.card;
    peer.group = x.group;
    watch.add(self, x.group, [this, name = name](const caf::error&) {
      spdlog::warn("node {} is not reachable; events for its partitions are kept", name);
      peers[name].group = nullptr;
      publish_routes();
    });
    spdlog::info("node {} takes events at {}", name, x.place);
    publish_routes();
  }
  if (coordinator)
    return;
  // Told even when it comes late and other places are being tried already.
  if (!x.error.empty() && std::exchange(last_trouble, x.place + x.error) != x.place + x.error)
    spdlog::warn("seed {}: {}", x.place, x.error);
  if (!dialling_seed)
    return;
  dialling_seed = false;
  next_join = self->clock().now() + look_after;
  if (!x.error.empty())
    return;
  if (x.coordinator) {
    join(x.coordinator);
  } else if (x.hint_port != 0) {
    hint_host = x.hint_host;
    hint_port = x.hint_port;
    next_join = {};
  }
}

void node_state::join(const coordinator_actor& handle) {
  if (handle == joining)
    return;
  joining = handle;
  next_join = self->clock().now() + redial_after;
  look_until = self->clock().now() + remote_timeout;
  dialling_seed = true;
  compat::request(self, handle, remote_timeout, setup.card, caf::actor_cast<caf::strong_actor_ptr>(self))
      .then(
          [this, handle](const assignment& x) {
            joining = nullptr;
            dialling_seed = false;
            if (outdated(x.cluster_epoch, "an assignment"))
              return;
            coordinator = handle;
            last_trouble.clear();
            watch.add(self, handle, [this, handle](const caf::error&) {
              if (coordinator == handle)
                lost_coordinator("it is gone");
            });
            spdlog::info("joined cluster {} under epoch {}", setup.card.cluster, x.cluster_epoch);
            follow(x);
            publish_routes();
            send_report();
          },
          [this](caf::error& error) {
            joining = nullptr;
            dialling_seed = false;
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
      if (peer.card.incarnation != card.incarnation)
        peer = {.card = card};
    }
  if (!group && !x.partition_owner.empty())
    spawn_group(x);
  if (group)
    compat::send(self, group, x);
  publish_routes();
  dial_peers();
}

void node_state::spawn_group(const assignment& x) {
  partition_group_setup group_setup{.node = setup.card.name,
                                    .partitions = {},
                                    .partition_count = x.partition_count,
                                    .state_dir = setup.state_dir,
                                    .sinks = setup.sinks,
                                    .max_backlog_bytes = setup.max_backlog_bytes,
                                    .tuning = setup.tuning,
                                    .exceptions_after = setup.exceptions_after,
                                    .guilds_intent = setup.guilds_intent,
                                    .first = x,
                                    .listener = self};
  for (std::uint32_t i = 0; i < x.partition_owner.size(); ++i)
    if (x.partition_owner[i] == setup.card.name)
      group_setup.partitions.push_back(i);
  if (group_setup.partitions.empty())
    return;
  spdlog::info("{} of {} partitions live here", group_setup.partitions.size(), x.partition_count);
  try {
    group = spawn_partition_group(self->system(), std::move(group_setup));
  } catch (const std::exception& error) {
    spdlog::critical("partitions cannot start: {}", error.what());
    self->quit(caf::make_error(caf::sec::runtime_error, error.what()));
    return;
  }
  watch.add(self, group, [this](const caf::error& reason) {
    spdlog::critical("the partitions of this node ended: {}", caf::to_string(reason));
    self->quit(reason);
  });
}

void node_state::dial_peers() {
  auto now = self->clock().now();
  for (auto& [name, peer] : peers) {
    auto owns = std::ranges::find(known.partition_owner, name) != known.partition_owner.end();
    if (peer.group || peer.dialling || !owns || now < peer.next_dial)
      continue;
    peer.dialling = true;
    dial(self->system(), setup.links, peer.card.host, peer.card.port, setup.card, self);
  }
}

void node_state::publish_routes() {
  auto table = std::make_shared<route_table>();
  table->cluster_epoch = known.cluster_epoch;
  table->coordinator = coordinator;
  table->gateway_url = known.gateway_url;
  table->moving = known.plan != 0;
  std::set<std::string> owners{known.partition_owner.begin(), known.partition_owner.end()};
  std::map<std::string, std::uint16_t> position;
  for (auto& owner : owners) {
    position[owner] = static_cast<std::uint16_t>(table->groups.size());
    auto local = owner == setup.card.name;
    auto peer = peers.find(owner);
    table->groups.push_back({owner, local                 ? group
                                    : peer != peers.end() ? peer->second.group
                                                          : partition_group_actor{}});
  }
  for (auto& owner : known.partition_owner)
    table->group_of.push_back(position[owner]);
  routes = std::move(table);
  for (auto& [key, shard] : shards)
    compat::send(self, shard.actor, shard_routes{routes});
}

std::optional<session_checkpoint> node_state::take_saved(const shard_key& shard) {
  auto node = saved_sessions.extract(shard);
  return node.empty() ? std::nullopt : std::optional{std::move(node.mapped())};
}

void node_state::run(const start& x) {
  if (outdated(x.cluster_epoch, "start") || shards.contains(x.shard) || known.partition_owner.empty())
    return;
  shard_setup shard{.shard = x.shard,
                    .plan = x.plan,
                    .cluster_epoch = x.cluster_epoch,
                    .purpose = x.plan == 0 ? session::purpose::start : session::purpose::reshard,
                    .session = take_saved(x.shard),
                    .door = setup.door,
                    .routes = {routes},
                    .listener = self};
  spdlog::info("shard {} starts{}", to_string(x.shard), shard.session ? ", resuming its session" : "");
  auto& entry = shards[x.shard];
  entry.actor = spawn_shard(self->system(), std::move(shard));
  entry.status.shard = x.shard;
  watch.add(self, entry.actor, [this, key = x.shard](const caf::error& reason) {
    if (auto gone = shards.find(key); gone != shards.end()) {
      spdlog::error("shard {} ended: {}; the coordinator will start it again", to_string(key),
                    caf::to_string(reason));
      shards.erase(gone);
      send_report();
    }
  });
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
}

// -- telling it
// --------------------------------------------------------------------------------------------------------

void node_state::note(const shard_news& news) {
  auto& key = news.status.shard;
  if (news.session_gone)
    checkpoints->forget(key);
  else if (news.session)
    checkpoints->put(*news.session);
  else
    checkpoints->advance(key, news.cursor, news.newest_ms);
  auto found = shards.find(key);
  if (found == shards.end())
    return;
  auto& old = found->second.status;
  report_due =
      report_due || news.gone || old.phase != news.status.phase || old.was_ready != news.status.was_ready;
  old = news.status;
  if (news.gone)
    shards.erase(found);
}

void node_state::send_report() {
  report_due = false;
  next_report = self->clock().now() + report_every;
  if (!coordinator)
    return;
  node_report report;
  report.node = setup.card.name;
  report.incarnation = setup.card.incarnation;
  report.cluster_epoch = known.cluster_epoch;
  report.plan = group_picture.plan;
  for (auto& [key, shard] : shards)
    report.shards.push_back(shard.status);
  report.handovers = group_picture.handovers;
  report.figures = group_picture.figures;
  compat::send(self, coordinator, std::move(report));
}

void node_state::on_tick() {
  compat::send_after(self, beat, self, tick{});
  look_for_coordinator();
  dial_peers();
  if (!checkpoints->flush() && self->clock().now() >= next_complaint) {
    spdlog::error("session checkpoints: {}", checkpoints->problem());
    next_complaint = self->clock().now() + seconds(10);
  }
  if (report_due || self->clock().now() >= next_report)
    send_report();
}

local_node_actor::behavior_type node_state::make_behavior() {
  return {
      [this](const node_card& theirs) -> caf::result<node_card> {
        if (theirs.cluster != setup.card.cluster)
          return caf::make_error(caf::sec::invalid_argument, "this is cluster '" + setup.card.cluster +
                                                                 "', not '" + theirs.cluster + "'");
        if (theirs.protocol != protocol_version)
          return caf::make_error(caf::sec::incompatible_versions,
                                 "protocol " + std::to_string(protocol_version) + " is spoken here, not " +
                                     std::to_string(theirs.protocol));
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
      [this](find_partition_group) -> caf::result<partition_group_actor> {
        if (!group)
          return caf::make_error(caf::sec::runtime_error, "no partitions here yet");
        return group;
      },
      [this](const assignment& x) { follow(x); },
      [this](const start& x) { run(x); },
      [this](const transfer& x) {
        if (!x.accept)
          pass_on(x);
        else if (group && !outdated(x.cluster_epoch, "an acceptance"))
          compat::send(self, group, x);
      },
      [this](const drain& x) { pass_on(x); },
      [this](tick) { on_tick(); },
      [this](const shard_news& x) { note(x); },
      [this](const group_news& x) { group_picture = x; },
      [this](const peer_found& x) { found(x); },
      [this](const leader_news& x) { heed(x); },
      [this](std::uint16_t port) {
        setup.card.port = port;
        on_tick();
      },
  };
}

} // namespace

local_node_actor spawn_quiet_node(caf::actor_system& system, node_setup setup) {
  if (!setup.links)
    setup.links = std::make_shared<peer_links>(system, net::tls_files{}, setup.card.cluster);
  std::filesystem::create_directories(setup.state_dir);
  auto checkpoints =
      std::make_shared<checkpoint_file>(std::filesystem::path{setup.state_dir} / "sessions.db");
  return system.spawn<local_node_actor::stateful_impl<node_state>>(std::move(setup), std::move(checkpoints));
}

local_node_actor spawn_node(caf::actor_system& system, node_setup setup, std::uint16_t& port) {
  if (!setup.links)
    setup.links = std::make_shared<peer_links>(system, net::tls_files{}, setup.card.cluster);
  auto links = setup.links;
  auto host = setup.card.host;
  auto wanted = setup.card.port;
  auto node = spawn_quiet_node(system, std::move(setup));
  port = links->publish(node, host, wanted);
  compat::anon_send(node, port);
  return node;
}

} // namespace shardyard
