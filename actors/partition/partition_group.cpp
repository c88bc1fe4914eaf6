#include "actors/partition/partition_group.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace shardyard {

namespace {

constexpr int longest_drain = 4; ///< times `quiet`: until a drain is answered, whatever is still open
constexpr monotonic drain_look = std::chrono::milliseconds(50);

} // namespace

partition_group::partition_group(partition_settings settings, recovered_state recovered, monotonic now)
    : settings_(std::move(settings)) {
  by_id_.resize(settings_.partition_count);
  for (auto id : settings_.partitions) {
    if (id >= by_id_.size() || by_id_[id])
      continue;
    partitions_.push_back(std::make_unique<partition>(id, settings_, sources_, out_, streams_, desk_));
    by_id_[id] = partitions_.back().get();
  }
  recovered.settle();
  for (auto& [_, x] : recovered.sessions)
    sources_.restore(x.number, x.at, x.from, x.stray_s, x.closed);
  auto restore = [&](const scope& at, auto&&... x) {
    if (auto home = partition_at(at))
      home->restore(x...);
  };
  for (auto& [at, x] : recovered.positions)
    restore(at, x);
  for (auto& [guild, steps] : recovered.caches)
    if (settings_.cache)
      restore(scope{scope_kind::guild, guild}, steps);
  for (auto& x : recovered.keys)
    restore(x.at, x, now);
  for (auto& [_, x] : recovered.outages)
    if (recovered.sessions.contains(x.session))
      restore(x.at, x);
  for (auto& [_, x] : recovered.cuts)
    restore(x.at, x, now);
  for (auto& x : partitions_)
    x->restored(now);
  look_ahead(now);
}

partition* partition_group::partition_at(const scope& x) const {
  auto id = x.kind == scope_kind::guild   ? partition_of(x.id, settings_.partition_count)
            : x.kind == scope_kind::other ? static_cast<std::uint32_t>(x.id)
                                          : 0u;
  return id < by_id_.size() ? by_id_[id] : nullptr;
}

// -- stream -------------------------------------------------------------------

bool partition_group::has_place(const shard_key& shard) {
  if (sources_.assign(shard) != nullptr)
    return true;
  ++refused_;
  return false;
}

void partition_group::finish_item(std::uint64_t events_before) {
  // What follows a cut may be acknowledged as disposable only when the cut itself cannot be undone by a crash
  // any more.
  auto gate = out_.events() != events_before ? out_.open_batch() : 0;
  gate = std::max(gate, out_.take_item_tie());
  streams_.finish(std::max(gate, out_.last_cut()));
}

bool partition_group::on_block(std::uint64_t ordinal, const std::shared_ptr<const event_block>& block,
                               monotonic now) {
  auto& shard = block->from.shard;
  auto verdict = streams_.judge(shard, ordinal);
  if (verdict == stream_ledger::verdict::repeated)
    return true;
  if (verdict == stream_ledger::verdict::jump || !has_place(shard))
    return false;
  streams_.begin(shard);
  auto before = out_.events();
  auto& from = source_of(block->from, now);
  from.view.newest_ms = std::max(from.view.newest_ms, block->newest_ms);
  for (std::uint32_t i = 0; i < block->entries.size(); ++i) {
    auto guild = block->entries[i].guild;
    auto home = by_id_[guild == 0 ? 0 : partition_of(guild, settings_.partition_count)];
    if (home) {
      home->event(from, block, i, now);
      if (soonest_ > now)
        soonest_ = std::min(soonest_, home->next_tick(now));
      continue;
    }
    ++misrouted_;
    streams_.withhold();
  }
  finish_item(before);
  if (desk_.next_look() <= now)
    consult_desk(now);
  return true;
}

bool partition_group::on_mark(std::uint64_t ordinal, const source_mark& mark, monotonic now) {
  auto& shard = mark.from.shard;
  auto begins = mark.kind == mark_kind::resynced || mark.kind == mark_kind::started;
  auto anew = ordinal == 1 && begins && (mark.kind == mark_kind::resynced || !sources_.find(mark.from));
  auto verdict = anew ? stream_ledger::verdict::next : streams_.judge(shard, ordinal);
  if (verdict == stream_ledger::verdict::repeated)
    return true;
  if (verdict == stream_ledger::verdict::jump || (begins && !has_place(shard)))
    return false;
  if (anew)
    streams_.restart(shard, out_.settled() ? 0 : out_.open_batch());
  else
    streams_.begin(shard);
  auto before = out_.events();
  apply(mark, now);
  finish_item(before);
  consult_desk(now);
  look_ahead(now);
  return true;
}

// -- sessions -----------------------------------------------------------------

