#include "actors/node/node_state.hpp"
#include "actors/partition/moved_state.hpp"
#include "actors/partition/position_log.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

namespace shardyard {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr auto ask_group_after = milliseconds(200);

/// Position logs of this node, by group and epoch.
std::map<std::pair<std::uint32_t, std::uint64_t>, std::filesystem::path>
logs_in(const std::filesystem::path& folder) {
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::filesystem::path> result;
  for (auto& entry : std::filesystem::directory_iterator(folder)) {
    unsigned id = 0;
    unsigned long long epoch = 0;
    int end = 0;
    auto name = entry.path().filename().string();
    if (std::sscanf(name.c_str(), "positions-%u-%llu.log%n", &id, &epoch, &end) == 2 &&
        static_cast<std::size_t>(end) == name.size())
      result[{id, epoch}] = entry.path();
  }
  return result;
}

} // namespace

std::filesystem::path node_state::log_path(const group_place& x) const {
  return std::filesystem::path{setup.state_dir} / position_log_name(x);
}

/// Those that ran here before. A new one, or one from elsewhere, begins with an order to adopt it: a missing
/// log is never taken for an empty one.
void node_state::spawn_groups() {
  if (known.groups.empty())
    return;
  if (!sinks) {
    if (logs_in(setup.state_dir).empty())
      return; // a host that has nothing leaves the sinks to those that do
    open_sinks_once();
    keep_stale_logs();
  }
  for (auto& place : known.groups)
    if (place.node == setup.card.name && !groups.contains(place.id) &&
        std::filesystem::exists(log_path(place)))
      spawn_group(place, true);
}

/// All groups of a node write to the same sinks, so they are opened, and their tails read, once.
void node_state::open_sinks_once() {
  if (sinks)
    return;
  std::map<std::string, std::string> offsets;
  auto known_logs = logs_in(setup.state_dir);
  for (auto& [_, path] : known_logs)
    for (auto& [sink, offset] : position_log{path}.take_recovered().sinks) {
      auto [known, fresh] = offsets.try_emplace(sink, offset);
      if (!fresh && std::stoull(offset) < std::stoull(known->second))
        known->second = offset;
    }
  if (known_logs.empty())
    for (auto& sink : setup.sinks)
      if (std::error_code none; has_tail(sink))
        if (auto size = std::filesystem::file_size(sink.path, none); !none)
          offsets[sink.path] = std::to_string(size);
  partition_group_setup common;
  common.sinks = setup.sinks;
  common.max_backlog_bytes = setup.max_backlog_bytes;
  common.cache = setup.cache;
  sinks = open_shared_sinks(self->system(), common, offsets);
  for (auto& sink : sinks->opened.sinks)
    if (sink.ends_with_group)
      self->link_to(sink.actor);
}

/// What an earlier life of this node ran and the cluster has placed elsewhere, or is about to: its state is
/// kept for whoever continues it.
void node_state::keep_stale_logs() {
  for (auto& [name, path] : logs_in(setup.state_dir)) {
    auto& [id, epoch] = name;
    auto here = std::ranges::any_of(known.groups, [&](auto& x) {
      return x.id == name.first && x.epoch == name.second && x.node == setup.card.name;
    });
    auto running = groups.find(id);
    if (here || (running != groups.end() && running->second.place.epoch == epoch))
      continue;
    auto state = position_log{path}.take_recovered();
    for (auto& line : sinks->tail)
      state.apply_tail(line);
    state.settle();
    copies.put_final(id, epoch, state.encode());
    std::filesystem::remove(path);
  }
}

bool node_state::spawn_group(const group_place& place, bool ran_here) {
  partition_group_setup group_setup{.node = setup.card.name,
                                    .place = place,
                                    .partition_count = known.partition_count,
                                    .state_dir = setup.state_dir,
                                    .log_thread = setup.log_thread,
                                    .sinks = {},
                                    .max_backlog_bytes = setup.max_backlog_bytes,
                                    .tuning = setup.tuning,
                                    .exceptions_after = setup.exceptions_after,
                                    .cache = setup.cache,
                                    .voice = setup.voice,
                                    .guilds_intent = setup.guilds_intent,
                                    .first = known,
                                    .listener = self,
                                    .deliver_until = setup.deliver_until};
  open_sinks_once();
  group_setup.shared = sinks;
  group_setup.ran_here = ran_here;
  spdlog::info("group {} with {} of {} partitions lives here", place.id, place.partitions.size(),
               known.partition_count);
  auto& group = groups[place.id];
  group.place = place;
  try {
    group.actor = spawn_partition_group(self->system(), std::move(group_setup));
  } catch (const std::exception& error) {
    spdlog::critical("partitions cannot start: {}", error.what());
    self->quit(caf::make_error(caf::sec::runtime_error, error.what()));
    return false;
  }
  watch.add(self, group.actor, [this, place](const caf::error& reason) {
    auto found = groups.find(place.id);
    if (found == groups.end() || found->second.place != place)
      return;
    spdlog::critical("the partitions of this node ended: {}", caf::to_string(reason));
    self->quit(reason);
  });
  if (auto peer = peers.find(second_host); peer != peers.end() && peer->second.handle)
    compat::send(self, group.actor, copy_keeper{second_host, peer->second.handle});
  report_due = true;
  return true;
}

void node_state::drop_group(std::uint32_t id) {
  auto group = groups.extract(id);
  if (group.empty())
    return;
  self->send_exit(group.mapped().actor, caf::exit_reason::user_shutdown);
  std::error_code ignored;
  std::filesystem::remove(log_path(group.mapped().place), ignored);
  publish_routes();
}

