// What a partition remembers of its guilds: filled by the lead's snapshots, kept current by what is
// delivered, written to the log before the delivery goes out.
#include "actors/partition/partition.hpp"
#include "messages/discord_event.hpp"

namespace shardyard {
namespace {

// An event that no session has sent. It stands where `like` stood.
event_block made_event(const event_block& like, const event_entry& at, event_type_id type, std::string d) {
  event_block block;
  block.from = like.from;
  block.received_ns = like.received_ns;
  block.newest_ms = like.newest_ms;
  auto name = type_of(type).name;
  event_entry e;
  e.guild = at.guild;
  e.s = at.s;
  e.d_size = static_cast<std::uint32_t>(d.size());
  e.t_offset = e.d_size;
  e.t_size = static_cast<std::uint16_t>(name.size());
  e.type = type;
  e.lane = type_of(type).lane;
  d += name;
  block.bytes = std::make_shared<const std::string>(std::move(d));
  block.entries.push_back(e);
  return block;
}

} // namespace

/// Presences come back by themselves, and are too many for the log.
void partition::follow(scope_state& g, const event_block& block, std::uint32_t index) {
  auto& e = block.entries[index];
  if (e.type == discord_event::guild_create || e.type == discord_event::guild_delete)
    return; // a new state, or none: see take_snapshot and drop_cache
  if (e.type == discord_event::message_create && e.key != 0 && e.channel != 0) {
    g.cache->posted(e.channel, e.key, *settings_->cache);
    return;
  }
  auto d = block.data(e);
  if (g.cache->apply(e.type, d, *settings_->cache) && e.type != discord_event::presence_update)
    write_cache_step(out_->log(), g.at.id, g.n, cache_step::event, e.type, d);
}

/// A GUILD_CREATE of the lead, or the first one at all. What a session saw change before this one is nobody's
/// event: bots are told the difference, as ordinary events, or the guild itself when nothing was remembered.
void partition::take_snapshot(scope_state& g, const arrival& in, bool join) {
  auto& e = in.entry();
  // What is held came before it and will still be applied; a RESUME or a restart may show it a second time,
  // when what followed it is applied already.
  if (!join && (g.handover.holding() || e.s < g.of(in.from.at).lane_s))
    return;
  guild_cache newer;
  if (!newer.replace(in.block->data(e), *settings_->cache))
    return; // what nobody can read is no snapshot: the guild stays as it was, or uncached
  if (!join && g.cache)
    tell_difference(g, in, newer);
  else if (!join && g.known)
    deliver(g, *in.block, in.index, snapshot_flag);
  keep_cache(g, std::move(newer));
}

void partition::tell_difference(scope_state& g, const arrival& in, const guild_cache& newer) {
  for (auto& x : g.cache->difference(newer, g.at.id))
    deliver(g, made_event(*in.block, in.entry(), x.type, std::move(x.d)), 0, snapshot_flag);
}

void partition::keep_cache(scope_state& g, guild_cache x) {
  g.cache = std::move(x);
  std::string bytes;
  g.cache->save(bytes);
  write_cache_step(out_->log(), g.at.id, g.n, cache_step::whole, unknown_event, bytes);
  out_->tie_item();
}

void partition::drop_cache(scope_state& g) {
  if (!g.cache)
    return;
  g.cache.reset();
  write_cache_step(out_->log(), g.at.id, g.n, cache_step::dropped, unknown_event, {});
  out_->tie_item();
}

/// A new session's READY does not list the guild: the bot has left it while nobody looked.
void partition::leave_untold(scope_state& g, const source& from, std::uint64_t s) {
  event_block like;
  like.from = from.from;
  event_entry at;
  at.guild = g.at.id;
  at.s = s;
  deliver(g,
          made_event(like, at, discord_event::guild_delete, "{\"id\":\"" + std::to_string(g.at.id) + "\"}"),
          0, snapshot_flag);
  drop_cache(g);
}

// -- what is asked -----------------------------------------------------------------

/// Every session that covers the guild says that it is not available.
bool partition::away(const scope_state& g) const {
  auto out = false;
  for (auto one : {side::first, side::second}) {
    auto i = static_cast<std::size_t>(one);
    if (g.handover.covered(one) && !g.outage[i])
      return false;
    out = out || g.outage[i];
  }
  return out;
}

bool partition::has_left(snowflake guild) const {
  auto found = scopes_.find({scope_kind::guild, guild});
  return found != scopes_.end() && found->second.left;
}

void partition::list(const guild_filter& which, std::vector<snowflake>& guilds) const {
  for (auto& [at, g] : scopes_)
    if (at.kind == scope_kind::guild && g.known && !g.left && which.sees(at.id))
      guilds.push_back(at.id);
}

guild_snapshot partition::describe(snowflake guild, const guild_view& view, std::string& bytes) const {
  guild_snapshot row{.guild = guild};
  const guild_cache* cache = nullptr;
  if (auto found = scopes_.find({scope_kind::guild, guild}); found != scopes_.end()) {
    auto& g = found->second;
    row.n = g.n;
    row.gone = g.left;
    if (!away(g) && !g.left && g.cache)
      cache = &*g.cache;
  }
  auto before = bytes.size();
  if (cache && !cache->empty())
    cache->write_guild_create(bytes, guild, view, *settings_->cache);
  row.size = static_cast<std::uint32_t>(bytes.size() - before);
  return row;
}

// -- what outlives a run -----------------------------------------------------------

void partition::restore(const std::vector<logged_cache>& steps) {
  std::optional<guild_cache> cache;
  for (auto& x : steps) {
    if (x.step == cache_step::whole) {
      auto loaded = guild_cache::load(x.bytes);
      if (!loaded)
        return; // of another build: as if no snapshot had come
      cache = std::move(loaded);
    } else if (cache) {
      cache->apply(x.type, x.bytes, *settings_->cache);
    }
  }
  // A guild without position was shown by a follower alone; its lead will show it, too.
  auto found = steps.empty() ? scopes_.end() : scopes_.find({scope_kind::guild, steps.front().guild});
  if (found != scopes_.end())
    found->second.cache = std::move(cache);
}

} // namespace shardyard
