#include "actors/shard/shard_state.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace shardyard {

namespace {

/// Streams of a shard's later lives must outrank those of its earlier ones, which a group may still remember.
std::uint64_t stream_number_after(std::uint64_t last) {
  auto wall = std::chrono::system_clock::now().time_since_epoch();
  return std::max(last + 1, static_cast<std::uint64_t>(
                                std::chrono::duration_cast<std::chrono::microseconds>(wall).count()));
}

} // namespace

void shard_state::route(const shard_routes& x) {
  routes = x.table;
  if (outlets.empty() && !routes->groups.empty()) {
    for (auto& group : routes->groups) {
      auto folder = setup.door->spool_dir + "/" + std::to_string(setup.shard.topology) + "-" +
                    std::to_string(setup.shard.id) + "-" + group.node;
      outlets.push_back({.node = group.node,
                         .stream = outbound_stream{
                             setup.door->limits, {.folder = folder, .max_bytes = setup.door->spool_bytes}}});
    }
    splitter.emplace(routes->group_of);
  }
  for (auto& outlet : outlets) {
    auto found = std::ranges::find(routes->groups, outlet.node, &route_table::group::node);
    auto handle = found == routes->groups.end() ? partition_group_actor{} : found->handle;
    if (handle == outlet.group)
      continue;
    outlet.group = handle;
    if (handle && !closed)
      restart(outlet);
  }
  if (routes->moving && next_probe == clock::time_point{}) {
    next_probe = self->clock().now();
    arm(next_probe);
  } else if (!routes->moving) {
    next_probe = {};
  }
}

/// The group is there for the first time, or again with empty hands.
void shard_state::restart(outlet& x) {
  x.number = stream_number_after(x.number);
  auto resynced = make_mark(mark_kind::resynced);
  resynced.s = resume_from();
  resynced.guilds = guilds_for(static_cast<std::size_t>(&x - outlets.data()));
  x.stream.restart(std::move(resynced));
  pump(x);
}

source_mark shard_state::make_mark(mark_kind kind) const {
  source_mark result;
  result.from = {setup.shard, session_id};
  result.kind = kind;
  result.s = cursor.newest();
  result.cluster_epoch = routes->cluster_epoch;
  result.newest_ms = newest_ms;
  result.connected = live;
  return result;
}

std::vector<snowflake> shard_state::guilds_for(std::size_t outlet_index) const {
  std::vector<snowflake> result;
  for (auto guild : guilds)
    if (splitter && splitter->group_of(guild) == outlet_index)
      result.push_back(guild);
  return result;
}

void shard_state::mark(mark_kind kind, std::uint64_t s, std::uint64_t plan, std::string reason) {
  auto x = make_mark(kind);
  x.s = s;
  x.plan = plan;
  x.reason = std::move(reason);
  for (auto& outlet : outlets) {
    outlet.stream.push(x);
    pump(outlet);
  }
}

void shard_state::send_ready_marks(mark_kind kind) {
  for (std::size_t i = 0; i < outlets.size(); ++i) {
    auto x = make_mark(kind);
    x.guilds = guilds_for(i);
    outlets[i].stream.push(std::move(x));
    pump(outlets[i]);
  }
}

void shard_state::take(const std::shared_ptr<const event_block>& block) {
  if (!splitter || block->entries.empty())
    return;
  auto fresh = block;
  // A RESUME replays from the lowest unacknowledged sequence; what the streams still hold is not taken twice.
  if (block->entries.front().s <= cursor.newest()) {
    auto rest = std::make_shared<event_block>(*block);
    std::erase_if(rest->entries, [this](auto& entry) { return entry.s <= cursor.newest(); });
    fresh = std::move(rest);
  }
  for (auto& entry : fresh->entries)
    cursor.received(entry.s);
  events += fresh->entries.size();
  newest_ms = std::max(newest_ms, fresh->newest_ms);
  for (auto& part : splitter->split(fresh)) {
    auto& outlet = outlets[part.group];
    outlet.stream.push(std::move(part.block));
    pump(outlet);
  }
  note_arrivals(*fresh);
  watch_room();
  changed();
}

void shard_state::pump(outlet& x) {
  while (x.group) {
    auto next = x.stream.next_to_send();
    if (!next)
      return;
    if (auto* block = std::get_if<std::shared_ptr<const event_block>>(&next->item))
      compat::send(self, x.group, stream_block{next->ordinal, x.number, std::move(*block)});
    else
      compat::send(self, x.group,
                   stream_mark{next->ordinal, x.number, std::get<source_mark>(std::move(next->item))});
  }
}

std::uint64_t shard_state::resume_from() {
  std::optional<std::uint64_t> lowest;
  for (auto& outlet : outlets)
    if (auto s = outlet.stream.oldest_unacked_s(session_id); s && (!lowest || *s < *lowest))
      lowest = s;
  return cursor.update(lowest);
}

void shard_state::acknowledged(const stream_answer& x) {
  auto outlet = std::ranges::find(outlets, x.node, &outlet::node);
  if (outlet == outlets.end() || outlet->number != x.stream)
    return;
  if (x.restart) {
    spdlog::warn("shard {}: node {} asks for the stream anew", to_string(setup.shard), x.node);
    restart(*outlet);
    return;
  }
  outlet->stream.acked(x.through);
  pump(*outlet);
  watch_room();
  changed();
}

/// The disk gave a spool's records not back: what is lost there is asked for again with a RESUME from before
/// it.
void shard_state::recover(outlet& x) {
  spdlog::error("shard {}: the spool for node {} cannot be read ({}); the session is resumed from before it",
                to_string(setup.shard), x.node, x.stream.problem());
  auto from = resume_from();
  for (auto& hole : x.stream.skip_unreadable())
    if (hole.session_id != session_id) {
      text = "events " + std::to_string(hole.after_s + 1) + " to " + std::to_string(hole.last_s) +
             " of a session that is gone were lost with the spool";
      spdlog::error("shard {}: {}", to_string(setup.shard), text);
    }
  cursor.begin(session_id, from);
  restart(x);
  if (auto* link = current_link())
    link->close(net::resumable_close);
}

/// Reads the socket only while every stream has room in memory or on disk.
void shard_state::watch_room() {
  bool full = false;
  for (auto& outlet : outlets) {
    if (outlet.stream.stuck())
      recover(outlet);
    full = full || outlet.stream.full();
    if (outlet.stream.full() != outlet.told_full) {
      outlet.told_full = !outlet.told_full;
      if (outlet.told_full)
        spdlog::error("shard {} stops reading: memory and spool for node {} are used up; {}",
                      to_string(setup.shard), outlet.node, outlet.stream.problem());
      else
        spdlog::info("shard {} reads again", to_string(setup.shard));
    }
  }
  if (full == reading_paused)
    return;
  reading_paused = full;
  if (auto* link = current_link())
    full ? link->pause_reading() : link->resume_reading();
}

} // namespace shardyard
