#include "bench/scale/scale_cluster.hpp"

#include <algorithm>
#include <numeric>
#include <random>

namespace shardyard::bench {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds mark_arrives{50};
constexpr milliseconds guild_beat{1}; ///< guilds are cut at whole ones

/// Anchors come with the traffic of a guild: the last of a shard's guilds in a group is cut after 1 to 30 s.
milliseconds time_to_cut(std::uint32_t group, std::uint32_t shard, std::uint64_t seed) {
  auto mixed = (seed ^ (std::uint64_t{group} << 32) ^ shard) * 0x9E3779B97F4A7C15ull;
  return milliseconds{1000 + (mixed >> 40) % 29'000};
}

} // namespace

void scale_cluster::spread_guilds(const std::vector<std::uint32_t>& owners, std::uint32_t groups) {
  old_ = {setup_.from, std::vector(groups, std::vector<std::uint16_t>(setup_.from))};
  new_ = {setup_.to, std::vector(groups, std::vector<std::uint16_t>(setup_.to))};
  transferred_.assign(setup_.from, time{});
  std::mt19937_64 random{setup_.seed};
  for (std::uint32_t i = 0; i < setup_.guilds; ++i) {
    snowflake guild = random();
    auto group = owners[partition_of(guild, setup_.partitions)];
    ++old_.by_group[group][shard_of(guild, setup_.from)];
    ++new_.by_group[group][shard_of(guild, setup_.to)];
  }
}

std::uint32_t scale_cluster::guilds_of(const shard_key& shard) const {
  std::uint32_t sum = 0;
  for (auto& group : side_of(shard).by_group)
    sum += group[shard.id];
  return sum;
}

bool scale_cluster::transfer(const shard_key& shard, time now) {
  if (shard.topology != 1 || transferred_[shard.id] != time{})
    return false;
  transferred_[shard.id] = now + mark_arrives;
  return true;
}

std::vector<shard_key> scale_cluster::cut_with(const shard_key& old_shard) const {
  std::vector<shard_key> result{old_shard};
  auto units = std::gcd(setup_.from, setup_.to);
  if (old_shard.id < units) // see cut_from()
    for (auto id = old_shard.id; id < setup_.to; id += units)
      result.push_back({2, id, setup_.to});
  return result;
}

std::uint32_t scale_cluster::cut_from(const shard_key& shard) const {
  return shard.topology == 1 ? shard.id : shard.id % std::gcd(setup_.from, setup_.to);
}

/// The group's guilds of the shard that have changed their lead: one after the other, evenly over the time.
std::uint64_t scale_cluster::cut(std::uint32_t group, const shard_key& shard, time now) const {
  auto old_shard = cut_from(shard);
  auto since = transferred_[old_shard];
  if (since == time{} || now < since)
    return 0;
  std::uint64_t guilds = side_of(shard).by_group[group][shard.id];
  auto lasts = std::chrono::nanoseconds{time_to_cut(group, old_shard, setup_.seed)};
  return std::min(guilds, guilds * static_cast<std::uint64_t>((now - since) / guild_beat) /
                              static_cast<std::uint64_t>(lasts / guild_beat));
}

std::optional<scale_cluster::time> scale_cluster::next_change(std::uint32_t group, const shard_key& shard,
                                                              time now) const {
  auto old_shard = cut_from(shard);
  auto since = transferred_[old_shard];
  if (since == time{})
    return std::nullopt;
  if (now < since)
    return since;
  std::uint64_t guilds = side_of(shard).by_group[group][shard.id];
  auto done = cut(group, shard, now);
  if (done == guilds)
    return std::nullopt;
  auto beats = static_cast<std::uint64_t>(
      std::chrono::nanoseconds{time_to_cut(group, old_shard, setup_.seed)} / guild_beat);
  return since + guild_beat * static_cast<std::int64_t>(((done + 1) * beats + guilds - 1) / guilds);
}

handover_report scale_cluster::row(std::uint32_t group, const shard_key& shard, time now) const {
  handover_report result;
  result.shard = shard;
  result.difference_age_ms = ~std::uint64_t{0};
  std::uint64_t guilds = side_of(shard).by_group[group][shard.id];
  result.led = cut(group, shard, now);
  if (shard.topology == 1) {
    result.transferred = transferred_[shard.id] != time{} && now >= transferred_[shard.id];
    result.cut_anchor = result.led;
    result.led = guilds - result.led;
  }
  return result;
}

std::uint64_t scale_cluster::led(const shard_key& shard, time now) const {
  std::uint64_t sum = 0;
  for (std::uint32_t group = 0; group < side_of(shard).by_group.size(); ++group)
    sum += row(group, shard, now).led;
  return sum;
}

} // namespace shardyard::bench
