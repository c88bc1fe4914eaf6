#include "actors/coordinator/handover_rows.hpp"

#include "actors/coordinator/reshard_plan.hpp"

#include <algorithm>

namespace shardyard {

namespace {

std::uint32_t narrow(std::uint64_t x) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(x, ~std::uint32_t{0}));
}

} // namespace

const handover_rows::kept_row* handover_rows::group_rows::present(const shard_key& shard) const {
  auto found = by_topology.find(shard.topology);
  if (found == by_topology.end() || found->second.size() != shard.count || shard.id >= shard.count)
    return nullptr;
  auto& row = found->second[shard.id];
  return row.told == reports ? &row : nullptr;
}

void handover_rows::add(std::uint32_t topology, std::size_t id, const kept_row& row, int sign) {
  auto& sums = sums_[topology];
  if (sums.size() <= id)
    sums.resize(id + 1);
  auto& x = sums[id];
  auto by = static_cast<std::uint64_t>(std::int64_t{sign}); // unsigned sums wrap, so less is more of -1
  x.led += by * row.led;
  x.exceptions += by * row.exceptions;
  x.voice += by * row.voice;
  x.groups += static_cast<std::uint32_t>(sign);
  x.transferred += row.transferred ? static_cast<std::uint32_t>(sign) : 0;
  x.differing += row.difference_age != never ? static_cast<std::uint32_t>(sign) : 0;
}

void handover_rows::set_counted(group_rows& rows, bool counted) {
  if (rows.counted == counted)
    return;
  rows.counted = counted;
  for (auto& [topology, shards] : rows.by_topology)
    for (std::size_t id = 0; id < shards.size(); ++id)
      if (shards[id].told == rows.reports)
        add(topology, id, shards[id], counted ? 1 : -1);
}

void handover_rows::count(std::vector<counted_group> groups) {
  for (auto& [name, rows] : groups_)
    set_counted(rows, std::ranges::find(groups, counted_group{name, rows.node}) != groups.end());
  counted_ = std::move(groups);
}

void handover_rows::place(const std::vector<group_name>& groups) {
  for (auto& [name, rows] : groups_)
    rows.placed = std::ranges::find(groups, name) != groups.end();
}

void handover_rows::forget(const std::string& node) {
  for (auto& [name, rows] : groups_) {
    if (rows.node != node)
      continue;
    set_counted(rows, false);
    ++rows.reports;
    rows.exception_guilds.clear();
    rows.counted = std::ranges::find(counted_, counted_group{name, node}) != counted_.end();
  }
}

void handover_rows::write(kept_row& kept, const handover_report& row) {
  std::array now{row.cut_anchor, row.cut_quiet, row.cut_accepted, row.cut_swap_back};
  for (std::size_t i = 0; i < now.size(); ++i)
    kept.cuts[i] = std::max(kept.cuts[i], narrow(now[i]));
  kept.led = narrow(row.led);
  kept.exceptions = narrow(row.exceptions);
  kept.voice = narrow(row.voice);
  kept.difference_age =
      row.difference_age_ms == ~std::uint64_t{0} ? never : std::min(never - 1, narrow(row.difference_age_ms));
  kept.traffic_wait = std::max(kept.traffic_wait, narrow(row.traffic_wait_ms));
  kept.worst_p99 = std::max(kept.worst_p99, narrow(row.follower_p99_ms));
  kept.transferred = row.transferred;
  kept.lagging = row.follower_lagging;
  kept.lagged = kept.lagged || row.follower_lagging;
}

void handover_rows::keep(const std::string& node, const group_name& group, const handover_report& row) {
  auto& shard = row.shard;
  if (shard.id >= shard.count || shard.count > max_shard_count)
    return;
  auto [place, fresh] = groups_.try_emplace(group);
  auto& rows = place->second;
  if (fresh || rows.node != node) {
    set_counted(rows, false);
    rows.node = node;
    set_counted(rows, std::ranges::find(counted_, counted_group{group, node}) != counted_.end());
  }
  auto& shards = rows.by_topology[shard.topology];
  if (shards.empty())
    shards.resize(shard.count);
  if (shards.size() != shard.count)
    return; // a topology has one count
  auto& kept = shards[shard.id];
  if (rows.counted && kept.told == rows.reports)
    add(shard.topology, shard.id, kept, -1);
  write(kept, row);
  kept.told = rows.reports;
  if (rows.counted)
    add(shard.topology, shard.id, kept, 1);
  if (!row.exception_guilds.empty())
    rows.exception_guilds[shard] = row.exception_guilds;
  else if (!rows.exception_guilds.empty())
    rows.exception_guilds.erase(shard);
}

void handover_rows::drop(const group_name& group, const shard_key& shard) {
  auto found = groups_.find(group);
  if (found == groups_.end() || !found->second.present(shard))
    return;
  auto& rows = found->second;
  auto& kept = rows.by_topology[shard.topology][shard.id];
  if (rows.counted)
    add(shard.topology, shard.id, kept, -1);
  kept.told = rows.reports - 1;
  rows.exception_guilds.erase(shard);
}

void handover_rows::forget_before(std::uint32_t oldest) {
  auto old = [oldest](auto& x) { return x.first < oldest; };
  for (auto& [name, rows] : groups_)
    std::erase_if(rows.by_topology, old);
  std::erase_if(sums_, old);
}

handover_rows::sum handover_rows::of(const shard_key& shard) const {
  sum result;
  auto sums = sums_.find(shard.topology);
  if (sums == sums_.end() || shard.id >= sums->second.size())
    return result;
  auto& x = sums->second[shard.id];
  result.led = x.led;
  result.exceptions = x.exceptions;
  result.voice = x.voice;
  result.groups = x.groups;
  result.transferred = x.transferred;
  if (x.differing > 0) // seldom: then the youngest is looked for
    for (auto& [name, rows] : groups_)
      if (auto* row = rows.counted ? rows.present(shard) : nullptr; row && row->difference_age != never) {
        std::chrono::milliseconds age{row->difference_age};
        result.difference_age = std::min(age, result.difference_age.value_or(age));
      }
  return result;
}

handover_rows::cuts handover_rows::cuts_of(const shard_key& shard) const {
  cuts result;
  for (auto& [name, rows] : groups_) {
    auto* row = rows.present(shard);
    if (!row)
      continue;
    for (auto cut : row->cuts)
      result.cut += cut;
    if (!rows.placed)
      continue;
    result.led += row->led;
    result.exceptions += row->exceptions;
    result.voice += row->voice;
    result.follower_lagging = result.follower_lagging || row->lagging;
    if (auto guilds = rows.exception_guilds.find(shard); guilds != rows.exception_guilds.end())
      result.exception_guilds.insert(result.exception_guilds.end(), guilds->second.begin(),
                                     guilds->second.end());
  }
  return result;
}

handover_rows::summary handover_rows::summary_of(std::uint32_t topology) const {
  summary result;
  for (auto& [name, rows] : groups_) {
    auto found = rows.by_topology.find(topology);
    if (found == rows.by_topology.end())
      continue;
    for (auto& x : found->second) {
      for (std::size_t i = 0; i < x.cuts.size(); ++i)
        result.cuts[i] += x.cuts[i];
      result.traffic_wait_ms = std::max<std::uint64_t>(result.traffic_wait_ms, x.traffic_wait);
      result.follower_p99_ms = std::max<std::uint64_t>(result.follower_p99_ms, x.worst_p99);
      result.follower_lagged = result.follower_lagged || x.lagged;
    }
  }
  return result;
}

} // namespace shardyard
