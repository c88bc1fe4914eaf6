// How the hand-over of a guild reaches its partition. Included by partition*.cpp alone.
#pragma once

#include "actors/partition/content_hash.hpp"
#include "actors/partition/partition.hpp"

namespace shardyard {

class partition::lane_port final : public handover_port {
public:
  lane_port(partition& owner, scope_state& guild, monotonic now) : owner_(owner), guild_(guild), now_(now) {}

  void deliver(const lane_event& event, side from, bool late) override {
    owner_.deliver_lane(guild_, *event.block, event.index, from, late);
  }
  void cut(const cut_record& record) override {
    if (record.kind == cut_kind::swap_back)
      owner_.note_blind_gap(guild_, other(record.to));
    owner_.lead_changed(guild_, record);
  }
  std::uint64_t content_hash(const lane_event& event) override {
    return owner_.contents_.hash(event.block->data(event.block->entries[event.index]));
  }

  void held(monotonic delay) override { owner_.note_held(delay); }
  void skewed(side later, monotonic by) override { owner_.sources_->note_skew(guild_.at, later, by); }
  handover_waits waits(side lead, const handover_tuning& tuning) override {
    return owner_.sources_->waits(guild_.at, lead, tuning);
  }

private:
  partition& owner_;
  scope_state& guild_;
  monotonic now_;
};

template <class F>
void partition::each(const shard_key& shard, side at, F f) {
  for (auto& [_, g] : scopes_)
    if (belongs(g, shard, at))
      f(g);
}

} // namespace shardyard
