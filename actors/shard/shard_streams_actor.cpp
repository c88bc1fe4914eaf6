#include "actors/shard/shard_state.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <list>

namespace shardyard {

void shard_state::route(const shard_routes& x) {
  routes = x.table;
  if (!routes->groups.empty() && !outlets_fit())
    rebuild_outlets();
  for (auto& outlet : outlets) {
    auto found = std::ranges::find(routes->groups, outlet.id, &route_table::group::id);
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

bool shard_state::outlets_fit() const {
  return std::ranges::equal(outlets, routes->groups, [](const outlet& x, const route_table::group& y) {
    return x.id == y.id && x.partitions == y.partitions;
  });
}

shard_state::outlet shard_state::make_outlet(const route_table::group& x) {
  // A name of its own: the spool of a predecessor may still be read.
  auto folder = setup.door->spool_dir + "/" + std::to_string(setup.shard.topology) + "-" +
                std::to_string(setup.shard.id) + "-" + std::to_string(++outlets_made);
  return {.id = x.id,
          .partitions = x.partitions,
          .group = {},
          .stream =
              outbound_stream{setup.door->limits, {.folder = folder, .max_bytes = setup.door->spool_bytes}}};
}

/// The partitions are grouped in another way. Streams to groups that kept their partitions go on; what others
/// have not acknowledged follows its partition, in order, before anything newer.
void shard_state::rebuild_outlets() {
  std::list<outlet> old; // an outlet can be moved, not assigned
  for (auto& x : outlets)
    old.push_back(std::move(x));
  outlets.clear();
  std::vector<bool> fresh;
  for (auto& group : routes->groups) {
    auto same = std::ranges::find_if(
        old, [&](const outlet& x) { return x.id == group.id && x.partitions == group.partitions; });
    fresh.push_back(same == old.end());
    outlets.push_back(same == old.end() ? make_outlet(group) : std::move(*same));
    if (same != old.end())
      old.erase(same);
  }
  splitter.emplace(routes->group_of);
  drains.reset(); // its answers came from groups that are gone; the order is repeated
  auto from = cursor.value();
  std::vector<stream_hole> holes;
  for (auto& gone : old) {
    std::vector<bool> heirs(outlets.size());
    for (auto partition : gone.partitions) {
      auto group = partition < routes->group_of.size() ? routes->group_of[partition] : 0u;
      heirs[group] = group < fresh.size() && fresh[group];
    }
    for (auto& item : gone.stream.take_all(holes))
      give_over(std::move(item), heirs);
  }
  if (!holes.empty())
    ask_again(holes, from);
}

void shard_state::give_over(stream_item item, const std::vector<bool>& heirs) {
  if (auto* block = std::get_if<std::shared_ptr<const event_block>>(&item)) {
    for (auto& part : splitter->split(std::move(*block)))
      outlets[part.group].stream.push(std::move(part.block));
    return;
  }
  auto& mark = std::get<source_mark>(item);
  for (std::size_t i = 0; i < outlets.size(); ++i) {
    if (!heirs[i])
      continue;
    auto part = mark;
    std::erase_if(part.guilds, [&](snowflake guild) { return splitter->group_of(guild) != i; });
    outlets[i].stream.push(std::move(part));
  }
}

/// The group is there for the first time, or again with empty hands.
void shard_state::restart(outlet& x) {
  x.number = ++streams_made;
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
  result.began_ns = began_ns;
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
  mix.count(*fresh);
  newest_ms = std::max(newest_ms, fresh->newest_ms);
  for (auto& part : splitter->split(fresh)) {
    auto& outlet = outlets[part.group];
    outlet.stream.push(std::move(part.block));
    pump(outlet);
  }
  note_arrivals(*fresh);
  watch_room();
  counted();
}

void shard_state::pump(outlet& x) {
  while (x.group) {
    auto next = x.stream.next_to_send();
    if (!next)
      return;
    if (auto* block = std::get_if<std::shared_ptr<const event_block>>(&next->item))
      compat::send(self, x.group, stream_block{next->ordinal, x.number, setup.term, std::move(*block)});
    else
      compat::send(self, x.group,
                   stream_mark{next->ordinal, x.number, setup.term,
                               self->clock().now().time_since_epoch().count(),
                               std::get<source_mark>(std::move(next->item))});
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
  auto outlet = std::ranges::find(outlets, x.group, &outlet::id);
  if (outlet == outlets.end() || outlet->number != x.stream)
    return;
  if (x.restart) {
    spdlog::warn("shard {}: group {} asks for the stream anew", to_string(setup.shard), x.group);
    restart(*outlet);
    return;
  }
  outlet->stream.acked(x.through);
  pump(*outlet);
  watch_room();
  counted();
}

/// The disk gave a spool's records not back: what is lost there is asked for again with a RESUME from before
/// it.
void shard_state::recover(outlet& x) {
  spdlog::error("shard {}: the spool for group {} cannot be read ({}); the session is resumed from before it",
                to_string(setup.shard), x.id, x.stream.problem());
  auto from = resume_from();
  ask_again(x.stream.skip_unreadable(), from);
  restart(x);
}

void shard_state::ask_again(const std::vector<stream_hole>& holes, std::uint64_t from) {
  for (auto& hole : holes)
    if (hole.session_id != session_id) {
      text = "events " + std::to_string(hole.after_s + 1) + " to " + std::to_string(hole.last_s) +
             " of a session that is gone were lost with the spool";
      spdlog::error("shard {}: {}", to_string(setup.shard), text);
    }
  cursor.begin(session_id, from);
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
        spdlog::error("shard {} stops reading: memory and spool for group {} are used up; {}",
                      to_string(setup.shard), outlet.id, outlet.stream.problem());
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
