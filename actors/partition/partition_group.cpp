#include "actors/partition/partition_group.hpp"

#include "messages/discord_event.hpp"
#include "messages/prefetch.hpp"

#include <algorithm>
#include <utility>

namespace shardyard {

namespace {

constexpr monotonic longest_way =
    std::chrono::seconds(2); ///< of a mark from its shard to here, resent as TCP does

// A mark waits where it was made for a group that nobody has, and takes its time to come here: a session may
// have shown what others delivered meanwhile. Not before the first moment of the clock, which stands for
// "known from an earlier run".
monotonic began(const source_mark& mark, monotonic now) {
  return mark.began_ns == 0 ? monotonic{1}
                            : std::clamp(monotonic{mark.began_ns} - longest_way, monotonic{1}, now);
}

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
    if (i % prefetched_events == 0)
      prefetch(std::span{block->entries}.subspan(i));
    auto guild = block->entries[i].guild;
    auto home = by_id_[guild == 0 ? 0 : partition_of(guild, settings_.partition_count)];
    if (home) {
      home->event(from, block, i, now, next_[i % prefetched_events]);
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

/// What the next events are going to touch. Each loop reads what the one before it has asked for.
void partition_group::prefetch(std::span<const event_entry> entries) {
  next_.fill(nullptr);
  if (entries.size() < worth_prefetching)
    return;
  auto size = std::min(entries.size(), next_.size());
  for (std::size_t i = 0; i < size; ++i)
    if (auto guild = entries[i].guild)
      if (auto* home = by_id_[partition_of(guild, settings_.partition_count)])
        next_[i] = home->find(guild);
  auto each_cached = [&](auto f) {
    for (std::size_t i = 0; i < size; ++i)
      if (next_[i] && next_[i]->cache)
        f(*next_[i]->cache, entries[i]);
  };
  for (auto* state : next_)
    if (state)
      shardyard::prefetch(state, sizeof *state);
  each_cached([](const guild_cache& x, auto&) { x.prefetch(); });
  each_cached([](const guild_cache& x, auto&) { x.prefetch_index(); });
  each_cached([](const guild_cache& x, const event_entry& e) {
    if (e.type == discord_event::message_create)
      x.prefetch_channel(e.channel);
  });
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
  auto& x = sources_.add(mark.from, began(mark, now));
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

// -- time -----------------------------------------------------------

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

void partition_group::set_self(snowflake user) {
  if (user == 0)
    return;
  if (settings_.cache)
    settings_.cache->self = user;
  for (auto& x : partitions_)
    x->set_self(user);
}

} // namespace shardyard
