#include "actors/partition/log_record.hpp"

#include <algorithm>

namespace shardyard {
namespace {

// A session is logged before anything of it is delivered, so a line of an unknown session is of an older log:
// it gets a number.
logged_session& session_of(recovered_state& state, const event_source& from) {
  for (auto& [number, x] : state.sessions)
    if (x.from == from)
      return x;
  auto number = state.sessions.empty() ? 1 : state.sessions.rbegin()->first + 1;
  auto at = side::first;
  for (auto& [_, x] : state.sessions)
    at = x.from.shard.topology == from.shard.topology ? x.at : other(x.at);
  return state.sessions.emplace(number, logged_session{number, at, from}).first->second;
}

bool is_stray(const delivered_line& line) {
  auto& shard = line.from.shard;
  if (line.guild == 0)
    return line.channel == 0 || shard.id != 0;
  return shard.count != 0 && shard_of(line.guild, shard.count) != shard.id;
}

scope scope_of(const delivered_line& line) {
  if (line.guild != 0)
    return {scope_kind::guild, line.guild};
  return line.channel != 0 ? scope{scope_kind::channel, line.channel} : scope{scope_kind::other, 0};
}

/// The steps that lead to the state at delivery `seen`, a whole state first; none when it is not known.
void settle_steps(std::vector<logged_cache>& steps, std::uint64_t seen) {
  std::erase_if(steps, [seen](const logged_cache& x) { return x.n > seen; });
  auto last = std::find_if(steps.rbegin(), steps.rend(), [](auto& x) { return x.step != cache_step::event; });
  if (last == steps.rend() || last->step == cache_step::dropped)
    steps.clear();
  else
    steps.erase(steps.begin(), last.base() - 1);
}

} // namespace

void recovered_state::apply_tail(const delivered_line& line) {
  auto at = scope_of(line);
  auto& session = session_of(*this, line.from);
  auto [found, fresh] = positions.try_emplace(at);
  auto& x = found->second;
  x.at = at;
  if (fresh) {
    x.lead = x.last = session.at;
    x.known = true;
  }
  if (line.epoch < x.epoch)
    return;
  x.epoch = line.epoch;
  x.n = std::max(x.n, line.n);
  if (line.control) {
    if (line.t == "SHARDYARD_CUT")
      x.lead = session.at;
    // A gap is told by the session that covers the guild again: its predecessor's end is worked off.
    if (auto& mine = x.sides[static_cast<std::size_t>(session.at)];
        line.t == "SHARDYARD_GAP" && mine.session != session.number)
      mine = {session.number, 0, 0};
    return;
  }
  x.known = line.t == "GUILD_DELETE" ? false : line.t == "GUILD_CREATE" || x.known;
  if (is_stray(line)) {
    session.stray_s = std::max(session.stray_s, line.s);
    return;
  }
  auto& mine = x.sides[static_cast<std::size_t>(session.at)];
  if (mine.session != session.number)
    mine = {session.number, 0, 0};
  auto lane = type_of(find_event_type(line.t)).lane;
  auto& s = lane == lane::anchor || lane == lane::plain ? mine.lane_s : mine.other_s;
  s = std::max(s, line.s);
  x.last = session.at;
}

void recovered_state::settle() {
  auto position_at = [this](const scope& at) {
    auto found = positions.find(at);
    return found == positions.end() ? nullptr : &found->second;
  };
  auto unseen = [&](const logged_key& x) {
    auto at = position_at(x.at);
    return x.n != 0 && (!at || at->n < x.n);
  };
  for (auto& x : keys)
    if (!unseen(x))
      x.n = 0;
  std::erase_if(cuts, [&](auto& x) {
    auto at = position_at(x.second.at);
    auto seen = at ? at->epoch : 1;
    auto& cut = x.second;
    auto redone = cut.epoch == seen + 1 && cut.kind == cut_kind::swap_back;
    return cut.epoch != seen && !redone;
  });
  for (auto& [guild, steps] : caches) {
    auto at = position_at({scope_kind::guild, guild});
    settle_steps(steps, at ? at->n : 0);
  }
  std::erase_if(caches, [](auto& x) { return x.second.empty(); });
}

std::string recovered_state::encode() const {
  std::string result;
  for (auto& [_, x] : sessions)
    write_record(result, x);
  for (auto& [_, x] : positions)
    write_record(result, x);
  for (auto& [_, x] : cuts)
    write_record(result, x);
  for (auto& x : keys)
    write_record(result, x);
  for (auto& [_, x] : outages)
    write_record(result, x);
  for (auto& [_, steps] : caches)
    for (auto& x : steps)
      write_record(result, x);
  return result;
}

} // namespace shardyard
