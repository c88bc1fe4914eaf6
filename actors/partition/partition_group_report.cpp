// What a group tells of itself: its guilds to bots, its figures to the coordinator.
#include "actors/partition/partition_group.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace shardyard {

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
    if (result.bytes.size() >= settings_.most_described)
      break;
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
