// After a restart the log may trail the consumers, who then have lines already that are going to be filled
// anew and must have the same numbers. Of a guild the lead brings them in its order: keyed events of a shadow
// wait until it has, since one that went before them would take one of these numbers. Events without guild
// come from any shard in any order, so each takes the number that the log says it had.
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
  if (!claims_.empty())
    let_strays_go(now);
  std::vector<scope> over;
  for (auto& [x, _] : kept_)
    if (!lead_is_behind(scopes_.at(x), now))
      over.push_back(x);
  for (auto& x : over)
    let_kept_go(scopes_.at(x), now);
}

void partition::deliver_stray(scope_state& g, const waiting_stray& x) {
  write_record(out_->log(), logged_key{g.at, g.n + 1, x.repeat, x.key});
  out_->stray(x.session, strays_through(x.session, x.block->entries[x.index].s));
  deliver(g, *x.block, x.index, 0);
}

void partition::await_turn(waiting_stray x, monotonic now) {
  auto claim = std::ranges::find_if(claims_, [&](auto& entry) {
    auto& y = entry.second;
    return y.key == x.key && y.repeat == x.repeat && !y.stray;
  });
  if (claim == claims_.end())
    unnumbered_.push_back(std::move(x));
  else
    claim->second.stray = std::move(x);
  let_strays_go(now);
}

void partition::let_strays_go(monotonic now) {
  auto let_go = [&](const waiting_stray& x) {
    deliver_stray(scopes_.at({scope_kind::other, 0}), x);
    streams_->release(x.hold, out_->open_batch());
  };
  while (!claims_.empty() && (claims_.begin()->second.stray || now >= patient_until_)) {
    auto first = claims_.extract(claims_.begin());
    if (first.mapped().stray)
      let_go(*first.mapped().stray);
  }
  if (claims_.empty())
    for (auto& x : std::exchange(unnumbered_, {}))
      let_go(x);
}

template <class F>
void partition::each_waiting(F f) const {
  for (auto& x : unnumbered_)
    f(x);
  for (auto& [_, claim] : claims_)
    if (claim.stray)
      f(*claim.stray);
}

std::uint64_t partition::strays_through(std::uint32_t session, std::uint64_t s) const {
  each_waiting([&](const waiting_stray& x) {
    if (x.session == session)
      s = std::min(s, x.block->entries[x.index].s - 1);
  });
  return s;
}

/// Their keys are taken in when they arrive.
void partition::leave_waiting_out(std::vector<logged_key>& delivered) const {
  each_waiting([&](const waiting_stray& x) {
    auto own = std::ranges::find_if(
        delivered, [&](const logged_key& y) { return y.key == x.key && y.repeat == x.repeat; });
    if (own != delivered.end())
      delivered.erase(own);
  });
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
