#include "actors/coordinator/cluster_view.hpp"

#include "actors/partition/delay_histogram.hpp"

#include <algorithm>
#include <utility>

namespace shardyard {

namespace {

std::uint32_t newest_topology(const node_report& report) {
  std::uint32_t result = 0;
  for (auto& shard : report.shards)
    result = std::max(result, shard.shard.topology);
  return result;
}

} // namespace

void cluster_view::joined(const node_card& card) {
  auto& x = members_[card.name];
  if (x.card.incarnation != card.incarnation)
    x.picture = {};
  x.card = card;
  x.up = true;
  x.reported = false;
}

void cluster_view::left(const std::string& node) {
  if (auto found = members_.find(node); found != members_.end())
    found->second.up = false;
}

void cluster_view::note(const node_report& report, std::uint64_t cluster_epoch) {
  auto found = members_.find(report.node);
  if (found == members_.end() || found->second.card.incarnation != report.incarnation ||
      report.cluster_epoch != cluster_epoch)
    return;
  found->second.picture = report;
  found->second.reported = true;
  std::erase_if(rows_, [&report](auto& x) {
    return std::get<shard_key>(x.first).topology + 2 < newest_topology(report);
  });
  for (auto& row : report.handovers) {
    auto group = std::ranges::find(report.groups, row.group, &group_status::id);
    if (group == report.groups.end())
      continue;
    auto& kept = rows_[{row.group, group->epoch, row.shard}];
    auto before = std::exchange(kept, row);
    kept.cut_anchor = std::max(kept.cut_anchor, before.cut_anchor);
    kept.cut_quiet = std::max(kept.cut_quiet, before.cut_quiet);
    kept.cut_accepted = std::max(kept.cut_accepted, before.cut_accepted);
    kept.cut_swap_back = std::max(kept.cut_swap_back, before.cut_swap_back);
    kept.traffic_wait_ms = std::max(kept.traffic_wait_ms, before.traffic_wait_ms);
    kept.follower_p99_ms = std::max(kept.follower_p99_ms, before.follower_p99_ms);
    kept.follower_lagging = kept.follower_lagging || before.follower_lagging;
  }
  for (auto& shard : report.shards)
    if (shard.phase == shard_phase::closed)
      closed_[shard.shard] = shard.closed_plan;
}

void cluster_view::note(const ready& x) {
  for (auto& [name, member] : members_)
    for (auto& shard : member.picture.shards)
      if (shard.shard == x.shard) {
        shard.was_ready = true;
        shard.guilds = x.guilds;
        shard.unavailable = x.unavailable;
      }
}

void cluster_view::note(const done& x) {
  if (x.refused_led == 0)
    closed_[x.shard] = x.plan;
}

bool cluster_view::up(const std::string& node) const {
  auto found = members_.find(node);
  return found != members_.end() && found->second.up;
}

bool cluster_view::reported(const std::string& node) const {
  auto found = members_.find(node);
  return found != members_.end() && found->second.up && found->second.reported;
}

std::string cluster_view::host_of(const shard_key& shard) const {
  for (auto& [name, member] : members_)
    if (member.up)
      for (auto& x : member.picture.shards)
        if (x.shard == shard && x.phase != shard_phase::closed)
          return name;
  return {};
}

std::vector<std::string> cluster_view::hosts_of(const shard_key& shard) const {
  std::vector<std::string> result;
  for (auto& [name, member] : members_)
    if (member.up && std::ranges::any_of(member.picture.shards, [&](auto& x) {
          return x.shard == shard && x.phase != shard_phase::closed;
        }))
      result.push_back(name);
  return result;
}

void cluster_view::gone(const std::string& node, const shard_key& shard) {
  if (auto found = members_.find(node); found != members_.end())
    std::erase_if(found->second.picture.shards, [&](auto& x) { return x.shard == shard; });
}

bool cluster_view::keeps(const std::string& node, std::uint32_t group, std::uint64_t epoch) const {
  auto found = members_.find(node);
  return found != members_.end() && found->second.up && found->second.reported &&
         std::ranges::any_of(found->second.picture.copies,
                             [&](auto& x) { return x.id == group && x.epoch == epoch; });
}

std::string cluster_view::keeper_of(std::uint32_t group, std::uint64_t epoch) const {
  const group_copy* best = nullptr;
  std::string result;
  for (auto& [name, member] : members_) {
    if (!keeps(name, group, epoch))
      continue;
    for (auto& x : member.picture.copies)
      if (x.id == group && x.epoch == epoch && (!best || x.final > best->final || x.bytes > best->bytes)) {
        best = &x;
        result = name;
      }
  }
  return result;
}

const shard_status* cluster_view::status_of(const shard_key& shard) const {
  const shard_status* last_known = nullptr;
  for (auto& [name, member] : members_)
    for (auto& x : member.picture.shards)
      if (x.shard == shard) {
        if (member.up)
          return &x;
        last_known = &x;
      }
  return last_known;
}

const group_status* cluster_view::running_group(const group_place& place) const {
  auto found = members_.find(place.node);
  if (found == members_.end() || !found->second.up || !found->second.reported)
    return nullptr;
  auto& groups = found->second.picture.groups;
  auto group = std::ranges::find(groups, place.id, &group_status::id);
  return group == groups.end() || group->epoch != place.epoch ? nullptr : &*group;
}

shard_view cluster_view::view_of(const shard_key& shard, const reshard_plan& plan,
                                 const std::vector<group_place>& groups, const std::string& placed) const {
  shard_view result;
  if (auto* status = status_of(shard)) {
    result.running = !host_of(shard).empty();
    result.ready = status->was_ready && result.running;
    result.guilds = status->guilds;
    if (status->phase == shard_phase::stopped)
      result.fatal = status->text;
  }
  auto closed = closed_.find(shard);
  result.closed = closed != closed_.end() && closed->second == plan.id && host_of(shard).empty();
  if (!result.running && shard.topology == plan.to.id) {
    auto host = members_.find(placed);
    result.closed = placed.empty() || (host != members_.end() && host->second.up && host->second.reported);
  }
  std::uint64_t led = 0;
  bool all = !groups.empty(), marked = !groups.empty();
  for (auto& place : groups) {
    auto* group = running_group(place);
    if (!group || group->plan != plan.id) {
      all = marked = false;
      continue;
    }
    auto& rows = members_.at(place.node).picture.handovers;
    auto row = std::ranges::find_if(
        rows, [&](const handover_report& x) { return x.group == place.id && x.shard == shard; });
    if (row == rows.end()) {
      marked = false;
      continue;
    }
    led += row->led;
    result.exceptions += row->exceptions;
    marked = marked && row->transferred;
    if (row->difference_age_ms != ~std::uint64_t{0}) {
      std::chrono::milliseconds age{row->difference_age_ms};
      result.difference_age = std::min(age, result.difference_age.value_or(age));
    }
  }
  if (all)
    result.led = led;
  result.transferred = marked && shard.topology == plan.from.id;
  result.retracted = marked && shard.topology == plan.to.id;
  return result;
}

plan_observations cluster_view::observe(const reshard_plan& plan, const std::vector<group_place>& groups,
                                        const std::map<shard_key, std::string>& placed) const {
  plan_observations result;
  for (std::uint32_t unit = 0; unit < plan.units.size(); ++unit) {
    for (auto shards : {plan.old_shards(unit), plan.new_shards(unit)})
      for (auto& shard : shards) {
        auto place = placed.find(shard);
        result[shard] = view_of(shard, plan, groups, place == placed.end() ? std::string{} : place->second);
      }
  }
  return result;
}

group_figures cluster_view::figures() const {
  group_figures sum;
  for (auto& [name, member] : members_)
    sum += member.picture.figures;
  return sum;
}

std::array<std::uint64_t, 4> cluster_view::cuts_from(std::uint32_t topology) const {
  std::array<std::uint64_t, 4> sum{};
  for (auto& [place, row] : rows_)
    if (row.shard.topology == topology) {
      sum[0] += row.cut_anchor;
      sum[1] += row.cut_quiet;
      sum[2] += row.cut_accepted;
      sum[3] += row.cut_swap_back;
    }
  return sum;
}

double cluster_view::traffic_wait(std::uint32_t topology) const {
  std::uint64_t longest = 0;
  for (auto& [place, row] : rows_)
    if (row.shard.topology == topology)
      longest = std::max(longest, row.traffic_wait_ms);
  return static_cast<double>(longest) / 1000.0;
}

cluster_view::follower_skew cluster_view::skew(std::uint32_t topology) const {
  follower_skew result;
  for (auto& [place, row] : rows_)
    if (row.shard.topology == topology) {
      result.p99_ms = std::max(result.p99_ms, row.follower_p99_ms);
      result.lagged = result.lagged || row.follower_lagging;
    }
  return result;
}

cluster_view::shard_cuts cluster_view::cuts_of(const shard_key& shard) const {
  shard_cuts sum;
  for (auto& [name, member] : members_)
    for (auto& row : member.picture.handovers)
      if (row.shard == shard) {
        sum.led += row.led;
        sum.cut += row.cut_anchor + row.cut_quiet + row.cut_accepted + row.cut_swap_back;
        sum.exceptions += row.exceptions;
        sum.follower_lagging = sum.follower_lagging || row.follower_lagging;
        sum.exception_guilds.insert(sum.exception_guilds.end(), row.exception_guilds.begin(),
                                    row.exception_guilds.end());
      }
  return sum;
}

std::uint64_t cluster_view::guilds_of(std::uint32_t topology) const {
  std::uint64_t sum = 0;
  for (auto& [name, member] : members_)
    for (auto& shard : member.picture.shards)
      if (shard.shard.topology == topology)
        sum += shard.guilds;
  return sum;
}

double quantile_ms(const delay_counts& x, double share) {
  auto rank = static_cast<std::uint64_t>(share * static_cast<double>(x.count));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < x.buckets.size(); ++i) {
    seen += x.buckets[i];
    if (x.count > 0 && (seen > rank || seen == x.count))
      return static_cast<double>(std::min(x.max_us, delay_histogram::upper(i))) / 1000.0;
  }
  return 0;
}

} // namespace shardyard
