#include "actors/partition/source_table.hpp"

#include <algorithm>
#include <numeric>

namespace shardyard {
namespace {

std::uint32_t shard_id(const scope& x, std::uint32_t count) {
  return x.kind == scope_kind::guild ? shard_of(x.id, count) : 0;
}

} // namespace

bool source::listed(snowflake guild) const {
  return std::ranges::binary_search(ready, guild);
}

source_table::topology_slot* source_table::topology(std::uint32_t id) {
  for (auto& x : topologies_)
    if (x.id == id && id != 0)
      return &x;
  return nullptr;
}

const side* source_table::assign(const shard_key& shard) {
  if (shard.topology == 0 || shard.count == 0 || shard.id >= shard.count)
    return nullptr;
  if (auto known = topology(shard.topology))
    return known->count == shard.count ? &known->at : nullptr;
  for (auto& x : topologies_) {
    if (x.id != 0)
      continue;
    x.id = shard.topology;
    x.count = shard.count;
    x.shards.assign(shard.count, {});
    skews_.clear();
    return &x.at;
  }
  return nullptr;
}

shard_slot* source_table::slot(const shard_key& shard) {
  auto x = topology(shard.topology);
  return x && x->count == shard.count && shard.id < shard.count ? &x->shards[shard.id] : nullptr;
}

shard_slot* source_table::slot(side at, const scope& x) {
  auto& t = topologies_[static_cast<std::size_t>(at)];
  return t.id == 0 ? nullptr : &t.shards[shard_id(x, t.count)];
}

source* source_table::find(const event_source& from) {
  auto at = slot(from.shard);
  if (at && at->current && at->current->from.session_id == from.session_id)
    return at->current;
  auto found = std::ranges::find(sources_.rbegin(), sources_.rend(), from, &source::from);
  return found == sources_.rend() ? nullptr : &*found;
}

source& source_table::add(const event_source& from, monotonic started) {
  auto& x = sources_.emplace_back();
  x.number = static_cast<std::uint32_t>(sources_.size());
  x.at = *assign(from.shard);
  x.from = from;
  x.started = started;
  x.view.flushed_at = monotonic{1};
  auto& at = *slot(from.shard);
  at.current = &x;
  at.closed = false;
  return x;
}

void source_table::restore(std::uint32_t number, side at, const event_source& from, std::uint64_t stray_s,
                           bool closed) {
  while (sources_.size() < number) {
    auto next = static_cast<std::uint32_t>(sources_.size() + 1);
    auto& unused = sources_.emplace_back();
    unused.number = next;
    unused.gone = true;
  }
  auto& x = sources_[number - 1];
  x.gone = false;
  x.at = at;
  x.from = from;
  x.stray_s = stray_s;
  x.view.flushed_at = monotonic{1};
  x.closed = closed;
  auto& t = topologies_[static_cast<std::size_t>(at)];
  if (closed || from.shard.count == 0 || from.shard.id >= from.shard.count || t.id > from.shard.topology) {
    x.gone = true;
    return;
  }
  if (t.id != from.shard.topology) {
    for (auto& y : t.shards)
      if (y.current)
        y.current->gone = true;
    t.id = from.shard.topology;
    t.count = from.shard.count;
    t.shards.assign(t.count, {});
  }
  auto& current = t.shards[from.shard.id].current;
  if (current)
    current->gone = true;
  current = &x;
}

void source_table::lose(source& x) {
  x.gone = true;
  x.view = {};
  x.ready = {};
  if (auto at = slot(x.from.shard); at && at->current == &x)
    at->current = nullptr;
}

void source_table::close(const shard_key& shard) {
  auto at = slot(shard);
  if (!at)
    return;
  if (at->current)
    lose(*at->current);
  *at = {};
  at->closed = true;
  auto t = topology(shard.topology);
  auto alive = [](const shard_slot& x) { return x.current != nullptr || x.transferred || x.retracted; };
  if (std::ranges::none_of(t->shards, alive))
    *t = {0, 0, t->at, {}};
}

source_views source_table::views(const scope& x) const {
  auto view = [&](side at) -> const source_view* {
    auto found = slot(at, x);
    return found && found->current ? &found->current->view : nullptr;
  };
  return {view(side::first), view(side::second)};
}

side source_table::lead_of_new(const scope& x, side seen) const {
  auto& there = on(other(seen));
  if (there.id == 0 || there.id > on(seen).id)
    return seen;
  auto found = slot(other(seen), x);
  return found && found->current ? other(seen) : seen;
}

bool source_table::may_cut(const scope& x, side lead) const {
  auto from = slot(lead, x);
  auto to = slot(other(lead), x);
  if (!from || !to)
    return false;
  return (from->transferred || from->retracted) && !to->retracted;
}

shard_key source_table::shard(side at, const scope& x) const {
  auto& t = on(at);
  return t.id == 0 ? shard_key{} : shard_key{t.id, shard_id(x, t.count), t.count};
}

void source_table::note_skew(const scope& x, side later, monotonic by) {
  skews_.add({shard(side::first, x).id, shard(side::second, x).id}, later, by);
}

handover_waits source_table::waits(const scope& x, side lead, const handover_tuning& tuning) const {
  return skews_.waits({shard(side::first, x).id, shard(side::second, x).id}, lead, tuning);
}

session_skews::figures source_table::skew_of(const shard_key& shard, const handover_tuning& tuning) const {
  for (auto& t : topologies_)
    if (t.id == shard.topology && t.id != 0)
      return skews_.of_shard(shard.id, t.at, tuning);
  return {};
}

void source_table::begin_plan(shard_slot& x, std::uint64_t plan, monotonic now) {
  if (x.plan == plan)
    return;
  x.plan = plan;
  x.only_calls = false;
  x.cuts = {};
  x.longest_wait = monotonic{0};
  x.transferred_at = now;
}

void source_table::transfer(const shard_key& shard, std::uint64_t plan, monotonic now) {
  // What comes for a closed shard is too late; taking it in would keep its topology's place for ever.
  if (auto x = slot(shard); x && !x->closed && !x->transferred) {
    begin_plan(*x, plan, now);
    x->transferred = true;
    x->transferred_at = now;
  }
}

void source_table::retract(const shard_key& shard, std::uint64_t plan, monotonic now) {
  auto x = slot(shard);
  if (!x || x->closed || x->retracted)
    return;
  begin_plan(*x, plan, now);
  x->retracted = true;
  x->transferred_at = now;
  auto& there = topologies_[static_cast<std::size_t>(other(topology(shard.topology)->at))];
  if (there.id == 0)
    return;
  auto unit = std::gcd(shard.count, there.count);
  for (std::uint32_t id = shard.id % unit; id < there.count; id += unit)
    there.shards[id].transferred = false;
}

std::vector<std::pair<shard_key, const shard_slot*>> source_table::slots() const {
  std::vector<std::pair<shard_key, const shard_slot*>> result;
  for (auto& t : topologies_)
    for (std::uint32_t id = 0; id < t.shards.size(); ++id)
      result.push_back({{t.id, id, t.count}, &t.shards[id]});
  return result;
}

} // namespace shardyard
