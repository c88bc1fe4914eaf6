#include "actors/coordinator/mix_watch.hpp"

#include "messages/event_type.hpp"

#include <algorithm>
#include <cmath>

namespace shardyard {

/// Events per second that a shard of this size would bring if it were like its peers of the same topology;
/// negative: none of them brings the kind at present.
double mix_watch::peers_rate(const shard_key& shard, const row& of, event_type_id type) const {
  double rate = 0;
  std::uint64_t guilds = 0;
  for (auto at = rows_.lower_bound({shard.topology, 0, 0}); at != rows_.end(); ++at) {
    auto& [key, peer] = *at;
    if (key.topology != shard.topology)
      break;
    if (key == shard || peer.last_rate.empty())
      continue;
    rate += type < peer.last_rate.size() ? peer.last_rate[type] : 0;
    guilds += peer.guilds;
  }
  return guilds == 0 || rate == 0 ? -1 : rate / static_cast<double>(guilds) * of.guilds;
}

void mix_watch::note(const shard_mix& x) {
  auto seconds = static_cast<double>(x.window_ms) / 1000;
  if (seconds <= 0)
    return;
  auto& mine = rows_[x.shard];
  mine.guilds = x.guilds;
  mine.last_rate.assign(event_types().size(), 0);
  for (auto& count : x.counts) {
    // What concerns a session alone comes at its begin, after an outage or when a bot asks, and not at a
    // rate.
    if (count.type >= mine.last_rate.size() || type_of(count.type).lane == lane::local)
      continue;
    mine.last_rate[count.type] = count.events / seconds;
    mine.kinds[count.type];
  }
  mine.seen_for += seconds;
  auto memory = std::min(mine.seen_for, static_cast<double>(tuning_.memory.count()));
  auto share = 1 - std::exp(-seconds / memory);
  for (auto& [type, kind] : mine.kinds) {
    if (mine.last_rate[type] > 0) {
      kind.by_past = kind.by_peers = kind.seconds = 0;
      kind.rate += (mine.last_rate[type] - kind.rate) * share;
      continue;
    }
    // The past is not changed by what may be the fault, but for kinds too rare to be judged soon.
    kind.seconds += seconds;
    kind.by_past += kind.rate * seconds;
    auto peers = peers_rate(x.shard, mine, type);
    kind.by_peers += std::max(0.0, peers) * seconds;
    if (kind.by_past < 1)
      kind.rate -= kind.rate * share;
  }
}

void mix_watch::interrupted(const shard_key& shard, bool gone) {
  if (gone) {
    rows_.erase(shard);
    return;
  }
  auto found = rows_.find(shard);
  if (found == rows_.end())
    return;
  found->second.last_rate.clear();
  for (auto& [type, kind] : found->second.kinds)
    kind.by_past = kind.by_peers = kind.seconds = 0;
}

std::vector<silent_kind> mix_watch::silent() const {
  std::vector<silent_kind> result;
  for (auto& [shard, row] : rows_) {
    for (auto& [type, kind] : row.kinds) {
      auto with_peers = kind.by_past >= tuning_.enough && kind.by_peers >= tuning_.enough;
      auto alone = kind.by_peers == 0 && kind.by_past >= tuning_.enough_alone;
      if ((with_peers || alone) && kind.seconds * 1000 >= static_cast<double>(tuning_.at_least.count()))
        result.push_back(
            {shard, type, kind.by_past, std::chrono::seconds(static_cast<std::int64_t>(kind.seconds))});
    }
  }
  return result;
}

std::string to_string(const silent_kind& x) {
  auto name = x.type == unknown_event ? std::string_view{"event of an unknown kind"} : type_of(x.type).name;
  return "shard " + to_string(x.shard) + " has brought no " + std::string{name} + " for " +
         std::to_string(x.silent.count()) + " s, " + std::to_string(std::lround(x.expected)) +
         " were to be expected";
}

} // namespace shardyard
