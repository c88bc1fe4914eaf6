// How a plan's marks and orders reach the partitions of a group: what a shard may give away, when it may
// close.
#include "actors/partition/partition_group.hpp"

#include <algorithm>

namespace shardyard {
namespace {

constexpr int longest_drain = 4; ///< times `quiet`: until a drain is answered, whatever is still open
constexpr monotonic drain_look = std::chrono::milliseconds(50);

} // namespace

void partition_group::plan_mark(const source_mark& mark, monotonic now) {
  if (mark.cluster_epoch < cluster_epoch_) {
    ++stale_marks_;
    return;
  }
  cluster_epoch_ = mark.cluster_epoch;
  auto& shard = mark.from.shard;
  if (mark.plan > plan_) {
    plan_ = mark.plan;
    for (auto& x : partitions_)
      x->restart_delays();
  }
  auto known = sources_.slot(shard) != nullptr;
  auto at = known ? *sources_.assign(shard) : side::first;
  if (mark.kind == mark_kind::drain)
    return begin_drain(mark, now);
  if (!known)
    return;
  if (mark.kind == mark_kind::closed)
    return close_shard(shard, now);
  if (mark.kind == mark_kind::transfer)
    sources_.transfer(shard, mark.plan, now);
  else
    sources_.retract(shard, mark.plan, now);
  // An abort changes what the other side's shards may do, so every guild is looked at.
  auto changed = mark.kind == mark_kind::transfer ? shard : shard_key{shard.topology, 0, 1};
  for (auto& x : partitions_)
    x->permissions_changed(changed, at);
}

/// What only this shard has shown would be lost with it, so the answer waits until it is decided: by the
/// shadow's copy, which mostly follows within milliseconds, by the next common anchor or by a silence.
void partition_group::begin_drain(const source_mark& mark, monotonic now) {
  auto& shard = mark.from.shard;
  auto& x = drains_[shard];
  if (x.plan != mark.plan)
    x = {mark.plan, now, {}};
  x.open.clear();
  if (auto slot = sources_.slot(shard); slot && slot->current)
    for (auto& home : partitions_)
      home->forget_claims_behind(*slot->current, now);
  if (sources_.slot(shard))
    for (auto& home : partitions_)
      for (auto& event : home->undecided_of(shard, *sources_.assign(shard)))
        x.open.emplace_back(home.get(), event);
  answer_drains(now);
}

void partition_group::answer_drains(monotonic now) {
  for (auto i = drains_.begin(); i != drains_.end();) {
    auto& [shard, x] = *i;
    std::erase_if(x.open, [](auto& y) { return !y.first->undecided(y.second); });
    if (!x.open.empty() && now - x.since < longest_drain * settings_.tuning.quiet) {
      ++i;
      continue;
    }
    drain_answer answer;
    answer.group = settings_.group;
    answer.shard = shard;
    answer.plan = x.plan;
    if (sources_.slot(shard))
      for (auto& home : partitions_)
        answer.led += home->led_by(shard, *sources_.assign(shard));
    answers_.push_back(answer);
    i = drains_.erase(i);
  }
  if (!drains_.empty())
    soonest_ = std::min(soonest_, now + drain_look);
}

void partition_group::close_shard(const shard_key& shard, monotonic now) {
  auto at = *sources_.assign(shard);
  auto slot = sources_.slot(shard);
  if (slot->closed)
    return;
  auto last = slot->current;
  if (last) {
    sources_.lose(*last);
    last->closed = true;
    log_session(*last);
  }
  for (auto& x : partitions_)
    x->shard_closed(shard, at, now);
  sources_.close(shard);
}

/// A crash may have come between the end of a plan and the log's word of it: the shards that could say it
/// again are forgotten, and the topology would stand in the way of the next plan's for ever. Ids only rise,
/// so what is newer than both is a plan that this node has not heard of yet.
void partition_group::retire_all_but(std::uint32_t active, std::uint32_t other, monotonic now) {
  if (active == 0)
    return;
  std::vector<shard_key> over;
  for (auto& [shard, slot] : sources_.slots())
    if (shard.topology != 0 && shard.topology != active && shard.topology != other &&
        shard.topology < std::max(active, other))
      over.push_back(shard);
  for (auto& shard : over)
    if (sources_.slot(shard))
      close_shard(shard, now);
  if (!over.empty())
    look_ahead(now);
}

void partition_group::accept(std::uint64_t plan, const shard_key& shard, bool calls, monotonic now) {
  auto slot = sources_.slot(shard);
  if (!slot || slot->plan != plan)
    return;
  auto at = *sources_.assign(shard);
  for (auto& x : partitions_)
    x->accept(shard, at, calls, now);
  look_ahead(now);
}

} // namespace shardyard
