// After a restart: keyed events of a shadow wait until the lead has sent again what it sent before. The log
// may trail the consumers, who then have lines already that the lead is going to fill anew, under the same
// numbers; an event of the shadow that went before them would take one of these numbers.
#include "actors/partition/partition.hpp"

#include <algorithm>

namespace shardyard {

/// Only of a session of an earlier run: one that began here has nothing to send again. A heartbeat that was
/// sent and answered since its stream began here comes behind all that was sent before.
bool partition::lead_is_behind(const scope_state& g, monotonic now) const {
  if (now >= patient_until_)
    return false;
  auto lead = sources_->slot(g.handover.lead(), g.at);
  auto session = lead ? lead->current : nullptr;
  return session && session->started == monotonic{0} && !session->caught_up;
}

void partition::keep(scope_state& g, event_key key, const arrival& in) {
  if (keyed_.contains(key)) {
    ++keyed_doubles_;
    return;
  }
  auto& kept = kept_[g.at];
  kept.push_back({key, in.from.at, in.index, in.block, streams_->hold()});
  if (kept.size() > settings_->tuning.max_held_events)
    let_kept_go(g, in.now);
}

/// The lead has shown the event, so nobody waits for the shadow's copy.
void partition::let_shown_go(const scope_state& g, event_key key) {
  auto found = kept_.find(g.at);
  if (found == kept_.end())
    return;
  keyed_doubles_ += std::erase_if(found->second, [&](const kept_event& x) {
    if (x.key != key)
      return false;
    streams_->release(x.hold, out_->open_batch());
    return true;
  });
  if (found->second.empty())
    kept_.erase(found);
}

void partition::let_kept_go(scope_state& g, monotonic now) {
  auto found = kept_.extract(g.at);
  if (!found)
    return;
  for (auto& x : found.mapped()) {
    deliver_keyed(g, x.key, *x.block, x.index, now);
    streams_->release(x.hold, out_->open_batch());
  }
}

void partition::look_at_kept(monotonic now) {
  std::vector<scope> over;
  for (auto& [x, _] : kept_)
    if (!lead_is_behind(scopes_.at(x), now))
      over.push_back(x);
  for (auto& x : over)
    let_kept_go(scopes_.at(x), now);
}

/// Newest received outside the guild lane, as far as it needs not be sent again after a crash.
std::uint64_t partition::other_s(const scope_state& g, side at) const {
  auto result = g.of(at).other_s;
  auto found = kept_.empty() ? kept_.end() : kept_.find(g.at);
  if (found == kept_.end())
    return result;
  for (auto& x : found->second)
    if (x.from == at)
      result = std::min(result, x.block->entries[x.index].s - 1);
  return result;
}

} // namespace shardyard
