// What a partition does with one event, by lane.
#include "actors/partition/partition_port.hpp"
#include "messages/discord_event.hpp"

#include <bit>

namespace shardyard {
namespace {

scope scope_of(const event_entry& e) {
  if (e.guild != 0)
    return {scope_kind::guild, e.guild};
  return e.channel != 0 ? scope{scope_kind::channel, e.channel} : scope{scope_kind::other, 0};
}

// Whether the shard is the one that carries this guild or, for channels outside guilds, shard 0 (Gateway,
// "Sharding").
bool is_own(const event_entry& e, const shard_key& shard) {
  return e.guild != 0 ? shard_of(e.guild, shard.count) == shard.id : e.channel != 0 && shard.id == 0;
}

bool in_guild_lane(lane x) {
  return x == lane::anchor || x == lane::plain;
}

lane_event as_lane_event(const event_entry& e, const std::shared_ptr<const event_block>& block,
                         std::uint32_t index) {
  return {e.lane, e.type, index, e.key, 0, e.s, block};
}

} // namespace

void partition::event(source& from, const std::shared_ptr<const event_block>& block, std::uint32_t index,
                      monotonic now, scope_state* known) {
  if (isolated_) {
    streams_->withhold();
    return;
  }
  arrival in{from, block, index, now};
  auto& e = in.entry();
  if (!is_own(e, from.from.shard))
    return stray(in);
  if (e.guild == 0 && e.lane == lane::local)
    return;
  auto& g = known ? *known : at(scope_of(e), from.at, now);
  bind(g, from);
  if (guild_claims_.empty())
    return handle(g, in);
  if (await_claimed(g, in))
    return;
  handle(g, in);
  go_on(g, now);
}

void partition::handle(scope_state& g, const arrival& in) {
  auto& e = in.entry();
  auto& mine = g.of(in.from.at);
  auto& last_s = in_guild_lane(e.lane) ? mine.lane_s : mine.other_s;
  if (e.s <= last_s) {
    ++replayed_;
    return;
  }
  last_s = e.s;
  if (e.guild == 0)
    guildless_s_ = e.s;
  switch (e.lane) {
  case lane::anchor:
  case lane::plain:
    return guild_lane(g, in);
  case lane::keyed:
    return keyed(g, in);
  case lane::state:
    return state(g, in);
  case lane::local:
    return local(g, in);
  }
}

// Events without guild and channel, and those that a session shows although their guild is another shard's:
// there is no second session to hand over to, so copies are recognised by type, key and content.
void partition::stray(const arrival& in) {
  auto& e = in.entry();
  if (e.lane == lane::local)
    return;
  if (e.s <= in.from.stray_s) {
    ++replayed_;
    return;
  }
  in.from.stray_s = e.s;
  auto& g = at(scope_of(e), in.from.at, in.now);
  auto by_id = e.lane == lane::keyed && e.key != 0;
  event_key key{e.type, by_id ? e.key : content_hash(in.block->data(e)) ^ std::rotl(e.key, 17)};
  auto fresh =
      by_id ? keyed_.insert(key, in.now) : repeats_.insert(key, in.from.number, in.from.started, in.now);
  if (!fresh) {
    ++keyed_doubles_;
    return;
  }
  waiting_stray x{key, !by_id, in.from.number, in.index, in.block, {}};
  if (claims_.empty() || g.at.kind != scope_kind::other)
    return deliver_stray(g, x);
  x.hold = streams_->hold();
  await_turn(std::move(x), in.now);
}

void partition::guild_lane(scope_state& g, const arrival& in) {
  auto from = in.from.at;
  auto& e = in.entry();
  auto lead = g.handover.lead();
  // An event proves the lead's coverage. A follower's is proven by its snapshot, which events may precede.
  if (!g.handover.covered(from) &&
      (from == lead || in.from.past_snapshot || g.at.kind == scope_kind::channel))
    open(g, from, in.from.from.session_id, e.s, in.now);
  lead = g.handover.lead();
  if (g.handover.is_alone(from)) {
    g.handover.note_alone(e.lane, e.key);
    deliver_lane(g, *in.block, in.index, from, false);
    return after_call(g, lead, in.now);
  }
  lane_port port{*this, g, in.now};
  g.handover.event(from, as_lane_event(e, in.block, in.index), sources_->views(g.at), settings_->tuning,
                   in.now, port, counters_);
  after_call(g, lead, in.now);
}

void partition::keyed(scope_state& g, const arrival& in) {
  auto& e = in.entry();
  if (e.key == 0) {
    if (in.from.at == g.handover.lead())
      deliver(g, *in.block, in.index, 0);
    return;
  }
  event_key key{e.type, e.key};
  auto shadow = in.from.at != g.handover.lead();
  if (shadow && lead_is_behind(g, in.now))
    return keep(g, key, in);
  if (shadow && !kept_.empty())
    let_kept_go(g, in.now);
  deliver_keyed(g, key, *in.block, in.index, in.now);
  if (!kept_.empty())
    let_shown_go(g, key);
}

void partition::deliver_keyed(scope_state& g, event_key key, const event_block& block, std::uint32_t index,
                              monotonic now) {
  if (!keyed_.insert(key, now)) {
    ++keyed_doubles_;
    return;
  }
  write_record(out_->log(), logged_key{g.at, g.n + 1, false, key});
  deliver(g, block, index, 0);
}

void partition::state(scope_state& g, const arrival& in) {
  auto& e = in.entry();
  if (e.type == discord_event::presence_update && overlapped(g)) {
    if (auto user = presence_user(in.block->data(e))) {
      if (!g.presences)
        g.presences = std::make_unique<presence_level>(settings_->max_presence_users);
      g.presences->seen(in.from.at, user, {in.block, in.index});
    }
  }
  if (in.from.at == g.handover.lead())
    deliver(g, *in.block, in.index, 0);
}

void partition::local(scope_state& g, const arrival& in) {
  auto type = in.entry().type;
  if (type == discord_event::guild_create)
    return guild_created(g, in);
  if (type == discord_event::guild_delete)
    return guild_deleted(g, in);
  if (type == discord_event::ready || type == discord_event::resumed || answer(g, in))
    return;
  if (in.from.at == g.handover.lead())
    deliver(g, *in.block, in.index, 0);
}

// Backfill after READY, the end of an outage, or a join (Gateway Events, "Guild Create"): only a join is
// news, and only the lead tells.
void partition::guild_created(scope_state& g, const arrival& in) {
  auto& e = in.entry();
  auto from = in.from.at;
  if (e.flags & unavailable_flag) {
    set_outage(g, from, true);
    lose(g, from, "guild unavailable", in.now);
    return;
  }
  set_outage(g, from, false);
  auto leading = from == g.handover.lead();
  auto join = leading && !g.known && (g.left || !in.from.listed(g.at.id));
  open(g, from, in.from.from.session_id, e.s, in.now);
  if (!leading) {
    // A guild that nobody has remembered yet takes what it can get.
    if (settings_->cache && !g.cache && !g.left)
      take_snapshot(g, in, false);
    return;
  }
  auto news = !g.known || g.left;
  g.known = true;
  g.left = false;
  permit(g);
  if (join)
    deliver(g, *in.block, in.index, 0);
  else if (news)
    note_position(g);
  if (settings_->cache)
    take_snapshot(g, in, join);
}

void partition::guild_deleted(scope_state& g, const arrival& in) {
  auto from = in.from.at;
  if (in.entry().flags & unavailable_flag) {
    set_outage(g, from, true);
    lose(g, from, "guild unavailable", in.now);
    return;
  }
  if (from != g.handover.lead())
    return lose(g, from, "guild left", in.now);
  if (gaps_.contains(g.at))
    tell_gap(g, from, in.from.from.session_id, in.entry().s);
  auto was_known = std::exchange(g.known, false);
  g.left = true;
  permit(g);
  if (was_known)
    deliver(g, *in.block, in.index, 0);
  drop_cache(g);
}

} // namespace shardyard
