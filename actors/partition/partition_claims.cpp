// After a host was lost, the copy of its log may trail what consumers have. A guild's lead brings the missing
// lines again in its own order; a keyed event between them may have come from the shadow, so it takes the
// number that the log says it had, and what had the numbers behind it waits for it.
#include "actors/partition/partition.hpp"

#include <algorithm>
#include <array>

namespace shardyard {

/// An event that was claimed twice was logged, not delivered, and logged again by a later life.
void partition::claim(const logged_key& x) {
  auto& numbers = guild_claims_[x.at].numbers;
  std::erase_if(numbers, [&](auto& entry) { return entry.second == x.key; });
  numbers[x.n] = x.key;
}

partition::waiting_event partition::waiting(const arrival& in) {
  return {&in.from, in.block, in.index, streams_->hold()};
}

/// True when the event has its turn, or waits for it. One that waits has not been received: no sequence is
/// noted.
bool partition::await_claimed(scope_state& g, const arrival& in) {
  auto found = guild_claims_.find(g.at);
  if (found == guild_claims_.end())
    return false;
  auto& x = found->second;
  auto& e = in.entry();
  auto claimed = x.numbers.end();
  if (e.lane == lane::keyed && e.key != 0)
    claimed =
        std::ranges::find(x.numbers, event_key{e.type, e.key}, [](auto& entry) { return entry.second; });
  if (claimed != x.numbers.end()) {
    if (!x.early.contains(claimed->first)) // else this is the other session's copy
      x.early.emplace(claimed->first, waiting(in));
    go_on(g, in.now);
    return true;
  }
  if (x.waiting.empty() && (x.numbers.empty() || x.numbers.begin()->first > g.n + 1))
    return false;
  x.waiting.push_back(waiting(in));
  if (x.waiting.size() > settings_->tuning.max_held_events)
    forget_claims(g, in.now);
  return true;
}

/// What may go now goes, in its order.
void partition::go_on(scope_state& g, monotonic now) {
  auto found = guild_claims_.find(g.at);
  if (found == guild_claims_.end())
    return;
  auto& x = found->second;
  while (!isolated_) {
    if (auto first = x.numbers.begin(); first != x.numbers.end() && first->first <= g.n + 1) {
      auto come = x.early.extract(first->first);
      if (!come && first->first == g.n + 1)
        return;
      x.numbers.erase(first);
      if (come)
        deliver_claimed(g, come.mapped(), now);
      continue;
    }
    if (x.waiting.empty())
      break;
    auto next = std::move(x.waiting.front());
    x.waiting.pop_front();
    auto here = streams_->turn_to(next.hold);
    handle(g, {*next.from, next.block, next.index, now});
    streams_->go_back(here);
    if (!isolated_)
      streams_->release(next.hold, out_->open_batch());
  }
  if (x.numbers.empty() && x.waiting.empty())
    guild_claims_.erase(found);
}

void partition::deliver_claimed(scope_state& g, const waiting_event& x, monotonic now) {
  auto& e = x.block->entries[x.index];
  deliver_keyed(g, {e.type, e.key}, *x.block, x.index, now);
  streams_->release(x.hold, out_->open_batch());
}

/// Those whose events have not come.
void partition::forget_claims(scope_state& g, monotonic now) {
  auto found = guild_claims_.find(g.at);
  if (found == guild_claims_.end())
    return;
  auto& x = found->second;
  std::erase_if(x.numbers, [&x](auto& entry) { return !x.early.contains(entry.first); });
  while (!x.numbers.empty()) {
    auto come = x.early.extract(x.numbers.begin()->first);
    x.numbers.erase(x.numbers.begin());
    deliver_claimed(g, come.mapped(), now);
  }
  go_on(g, now);
}

/// The session ends: what of it waits is older than its end.
void partition::forget_claims_behind(const source& from, monotonic now) {
  std::vector<scope> over;
  for (auto& [at, x] : guild_claims_) {
    auto is_its = [&from](const waiting_event& y) { return y.from->number == from.number; };
    if (std::ranges::any_of(x.waiting, is_its) ||
        std::ranges::any_of(x.early, [&](auto& entry) { return is_its(entry.second); }))
      over.push_back(at);
  }
  for (auto& at : over)
    forget_claims(scopes_.at(at), now);
}

/// A session may still send what it had sent before this run.
bool partition::has_more_to_show(const scope_state& g, monotonic now) const {
  if (now >= patient_until_)
    return false;
  return std::ranges::any_of(std::array{side::first, side::second}, [&](side at) {
    auto slot = sources_->slot(at, g.at);
    return slot && slot->current && !slot->current->caught_up;
  });
}

bool partition::waits_for_claimed(const scope& x) const {
  auto found = guild_claims_.find(x);
  return found != guild_claims_.end() && !found->second.waiting.empty();
}

void partition::look_at_claims(monotonic now) {
  std::vector<scope> over;
  for (auto& [at, _] : guild_claims_)
    if (!has_more_to_show(scopes_.at(at), now))
      over.push_back(at);
  for (auto& at : over)
    forget_claims(scopes_.at(at), now);
}

} // namespace shardyard
