#include "actors/partition/partition.hpp"
#include "actors/partition/partition_port.hpp"

#include <algorithm>

namespace shardyard {

partition::partition(std::uint32_t id, const partition_settings& settings, source_table& sources,
                     delivery_outbox& out, stream_ledger& streams, command_desk& desk)
    : id_(id),
      settings_(&settings),
      sources_(&sources),
      out_(&out),
      streams_(&streams),
      desk_(&desk),
      keyed_(settings.keyed_window, settings.max_keyed_ids),
      repeats_(settings.keyed_window) {}

// -- scopes -------------------------------------------------------------------

scope_state& partition::at(const scope& x, side seen, monotonic now) {
  auto [found, fresh] = scopes_.try_emplace(x);
  auto& g = found->second;
  if (!fresh)
    return g;
  g.at = x;
  g.epoch = settings_->first_epoch;
  g.handover = guild_handover{sources_->lead_of_new(x, seen)};
  g.last = g.handover.lead();
  if (x.kind != scope_kind::channel)
    return g;
  // A channel outside guilds has no snapshot: both sessions of shard 0 cover it from the start.
  g.known = true;
  open_channel(g, now);
  return g;
}

bool partition::belongs(const scope_state& x, const shard_key& shard, side) const {
  if (x.at.kind == scope_kind::guild)
    return shard_of(x.at.id, shard.count) == shard.id;
  return x.at.kind == scope_kind::channel && shard.id == 0;
}

bool partition::overlapped(const scope_state& g) const {
  return g.handover.covered(side::first) && g.handover.covered(side::second);
}

// Whether somebody has to hand the guild over before the lead's shard may be closed.
bool partition::leads(const scope_state& g) const {
  if (g.left || g.at.kind == scope_kind::other)
    return false;
  auto lead = g.handover.lead();
  return g.handover.covered(lead) || ((g.known || g.n > 0) && g.handover.covered(other(lead)));
}

void partition::bind(scope_state& g, const source& from) {
  auto& mine = g.of(from.at);
  if (mine.session == from.number)
    return;
  mine = {from.number, 0, 0, 0};
  g.outage[static_cast<std::size_t>(from.at)] = false;
}

// -- coverage -----------------------------------------------------------------

void partition::open(scope_state& g, side from, const std::string& session_id, std::uint64_t s,
                     monotonic now) {
  auto lead = g.handover.lead();
  lane_port port{*this, g, now};
  auto views = sources_->views(g.at);
  auto gap = gaps_.contains(g.at);
  if (gap)
    tell_gap(g, from, session_id, s);
  g.handover.opened(from, views, settings_->tuning, now, port, counters_);
  if (from == lead)
    g.recovered = false;
  if (gap && from != lead)
    g.handover.lost(lead, views, settings_->tuning, now, port, counters_);
  unclaimed_.erase(g.at);
  after_call(g, lead, now);
  permit(g);
}

/// A channel that nobody showed before. What is newer than all that was seen when the follower's session
/// began comes on both sessions, so its very first message may prove the cut; without this, ever new channels
/// would keep the shards of a plan open.
void partition::open_channel(scope_state& g, monotonic now) {
  auto follower = sources_->slot(other(g.handover.lead()), g.at);
  auto basis = follower && follower->current ? follower->current->newest_before : 0;
  auto views = sources_->views(g.at);
  source_view copies[2];
  for (auto one : {side::first, side::second}) {
    auto& copy = copies[static_cast<std::size_t>(one)];
    if (auto view = views.of(one))
      copy = *view;
    if (basis != 0)
      copy.newest_ms = basis;
  }
  source_views as_of_start{views.first ? &copies[0] : nullptr, views.second ? &copies[1] : nullptr};
  for (auto one : {g.handover.lead(), other(g.handover.lead())}) {
    auto slot = sources_->slot(one, g.at);
    if (!slot || !slot->current)
      continue;
    bind(g, *slot->current);
    lane_port port{*this, g, now};
    g.handover.opened(one, as_of_start, settings_->tuning, now, port, counters_);
  }
  permit(g);
  cut_silent(g, now);
}

/// Nobody has shown the channel since both sessions are connected: had it been known, this silence would have
/// cut it. Without this each new direct message would keep its unit from settling for another `quiet`.
void partition::cut_silent(scope_state& g, monotonic now) {
  monotonic since{};
  for (auto one : {side::first, side::second}) {
    auto slot = sources_->slot(one, g.at);
    if (!slot || !slot->current || !slot->current->view.connected || !g.handover.covered(one))
      return;
    since = std::max(since, slot->current->connected_at);
  }
  auto lead = g.handover.lead();
  lane_port port{*this, g, now};
  g.handover.silent_since(since, sources_->views(g.at), settings_->tuning, now, port, counters_);
  after_call(g, lead, now);
}

void partition::lose(scope_state& g, side from, std::string_view why, monotonic now) {
  auto lead = g.handover.lead();
  auto owed = (g.handover.covered(from) || g.recovered) && !g.left && (g.known || g.n > 0);
  auto restart = std::exchange(g.recovered, g.recovered && from != lead);
  lane_port port{*this, g, now};
  auto kept = g.handover.lost(from, sources_->views(g.at), settings_->tuning, now, port, counters_);
  after_call(g, lead, now);
  if (from == lead && !kept) {
    auto pending = pending_cuts_.find(g.at);
    if (restart && pending != pending_cuts_.end() && pending->second.to != lead)
      swap_to(g, other(lead), cut_kind::swap_back);
    else if (owed)
      note_gap(g, why);
  }
  if (from == lead)
    let_kept_go(g, now);
  forget_presences(g);
  if (auto number = g.of(from).session; number != 0)
    voice_.leave(g.at.id, sources_->numbered(number).from.session_id);
  permit(g);
}

void partition::permit(scope_state& g) {
  auto lead = g.handover.lead();
  auto wanted = !g.left && g.handover.covered(lead) && sources_->may_cut(g.at, lead);
  g.handover.allow_cut(voice_allows_cut(g, wanted));
}

void partition::after_call(scope_state& g, side lead_before, monotonic now) {
  auto changes = std::exchange(g.lead_changes, std::uint8_t{0});
  if (changes != 0) {
    note_position(g);
    permit(g);
  }
  // I5: the lead changes by a recorded cut only.
  if ((changes % 2 == 1) != (g.handover.lead() != lead_before))
    breach();
  watch_hold(g);
  if (changes != 0)
    let_kept_go(g, now);
}

void partition::breach() {
  ++breaches_;
  isolated_ = true;
}

// What is held keeps its stream from being acknowledged: nobody else has it.
void partition::watch_hold(scope_state& g) {
  if (g.handover.holding()) {
    if (!g.watched)
      watches_.try_emplace(g.at);
    g.watched = true;
    if (!g.held && g.handover.first_held_s() != 0) {
      g.held = true;
      watches_[g.at] = streams_->hold();
    }
    return;
  }
  if (!g.watched)
    return;
  auto found = watches_.extract(g.at);
  if (g.held)
    streams_->release(found.mapped(), out_->open_batch());
  g.watched = g.held = false;
}

// A change of lead that no comparison backs: there is nothing to compare with.
void partition::swap_to(scope_state& g, side to, cut_kind kind) {
  g.handover = guild_handover{to};
  lead_changed(g, {kind, to, false, {}});
  g.lead_changes = 0;
  note_position(g);
}

// -- marks --------------------------------------------------------------------

void partition::session_opened(const source& from, std::span<const snowflake> guilds, std::uint64_t s,
                               bool resynced, monotonic now) {
  tell_guildless_gap(from, s);
  auto begin = [&](scope_state& g, bool covered) {
    bind(g, from);
    auto leading = g.handover.lead() == from.at;
    if (g.at.kind == scope_kind::guild && leading && (!g.known || g.left)) {
      g.known = true;
      g.left = false;
      note_position(g);
    }
    if (covered && !g.outage[static_cast<std::size_t>(from.at)])
      open(g, from.at, from.from.session_id, s, now);
  };
  for (auto guild : guilds)
    begin(at({scope_kind::guild, guild}, from.at, now), resynced || !settings_->guilds_intent);
  each(from.from.shard, from.at, [&](scope_state& g) {
    if (g.at.kind == scope_kind::channel)
      return begin(g, true);
    if (resynced || g.handover.lead() != from.at || !g.known || from.listed(g.at.id))
      return;
    // Not in the new session's READY: the bot was removed while nobody covered the guild.
    if (gaps_.contains(g.at))
      tell_gap(g, from.at, from.from.session_id, s);
    g.known = false;
    g.left = true;
    settings_->cache ? leave_untold(g, from, s) : note_position(g);
  });
}

void partition::session_lost(const source& from, std::string_view why, monotonic now) {
  note_guildless_gap(from, why);
  forget_claims_behind(from, now);
  each(from.from.shard, from.at, [&](scope_state& g) {
    if (g.of(from.at).session == from.number)
      lose(g, from.at, why, now);
  });
}

void partition::permissions_changed(const shard_key& shard, side at) {
  each(shard, at, [&](scope_state& g) { permit(g); });
}

void partition::shard_closed(const shard_key& shard, side at, monotonic now) {
  each(shard, at, [&](scope_state& g) {
    forget_claims(g, now);
    auto there = other(at);
    if (g.handover.lead() == at && leads(g))
      lose(g, at, "shard closed", now);
    auto heir = sources_->shard(there, g.at).topology != 0;
    if (g.handover.lead() == at && heir)
      swap_to(g, there, cut_kind::swap_back);
    auto lead = g.handover.lead();
    g.handover.retire(at, counters_);
    lane_port port{*this, g, now};
    g.handover.tick(sources_->views(g.at), settings_->tuning, now, port, counters_);
    after_call(g, lead, now);
    let_kept_go(g, now);
    forget_presences(g);
    unclaimed_.erase(g.at);
    if (g.last == at && gaps_.contains(g.at))
      return;
    g.of(at) = {};
    g.outage[static_cast<std::size_t>(at)] = false;
  });
}

std::uint64_t partition::led_by(const shard_key& shard, side at) const {
  std::uint64_t result = 0;
  for (auto& [_, g] : scopes_)
    result += belongs(g, shard, at) && g.handover.lead() == at && leads(g);
  return result;
}

std::vector<partition::undecided_event> partition::undecided_of(const shard_key& shard, side at) const {
  std::vector<undecided_event> result;
  for (auto& [place, g] : scopes_)
    if (auto s = belongs(g, shard, at) && g.handover.lead() != at ? g.handover.undecided() : 0)
      result.push_back({place, s});
  return result;
}

bool partition::undecided(const undecided_event& x) const {
  auto found = scopes_.find(x.at);
  return found != scopes_.end() && found->second.handover.undecided() == x.s;
}

void partition::accept(const shard_key& shard, side at, bool calls, monotonic now) {
  each(shard, at, [&](scope_state& g) {
    if (!calls && g.at.kind == scope_kind::guild && voice_.waits(g.at.id))
      return;
    forget_claims(g, now);
    if (g.handover.lead() != at || !leads(g) || !sources_->may_cut(g.at, at))
      return;
    lane_port port{*this, g, now};
    g.handover.accept(settings_->tuning, now, port, counters_);
    after_call(g, at, now);
  });
}

// -- time ---------------------------------------------------------------------

void partition::tick(monotonic now) {
  if (isolated_)
    return;
  look_at_kept(now);
  look_at_claims(now);
  if (!watches_.empty()) {
    std::vector<scope> watched;
    for (auto& [x, _] : watches_)
      watched.push_back(x);
    for (auto& x : watched) {
      auto& g = scopes_.at(x);
      auto lead = g.handover.lead();
      lane_port port{*this, g, now};
      g.handover.tick(sources_->views(x), settings_->tuning, now, port, counters_);
      after_call(g, lead, now);
    }
  }
  if (!sources_->overlap() || now < next_sweep())
    return;
  swept_ = now;
  for (auto& [_, g] : scopes_)
    if (g.handover.covered(other(g.handover.lead())))
      sweep(g, now);
}

void partition::sweep(scope_state& g, monotonic now) {
  if (waits_for_claimed(g.at))
    return;
  if (g.presences) {
    g.presences->let_blocks_go();
    if (g.presences->empty())
      forget_presences(g);
  }
  auto lead = g.handover.lead();
  auto views = sources_->views(g.at);
  lane_port port{*this, g, now};
  if (g.handover.covered(lead)) {
    g.handover.tick(views, settings_->tuning, now, port, counters_);
    return after_call(g, lead, now);
  }
  // The follower shows a guild that the lead never did. Its copy may be on its way (a join); after that the
  // follower leads.
  auto since = unclaimed_.try_emplace(g.at, now).first->second;
  if (g.recovered || now - since < 2 * settings_->tuning.quiet)
    return;
  unclaimed_.erase(g.at);
  g.handover.lost(lead, views, settings_->tuning, now, port, counters_);
  g.known = g.known || g.at.kind == scope_kind::guild;
  after_call(g, lead, now);
}

monotonic partition::next_sweep() const {
  return swept_ + std::clamp<monotonic>(settings_->tuning.quiet / 8, std::chrono::milliseconds(20),
                                        std::chrono::milliseconds(500));
}

monotonic partition::next_tick(monotonic now) const {
  auto result = now + std::chrono::hours(1);
  if (isolated_)
    return result;
  if (sources_->overlap() && !scopes_.empty())
    result = next_sweep();
  if (!claims_.empty())
    result = std::min(result, patient_until_);
  for (auto& [x, _] : kept_)
    result = std::min(result, lead_is_behind(scopes_.at(x), now) ? patient_until_ : now);
  for (auto& [x, _] : guild_claims_)
    result = std::min(result, has_more_to_show(scopes_.at(x), now) ? patient_until_ : now);
  for (auto& [x, _] : watches_)
    if (auto due = scopes_.at(x).handover.hold_deadline(); due != monotonic{0})
      result = std::min(result, due);
  return result;
}

} // namespace shardyard
