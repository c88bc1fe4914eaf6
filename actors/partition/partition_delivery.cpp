// What a partition puts out: events with their number, control lines about cuts and gaps, records for the
// log.
#include "actors/partition/partition_port.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <iterator>

namespace shardyard {
namespace {

const event_type_id voice_state_update = find_event_type("VOICE_STATE_UPDATE");

std::string_view name_of(cut_kind x) {
  switch (x) {
  case cut_kind::anchor:
    return "anchor";
  case cut_kind::quiet:
    return "quiet";
  case cut_kind::accepted:
    return "accepted";
  case cut_kind::swap_back:
    return "swap_back";
  }
  return "";
}

boost::json::string_view text(std::string_view x) {
  return {x.data(), x.size()};
}

std::string_view name_of(quiet_reason x) {
  switch (x) {
  case quiet_reason::none:
    break;
  case quiet_reason::silent:
    return "silent";
  case quiet_reason::alike:
    return "alike";
  case quiet_reason::unclear:
    return "unclear";
  }
  return "";
}

// Lines of channels outside guilds carry the channel in `d`, since their envelope says guild 0.
void put_channel(boost::json::object& d, const scope& at) {
  if (at.kind == scope_kind::channel)
    d["channel_id"] = std::to_string(at.id);
}

// Consecutive events of one block as one block that shares its bytes.
std::vector<event_block> blocks_of(std::span<const lane_event> events) {
  std::vector<event_block> result;
  for (auto& x : events) {
    if (result.empty() || result.back().bytes != x.block->bytes || result.back().from != x.block->from) {
      auto& fresh = result.emplace_back();
      fresh.from = x.block->from;
      fresh.received_ns = x.block->received_ns;
      fresh.newest_ms = x.block->newest_ms;
      fresh.bytes = x.block->bytes;
    }
    result.back().entries.push_back(x.block->entries[x.index]);
  }
  return result;
}

} // namespace

void partition::deliver(scope_state& g, const event_block& block, std::uint32_t index, std::uint16_t flags) {
  ++g.n;
  ++delivered_;
  out_->event(block, index, g.n, g.epoch, flags);
  if (g.cache)
    follow(g, block, index);
  note_position(g);
}

void partition::deliver_lane(scope_state& g, const event_block& block, std::uint32_t index, side from,
                             bool late) {
  // A session that ended meanwhile may still have an event here (late); it must not count for the present
  // one.
  auto& e = block.entries[index];
  auto& mine = g.of(from);
  if (mine.session != 0 && sources_->numbered(mine.session).from == block.from)
    mine.delivered_s = std::max(mine.delivered_s, e.s);
  if (!gaps_.empty() && !late && gaps_.contains(g.at))
    tell_gap(g, from, block.from.session_id, e.s);
  g.last = from;
  deliver(g, block, index, late ? late_flag : 0);
  if (e.type == voice_state_update && !late)
    note_voice(g, block.data(e));
  undelayed_ += !late;
}

// Its delivery has been counted among those without delay.
void partition::note_held(monotonic delay) {
  undelayed_ -= undelayed_ > 0;
  delay_.add(delay);
  held_delay_.add(delay);
}

void partition::note_position(scope_state& g) {
  auto& x = out_->change(g.change);
  x.at = g.at;
  x.n = g.n;
  x.epoch = g.epoch;
  x.lead = g.handover.lead();
  x.last = g.last;
  x.known = g.known;
  for (std::size_t i = 0; i < 2; ++i)
    x.sides[i] = {g.sides[i].session, g.sides[i].delivered_s, other_s(g, static_cast<side>(i))};
}

void partition::note_gap(scope_state& g, std::string_view why) {
  auto& last = g.of(g.last);
  gap_border border;
  if (last.session != 0) {
    border.session_id = sources_->numbered(last.session).from.session_id;
    border.s = last.delivered_s;
  }
  border.n = g.n;
  border.why = why;
  gaps_.try_emplace(g.at, std::move(border));
}

/// The lead is lost before it has caught up with a restart of this node: what the shadow had shown before was
/// acknowledged for the lead's sake, and the lead will not show it any more.
void partition::note_blind_gap(scope_state& g, side dead) {
  auto number = g.of(dead).session;
  if (number != 0 && number == g.blind && !g.left && !sources_->numbered(number).caught_up)
    note_gap(g, "session lost before it caught up with a restart");
}

void partition::tell_gap(scope_state& g, side first_of, std::string_view session_id, std::uint64_t s) {
  auto found = gaps_.extract(g.at);
  auto& border = found.mapped();
  boost::json::object d{
      {"last", {{"session_id", text(border.session_id)}, {"s", border.s}, {"n", g.n}}},
      {"first", {{"session_id", text(session_id)}, {"s", s}}},
      {"why", text(border.why)},
  };
  put_channel(d, g.at);
  ++gap_count_;
  event_source from{sources_->shard(first_of, g.at), std::string{session_id}};
  out_->control("SHARDYARD_GAP", boost::json::serialize(d), from, g.at, g.n, g.epoch, gap_flag);
  note_position(g);
}

/// A new direct message is the first sign of its channel, so what came while no session of a shard 0 lived
/// concerns channels that have no scope to tell it by.
void partition::note_guildless_gap(const source& from, std::string_view why) {
  auto heir = sources_->slot(other(from.at), {scope_kind::other, 0});
  // A shard whose first session is still to come names none.
  if (id_ != 0 || from.from.shard.id != 0 || from.from.session_id.empty() || (heir && heir->current))
    return;
  guildless_gap_ = gap_border{from.from.session_id, guildless_s_, 0, std::string{why}};
}

void partition::tell_guildless_gap(const source& to, std::uint64_t s) {
  if (!guildless_gap_ || to.from.shard.id != 0)
    return;
  auto border = *std::exchange(guildless_gap_, std::nullopt);
  auto& g = at({scope_kind::other, 0}, to.at, monotonic{0});
  boost::json::object d{
      {"last", {{"session_id", text(border.session_id)}, {"s", border.s}, {"n", g.n}}},
      {"first", {{"session_id", text(to.from.session_id)}, {"s", s}}},
      {"why", text(border.why)},
  };
  ++gap_count_;
  out_->control("SHARDYARD_GAP", boost::json::serialize(d), to.from, g.at, g.n, g.epoch, gap_flag);
  note_position(g);
}

void partition::cut_line(scope_state& g, const cut_record& record) {
  auto to = record.to;
  auto old = sources_->shard(other(to), g.at);
  boost::json::object d{
      {"kind", text(name_of(record.kind))},
      {"weak", record.weak},
      {"from", {{"topology", old.topology}, {"shard", boost::json::array{old.id, old.count}}}},
  };
  if (record.why != quiet_reason::none)
    d["why"] = text(name_of(record.why));
  put_channel(d, g.at);
  auto session = g.of(to).session;
  event_source from{sources_->shard(to, g.at), session ? sources_->numbered(session).from.session_id : ""};
  out_->control("SHARDYARD_CUT", boost::json::serialize(d), from, g.at, g.n, g.epoch, cut_flag);
  out_->cut_made();
}

void partition::lead_changed(scope_state& g, const cut_record& record) {
  ++g.lead_changes;
  desk_->leads_changed();
  carry_voice_over(g, record);
  ++g.epoch;
  g.blind = 0;
  if (auto from = sources_->slot(other(record.to), g.at)) {
    ++from->cuts[static_cast<std::size_t>(record.kind)];
    if (g.at.kind == scope_kind::guild && from->transferred_at != monotonic{0})
      from->longest_wait = std::max(from->longest_wait, record.chance - from->transferred_at);
  }
  auto& heir = g.of(record.to);
  logged_cut cut{g.at, g.n, g.epoch, record.kind, record.weak, record.to, heir.session, heir.lane_s, {}};
  // A swap of an earlier run that no sink has seen comes again with its cause; its rest goes first.
  auto earlier = pending_cuts_.extract(g.at);
  if (earlier && earlier.mapped().to == record.to && earlier.mapped().session == cut.session)
    cut.rest = std::move(earlier.mapped().rest);
  auto earlier_blocks = cut.rest.size();
  std::ranges::move(blocks_of(record.rest), std::back_inserter(cut.rest));
  write_record(out_->log(), cut);
  cut_line(g, record);
  cut.rest.resize(earlier_blocks);
  deliver_rest(g, cut);
  heir.delivered_s = std::max(heir.delivered_s, heir.lane_s);
  level_presences(g, record.to);
}

// What a cut of an earlier run still owes: the log alone has it.
void partition::deliver_rest(scope_state& g, const logged_cut& cut) {
  auto& mine = g.of(cut.to);
  if (mine.session != cut.session)
    return;
  for (auto& block : cut.rest) {
    for (std::uint32_t i = 0; i < block.entries.size(); ++i) {
      auto s = block.entries[i].s;
      if (s <= mine.delivered_s)
        continue;
      mine.delivered_s = s;
      g.last = cut.to;
      deliver(g, block, i, 0);
    }
  }
  mine.delivered_s = std::max(mine.delivered_s, cut.through_s);
  mine.lane_s = std::max(mine.lane_s, mine.delivered_s);
}

void partition::level_presences(scope_state& g, side to) {
  if (!g.presences)
    return;
  for (auto& x : g.presences->take_differences(to))
    deliver(g, *x.block, x.index, snapshot_flag);
  forget_presences(g);
}

void partition::forget_presences(scope_state& g) {
  if (g.presences)
    presences_dropped_ += g.presences->dropped();
  g.presences.reset();
}

void partition::set_outage(scope_state& g, side at, bool on) {
  auto& mine = g.outage[static_cast<std::size_t>(at)];
  if (mine == on)
    return;
  mine = on;
  write_record(out_->log(), logged_outage{g.at, g.of(at).session, !on});
}

} // namespace shardyard