/// Handles of groups are asked from their own nodes: one that came through a third node would die with it.
void node_state::find_groups() {
  auto now = self->clock().now();
  for (auto& place : known.groups) {
    auto peer = peers.find(place.node);
    if (place.node == setup.card.name || peer == peers.end() || !peer->second.handle)
      continue;
    auto& there = remote_groups[place.id];
    if (there.actor || there.asking || now < there.next_ask)
      continue;
    there.asking = true;
    auto asked = [this, id = place.id, epoch = place.epoch]() -> remote_group* {
      auto& x = remote_groups[id];
      if (x.epoch != epoch)
        return nullptr;
      x.asking = false;
      x.next_ask = self->clock().now() + ask_group_after;
      return &x;
    };
    compat::request(self, peer->second.handle, remote_timeout, find_partition_group{place.id, place.epoch})
        .then(
            [this, asked, place](const partition_group_actor& group) {
              auto* x = asked();
              if (!x)
                return;
              x->actor = group;
              watch.add(self, group, [this, place](const caf::error&) {
                if (auto& gone = remote_groups[place.id]; gone.epoch == place.epoch)
                  gone.actor = nullptr;
                publish_routes();
              });
              spdlog::info("node {} takes events of group {}", place.node, place.id);
              publish_routes();
            },
            [asked](caf::error&) { asked(); });
  }
}

// -- moves
// -----------------------------------------------------------------------------------------------------------

void node_state::release(const release_group& x) {
  auto found = groups.find(x.id);
  if (outdated(x.cluster_epoch, "an order") || found == groups.end() ||
      found->second.place.epoch != x.epoch || found->second.stopping)
    return;
  found->second.stopping = true;
  spdlog::info("group {} is being released", x.id);
  compat::request_local(self, found->second.actor, x)
      .then(
          [this, x](const std::string& state) {
            copies.put_final(x.id, x.epoch, state);
            spdlog::info("group {} is released with {} bytes of state", x.id, state.size());
            drop_group(x.id);
            send_report();
          },
          [this, x](caf::error& error) {
            spdlog::error("group {} cannot be released: {}", x.id, caf::to_string(error));
            if (auto group = groups.find(x.id); group != groups.end())
              group->second.stopping = false;
          });
}

void node_state::adopt(const adopt_group& x) {
  auto& place = x.place;
  if (outdated(x.cluster_epoch, "an order") || groups.contains(place.id) || adoptions.contains(place.id))
    return;
  if (x.source_node.empty()) {
    if (spawn_group(place))
      publish_routes();
    return;
  }
  adoptions[place.id].order = x;
  if (x.source_node != setup.card.name) {
    fetch_more(place.id);
    return;
  }
  auto state = copies.read(x.source_id, x.source_epoch);
  if (state)
    adoptions[place.id].bytes = std::move(*state);
  state ? finish_adoption(place.id) : void(adoptions.erase(place.id));
}

void node_state::fetch_more(std::uint32_t id) {
  auto& x = adoptions.at(id);
  auto peer = peers.find(x.order.source_node);
  if (peer == peers.end() || !peer->second.handle) {
    adoptions.erase(id); // the order is repeated
    return;
  }
  fetch_copy ask{x.order.source_id, x.order.source_epoch, x.bytes.size()};
  compat::request(self, peer->second.handle, remote_timeout, ask)
      .then(
          [this, id](const copy_piece& piece) {
            auto found = adoptions.find(id);
            if (found == adoptions.end() || piece.offset != found->second.bytes.size())
              return;
            found->second.bytes += piece.bytes;
            if (found->second.bytes.size() >= piece.total)
              finish_adoption(id);
            else if (piece.bytes.empty())
              adoptions.erase(found);
            else
              fetch_more(id);
          },
          [this, id](caf::error& error) {
            spdlog::warn("the state of group {} could not be fetched: {}", id, caf::to_string(error));
            adoptions.erase(id);
          });
}

void node_state::finish_adoption(std::uint32_t id) {
  auto entry = adoptions.extract(id);
  auto& [order, bytes] = entry.mapped();
  auto state = state_to_move(bytes, order.place.partitions, known.partition_count,
                             std::max<std::uint64_t>(1, order.place.epoch - order.source_epoch));
  auto path = log_path(order.place);
  auto beside = path;
  beside += ".part";
  std::filesystem::remove(beside);
  {
    position_log log{beside};
    if (!log.compact(state)) {
      spdlog::error("group {} cannot be adopted: {}", id, log.error());
      return;
    }
  }
  std::filesystem::rename(beside, path);
  if (spawn_group(order.place))
    publish_routes();
  send_report();
}

/// The next host in the order of names keeps copies of this one's logs and sessions.
void node_state::choose_second_host() {
  std::string first, next;
  for (auto& [name, peer] : peers) {
    if (!peer.handle || peer.card.weight == 0)
      continue;
    first = first.empty() ? name : first;
    if (next.empty() && name > setup.card.name)
      next = name;
  }
  next = next.empty() ? first : next;
  if (next == second_host)
    return;
  second_host = next;
  copy_keeper keeper{next, next.empty() ? node_actor{} : peers[next].handle};
  for (auto& [id, group] : groups)
    compat::send(self, group.actor, keeper);
  if (keeper.node)
    compat::send(self, keeper.node, all_rows(setup.card.name, sessions));
}

} // namespace shardyard