/// Strays that wait are not behind it yet.
logged_session partition_group::row_of(const source& x) const {
  auto through = x.stray_s;
  for (auto& home : partitions_)
    through = home->strays_through(x.number, through);
  return {x.number, x.at, x.from, through, x.closed};
}

void partition_group::log_session(const source& x) {
  write_record(out_.log(), row_of(x));
}

// Events of a session that was never announced begin it: the shard knows better than our log.
source& partition_group::source_of(const event_source& from, monotonic now) {
  if (auto known = sources_.find(from))
    return *known;
  source_mark mark;
  mark.from = from;
  return begin_session(mark, now);
}

source& partition_group::begin_session(const source_mark& mark, monotonic now) {
  if (auto slot = sources_.slot(mark.from.shard); slot && slot->current)
    end_session(*slot->current, "session replaced", now);
  auto& x = sources_.add(mark.from, now);
  x.past_snapshot = !settings_.guilds_intent;
  log_session(x);
  return x;
}

void partition_group::end_session(source& x, std::string_view why, monotonic now) {
  sources_.lose(x);
  for (auto& one : partitions_)
    one->session_lost(x, why, now);
}

void partition_group::started(const source_mark& mark, monotonic now) {
  auto newest = mark.newest_ms;
  for (auto& x : sources_.all())
    newest = std::max(newest, x.view.newest_ms);
  auto known = sources_.find(mark.from);
  auto& x = known && !known->gone ? *known : begin_session(mark, now);
  x.newest_before = newest;
  open_guilds(x, mark, false, now);
}

// The stream begins anew because this group or the shard's host restarted. If the log knows an older session
// of the shard, what it still had to say follows, and then the start of this one.
void partition_group::resynced(const source_mark& mark, monotonic now) {
  auto slot = sources_.slot(mark.from.shard);
  auto current = slot ? slot->current : nullptr;
  if (current && current->from != mark.from && current->started == monotonic{0})
    return;
  auto known = sources_.find(mark.from);
  auto& x = known && !known->gone ? *known : begin_session(mark, now);
  x.past_snapshot = true;
  open_guilds(x, mark, true, now);
}

void partition_group::open_guilds(source& x, const source_mark& mark, bool resynced, monotonic now) {
  x.view.connected = mark.connected;
  x.connected_at = now;
  x.view.newest_ms = std::max(x.view.newest_ms, mark.newest_ms);
  x.ready = mark.guilds;
  std::ranges::sort(x.ready);
  std::vector<std::vector<snowflake>> split(by_id_.size());
  for (auto guild : x.ready)
    split[partition_of(guild, settings_.partition_count)].push_back(guild);
  for (auto& one : partitions_)
    one->session_opened(x, split[one->id()], mark.s, resynced, now);
}

void partition_group::apply(const source_mark& mark, monotonic now) {
  auto x = sources_.find(mark.from);
  if (x)
    x->view.newest_ms = std::max(x->view.newest_ms, mark.newest_ms);
  switch (mark.kind) {
  case mark_kind::started:
    return started(mark, now);
  case mark_kind::resynced:
    return resynced(mark, now);
  case mark_kind::connected:
  case mark_kind::disconnected:
    if (x && !x->gone) {
      x->view.connected = mark.kind == mark_kind::connected;
      x->connected_at = now;
    }
    return;
  case mark_kind::lost:
    if (x && !x->gone)
      end_session(*x, mark.reason.empty() ? "session lost" : mark.reason, now);
    return;
  case mark_kind::flushed:
    if (x && !x->gone) {
      x->view.flushed_s = std::max(x->view.flushed_s, mark.s);
      x->view.flushed_at = std::exchange(x->heartbeat_answered, now);
      x->caught_up = x->caught_up || x->view.flushed_at > x->connected_at;
    }
    return;
  case mark_kind::transfer:
  case mark_kind::retract:
  case mark_kind::drain:
  case mark_kind::closed:
    return plan_mark(mark, now);
  }
}

// -- plan ---------------------------------------------------------------------

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

// -- time and state -----------------------------------------------------------

void partition_group::tick(monotonic now) {
  for (auto& x : partitions_)
    x->tick(now);
  let_voice_go(now);
  if (desk_.next_look() <= now)
    consult_desk(now);
  look_ahead(now);
  if (!drains_.empty())
    answer_drains(now);
}

void partition_group::look_ahead(monotonic now) {
  soonest_ = std::min(now + std::chrono::hours(1), desk_.next_look());
  for (auto& x : partitions_)
    soonest_ = std::min(soonest_, x->next_tick(now));
}

void partition_group::checkpoint(monotonic now, bool force) {
  for (auto [number, s] : out_.take_strays()) {
    auto& x = sources_.numbered(number);
    write_record(out_.log(), logged_session{x.number, x.at, x.from, s, x.closed});
  }
  out_.checkpoint(now, force);
}

