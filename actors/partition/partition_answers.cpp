// What a partition does for bots that send: who leads, whom an answer is for, and guilds where the bot
// speaks, which are cut last.
#include "actors/partition/partition_port.hpp"

namespace shardyard {

std::optional<leading_session> partition::lead_of(snowflake guild) const {
  auto found = scopes_.find({scope_kind::guild, guild});
  if (isolated_ || found == scopes_.end() || !found->second.known || found->second.left)
    return std::nullopt;
  auto& g = found->second;
  auto lead = g.handover.lead();
  leading_session result{.shard = sources_->shard(lead, g.at)};
  auto slot = sources_->slot(lead, g.at);
  if (!slot || !slot->current)
    return result;
  result.number = slot->current->number;
  result.session_id = slot->current->from.session_id;
  result.connected = slot->current->view.connected && !g.outage[static_cast<std::size_t>(lead)];
  return result;
}

/// An answer is for whoever asked, whether or not its session still leads; keyed by session and sequence as
/// everything else, it is neither lost nor doubled by a replay.
bool partition::answer(scope_state& g, const arrival& in) {
  auto reading = desk_->read(in.entry().type, g.at.id, in.from.number, in.block->data(in.entry()), in.now);
  for (auto& x : reading.to)
    out_->answer(*in.block, in.index, g.n, g.epoch, x.asker, x.d);
  if (!reading.to.empty())
    note_position(g);
  if (reading.asked && g.cache)
    follow(g, *in.block, in.index);
  return reading.asked;
}

std::optional<std::string> partition::members(snowflake guild, std::span<const snowflake> users) const {
  auto found = scopes_.find({scope_kind::guild, guild});
  if (found == scopes_.end() || !found->second.cache || settings_->cache->members < member_policy::seen)
    return std::nullopt;
  std::string result;
  auto missing = found->second.cache->write_members(result, users);
  return missing.empty() ? std::optional{std::move(result)} : std::nullopt;
}

void partition::tell(const desk_answer& x) {
  auto found = scopes_.find({scope_kind::guild, x.guild});
  event_block block;
  event_entry e;
  e.guild = x.guild;
  e.type = x.type;
  e.lane = lane::local;
  e.s = ++told_;
  auto name = type_of(x.type).name;
  e.t_size = static_cast<std::uint16_t>(name.size());
  block.bytes = std::make_shared<const std::string>(name);
  block.entries = {e};
  auto known = found != scopes_.end();
  if (known)
    block.from.shard = sources_->shard(found->second.handover.lead(), found->second.at);
  out_->answer(block, 0, known ? found->second.n : 0, known ? found->second.epoch : settings_->first_epoch,
               x.asker, x.d);
}

// -- voice

/// After a restart the caches know where the bot speaks.
void partition::set_self(snowflake user) {
  if (!voice_.set_self(user))
    return;
  for (auto& [at, g] : scopes_)
    if (auto place = g.cache ? g.cache->voice_of(user) : voice_place{}; place.channel != 0) {
      voice_.sits(at.id, {place.channel, place.session_id});
      permit(g);
    }
}

/// The connection belongs to another session than the follower's, so a cut would break it, now or when the
/// old shard is closed.
bool partition::speaks(const scope_state& g) const {
  if (desk_->joining(g.at.id))
    return true;
  auto seat = voice_.seat(g.at.id);
  auto follower = g.of(other(g.handover.lead())).session;
  return seat && (follower == 0 || sources_->numbered(follower).from.session_id != seat->session_id);
}

bool partition::voice_allows_cut(const scope_state& g, bool wanted) {
  if (g.at.kind != scope_kind::guild)
    return wanted;
  if (wanted && speaks(g))
    return !voice_.must_wait(g.at.id);
  voice_.stop_waiting(g.at.id);
  return wanted;
}

void partition::note_voice(scope_state& g, std::string_view d) {
  if (!voice_.note(g.at.id, d))
    return;
  auto seat = voice_.seat(g.at.id);
  desk_->seated(g.at.id, seat ? seat->channel : 0);
  permit(g);
}

void partition::voice_asked(snowflake guild) {
  if (auto found = scopes_.find({scope_kind::guild, guild}); found != scopes_.end())
    permit(found->second);
}

/// After a cut the connection is the shadow's, whose shard is going to be closed.
void partition::carry_voice_over(const scope_state& g, const cut_record& record) {
  auto seat = g.at.kind == scope_kind::guild ? voice_.seat(g.at.id) : nullptr;
  if (!seat || record.kind == cut_kind::swap_back)
    return;
  auto heir = g.of(record.to).session;
  if (heir == 0 || sources_->numbered(heir).from.session_id != seat->session_id)
    desk_->rejoin(g.at.id, *seat);
}

void partition::count_voice_waits(std::map<std::pair<shard_key, side>, std::uint64_t>& sums) const {
  for (auto guild : voice_.waiting()) {
    auto& g = scopes_.at({scope_kind::guild, guild});
    auto lead = g.handover.lead();
    sums[{sources_->shard(lead, g.at), lead}] += leads(g);
  }
}

void partition::let_voice_go(const shard_key& shard, bool others_cut, monotonic now) {
  for (auto guild : voice_.waiting()) {
    auto& g = scopes_.at({scope_kind::guild, guild});
    if (sources_->shard(g.handover.lead(), g.at) != shard)
      continue;
    auto gone = !speaks(g);
    if (gone || voice_.let_go(guild, settings_->voice, others_cut, settings_->exceptions_after, now))
      permit(g);
  }
}

} // namespace shardyard
