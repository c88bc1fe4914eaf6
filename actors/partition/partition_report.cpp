// What outlives a partition, and what it tells about itself.
#include "actors/partition/partition_port.hpp"

#include <algorithm>

namespace shardyard {
namespace {

constexpr int longest_patience = 4; ///< times `quiet`

} // namespace

void partition::restore(const position& x) {
  auto& g = scopes_[x.at];
  g.at = x.at;
  g.handover = guild_handover{x.lead};
  g.n = x.n;
  g.epoch = x.epoch;
  g.last = x.last;
  g.known = x.known;
  g.left = !x.known && x.at.kind == scope_kind::guild;
  g.recovered = true;
  for (std::size_t i = 0; i < 2; ++i) {
    auto& from = x.sides[i];
    g.sides[i] = {from.session, from.lane_s, from.other_s, from.lane_s};
  }
  // What the shadow had shown and nobody compared yet is gone with the old run.
  if (g.sides[0].session != 0 && g.sides[1].session != 0) {
    ++counters_.unverifiable;
    g.blind = g.of(x.lead).session;
  }
}

void partition::restore(const logged_cut& x, monotonic) {
  auto found = scopes_.find(x.at);
  if (found == scopes_.end())
    return;
  auto& g = found->second;
  if (g.epoch < x.epoch) {
    pending_cuts_[x.at] = x;
    return;
  }
  if (auto& mine = g.of(x.to); mine.session != x.session)
    mine = {x.session, 0, 0, 0};
  deliver_rest(g, x);
}

void partition::restore(const logged_key& x, monotonic now) {
  if (x.n != 0 && x.at.kind != scope_kind::other)
    claim(x);
  else if (x.n != 0)
    claims_[x.n] = {x.key, x.repeat, {}};
  else if (x.repeat)
    repeats_.restore(x.key, now);
  else
    keyed_.insert(x.key, now);
}

void partition::restore(const logged_outage& x) {
  auto& session = sources_->numbered(x.session);
  if (session.gone)
    return;
  auto& g = at(x.at, session.at, {});
  bind(g, session);
  g.outage[static_cast<std::size_t>(session.at)] = true;
}

void partition::restored(monotonic now) {
  patient_until_ = now + longest_patience * settings_->tuning.quiet;
  std::erase_if(guild_claims_, [this](auto& x) { return !scopes_.contains(x.first); });
  for (auto& [at, g] : scopes_) {
    auto lead = g.handover.lead();
    auto session = g.of(lead).session;
    auto gone = session == 0 || sources_->numbered(session).gone;
    auto away = gone || g.outage[static_cast<std::size_t>(lead)];
    if (away && !g.left && at.kind != scope_kind::other && (g.known || g.n > 0))
      note_gap(g, gone ? "session lost" : "guild unavailable");
  }
}

void partition::report(group_report& x, monotonic now) const {
  std::unordered_map<shard_key, shard_report*> shards;
  for (auto& y : x.shards)
    shards[y.shard] = &y;
  for (auto& [at, g] : scopes_) {
    if (at.kind != scope_kind::other)
      ++(at.kind == scope_kind::guild ? x.guilds : x.channels);
    x.uncached += settings_->cache && !g.cache && g.known && !g.left && at.kind == scope_kind::guild;
    x.overlap_bytes += g.handover.bytes();
    if (g.presences) {
      x.overlap_bytes += g.presences->bytes();
      x.presences_dropped += g.presences->dropped();
    }
    auto lead = g.handover.lead();
    for (auto one : {side::first, side::second})
      if (auto found = shards.find(sources_->shard(one, at)); found != shards.end())
        found->second->last_difference =
            std::max(found->second->last_difference, g.handover.last_difference());
    auto found = shards.find(sources_->shard(lead, at));
    if (found == shards.end() || !leads(g))
      continue;
    auto& shard = *found->second;
    ++shard.led;
    shard.voice += at.kind == scope_kind::guild && voice_.waits(at.id);
    shard.covered += g.handover.covered(other(lead));
    auto slot = sources_->slot(lead, at);
    if ((slot->transferred || slot->retracted) && now - slot->transferred_at > settings_->exceptions_after) {
      ++shard.exception_count;
      if (shard.exceptions.size() < group_report::max_exceptions)
        shard.exceptions.push_back(at.id);
    }
  }
  for (auto& [at, _] : watches_)
    x.held += scopes_.at(at).handover.held_events();
  auto delay = delay_;
  delay.add(monotonic{0}, undelayed_);
  x.delay.merge(delay);
  x.held_delay.merge(held_delay_);
  x.delivered += delivered_;
  x.replayed += replayed_;
  x.keyed_doubles += keyed_doubles_;
  x.keyed_forgotten += keyed_.forgotten_early();
  x.presences_dropped += presences_dropped_;
  x.gaps += gap_count_;
  x.breaches += breaches_;
  if (isolated_)
    x.isolated.push_back(id_);
  auto& sum = x.counters;
  sum.compared += counters_.compared;
  sum.late += counters_.late;
  sum.lead_only += counters_.lead_only;
  sum.unverifiable += counters_.unverifiable;
  sum.inversions += counters_.inversions;
  sum.holds_released += counters_.holds_released;
  sum.skipped += counters_.skipped;
}

void partition::restart_delays() {
  delay_ = held_delay_ = {};
  undelayed_ = 0;
}

// Only while everything delivered is accepted: then live positions and accepted ones are the same.
void partition::snapshot(recovered_state& x) const {
  for (auto& [at, g] : scopes_) {
    position y{at, g.n, g.epoch, g.handover.lead(), g.last, g.known, {}};
    for (std::size_t i = 0; i < 2; ++i) {
      y.sides[i] = {g.sides[i].session, g.sides[i].delivered_s, other_s(g, static_cast<side>(i))};
      if (g.outage[i])
        x.outages[{at, g.sides[i].session}] = {at, g.sides[i].session, false};
    }
    x.positions[at] = y;
  }
  for (auto& [at, cut] : pending_cuts_)
    x.cuts[{at, cut.epoch}] = cut;
  for (auto& [n, claim] : claims_)
    x.keys.push_back({{scope_kind::other, 0}, n, claim.repeat, claim.key});
  for (auto& [at, claims] : guild_claims_)
    for (auto& [n, key] : claims.numbers)
      x.keys.push_back({at, n, false, key});
  auto home = scope{scope_kind::other, id_};
  std::vector<logged_key> delivered;
  for (auto& key : keyed_.keys())
    delivered.push_back({home, 0, false, key});
  for (auto& key : repeats_.keys())
    delivered.push_back({home, 0, true, key});
  leave_waiting_out(delivered);
  x.keys.insert(x.keys.end(), delivered.begin(), delivered.end());
}

void partition::list_caches(std::vector<snowflake>& guilds) const {
  for (auto& [at, g] : scopes_)
    if (g.cache)
      guilds.push_back(at.id);
}

void partition::write_cache(snowflake guild, std::string& log) const {
  auto found = scopes_.find({scope_kind::guild, guild});
  if (found == scopes_.end() || !found->second.cache)
    return;
  std::string bytes;
  found->second.cache->save(bytes);
  write_cache_step(log, guild, found->second.n, cache_step::whole, unknown_event, bytes);
}

} // namespace shardyard