std::optional<recovered_state> partition_group::state_without_caches() const {
  if (!out_.settled())
    return std::nullopt;
  recovered_state state;
  for (auto& x : partitions_)
    x->snapshot(state);
  std::vector<bool> used(sources_.all().size() + 1);
  for (auto& [_, x] : state.positions)
    for (auto& from : x.sides)
      used[from.session] = true;
  for (auto& x : sources_.all())
    if (!x.gone || used[x.number])
      state.sessions[x.number] = row_of(x);
  return state;
}

std::optional<std::string> partition_group::snapshot() const {
  auto state = state_without_caches();
  if (!state)
    return std::nullopt;
  auto result = state->encode();
  std::vector<snowflake> guilds;
  for (auto& x : partitions_)
    x->list_caches(guilds);
  for (auto guild : guilds)
    partition_at({scope_kind::guild, guild})->write_cache(guild, result);
  return result;
}

std::optional<std::string> partition_group::begin_compaction() {
  auto state = state_without_caches();
  if (!state)
    return std::nullopt;
  compaction_.emplace();
  for (auto& x : partitions_)
    x->list_caches(compaction_->guilds);
  return state->encode();
}

std::string partition_group::next_piece(std::size_t bytes) {
  std::string result;
  while (compaction_ && !compaction_->guilds.empty() && result.size() < bytes) {
    auto guild = compaction_->guilds.back();
    compaction_->guilds.pop_back();
    partition_at({scope_kind::guild, guild})->write_cache(guild, result);
    // A cache beyond its guild's logged position would be dropped at a recovery.
    compaction_->needs = out_.last_put();
  }
  return result;
}

bool partition_group::compaction_whole() const {
  return compaction_ && compaction_->guilds.empty() && out_.accepted() >= compaction_->needs;
}

void partition_group::set_self(snowflake user) {
  if (user == 0)
    return;
  if (settings_.cache)
    settings_.cache->self = user;
  for (auto& x : partitions_)
    x->set_self(user);
}

/// Whether each shard of some topology has been READY, in this or an earlier life: before that, guilds are
/// missing that nobody has named yet.
bool partition_group::knows_all_shards() const {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::set<std::uint32_t>> seen; // by topology and count
  for (auto& x : sources_.all())
    if (x.from.shard.count != 0)
      seen[{x.from.shard.topology, x.from.shard.count}].insert(x.from.shard.id);
  return std::ranges::any_of(seen, [](auto& x) { return x.second.size() == x.first.second; });
}

guild_list partition_group::guilds(const guild_list_request& x) const {
  guild_list result{.group = settings_.group, .complete = knows_all_shards()};
  for (auto& one : partitions_)
    one->list(x.which, result.guilds);
  // Named by READY, and their GUILD_CREATE is still to come.
  std::set<snowflake> known(result.guilds.begin(), result.guilds.end());
  for (auto& from : sources_.all())
    for (auto guild : from.ready)
      if (!from.gone && x.which.sees(guild) && !has_left(guild) && known.insert(guild).second)
        result.guilds.push_back(guild);
  return result;
}

bool partition_group::has_left(snowflake guild) const {
  auto* home = by_id_[partition_of(guild, settings_.partition_count)];
  return !home || home->has_left(guild);
}

snapshot_answer partition_group::describe(const snapshot_request& x) const {
  snapshot_answer result{settings_.group, {}, {}};
  result.guilds.reserve(x.guilds.size());
  for (auto guild : x.guilds) {
    auto home = partition_at({scope_kind::guild, guild});
    result.guilds.push_back(home ? home->describe(guild, {x.intents, x.large_threshold}, result.bytes)
                                 : guild_snapshot{.guild = guild});
  }
  return result;
}

group_report partition_group::report(monotonic now) const {
  group_report result;
  result.node = settings_.node;
  for (auto& [shard, slot] : sources_.slots())
    result.shards.push_back({.shard = shard,
                             .plan = slot->plan,
                             .transferred = slot->transferred || slot->retracted,
                             .cuts = slot->cuts,
                             .longest_wait = slot->longest_wait});
  for (auto& x : result.shards) {
    auto skew = sources_.skew_of(x.shard, settings_.tuning);
    x.follower_lagging = x.transferred && skew.lagging != 0;
    x.follower_p99 = x.transferred ? skew.p99 : monotonic{0};
  }
  for (auto& x : partitions_)
    x->report(result, now);
  result.voice_rejoined = desk_.figures().voice_rejoined;
  result.misrouted = misrouted_;
  result.stale_marks = stale_marks_;
  result.refused = refused_;
  return result;
}

} // namespace shardyard
