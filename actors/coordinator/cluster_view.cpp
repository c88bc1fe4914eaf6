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
  if (x.card.incarnation != card.incarnation) {
    forget_shards(x);
    forget_rows(card.name);
    x.picture = {};
  }
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
  auto& [name, from] = *found;
  auto same_shards =
      std::ranges::equal(from.picture.shards, report.shards, {}, &shard_status::shard, &shard_status::shard);
  if (!same_shards)
    forget_shards(from);
  auto& picture = from.picture;
  picture.plan = report.plan;
  picture.cluster_epoch = report.cluster_epoch;
  picture.incarnation = report.incarnation;
  picture.node = report.node;
  picture.shards = report.shards;
  picture.figures = report.figures;
  picture.groups = report.groups;
  picture.copies = report.copies;
  from.reported = true;
  if (!same_shards)
    index_shards(from);
  for (auto newest = newest_topology(report); auto& [group, rows] : rows_)
    std::erase_if(rows.by_topology, [newest](auto& x) { return x.first + 2 < newest; });
  forget_rows(name);
  group_rows* rows = nullptr;
  std::uint32_t of_group = 0;
  for (auto& row : report.handovers) {
    if (!rows || of_group != row.group) {
      auto group = std::ranges::find(report.groups, row.group, &group_status::id);
      if (group == report.groups.end())
        continue;
      rows = &rows_[{row.group, group->epoch}];
      rows->node = name;
      of_group = row.group;
    }
    keep(*rows, row);
  }
  for (auto& shard : report.shards)
    if (shard.phase == shard_phase::closed)
      closed_[shard.shard] = shard.closed_plan;
}

const handover_report* cluster_view::group_rows::present(const shard_key& shard) const {
  return present_in(of_topology(shard.topology), shard);
}

const std::vector<cluster_view::kept_row>* cluster_view::group_rows::of_topology(std::uint32_t id) const {
  auto found = by_topology.find(id);
  return found == by_topology.end() ? nullptr : &found->second;
}

const handover_report* cluster_view::group_rows::present_in(const std::vector<kept_row>* shards,
                                                            const shard_key& shard) const {
  if (!shards || shard.id >= shards->size())
    return nullptr;
  auto& x = (*shards)[shard.id];
  return x.told == reports && x.row.shard == shard ? &x.row : nullptr;
}

/// What a group told stays as history only.
void cluster_view::forget_rows(const std::string& node) {
  for (auto& [group, rows] : rows_)
    if (rows.node == node)
      ++rows.reports;
}

void cluster_view::keep(group_rows& rows, const handover_report& row) {
  if (row.shard.id >= row.shard.count || row.shard.count > max_shard_count)
    return;
  auto& shards = rows.by_topology[row.shard.topology];
  if (shards.size() <= row.shard.id)
    shards.resize(row.shard.count);
  auto& kept = shards[row.shard.id];
  auto before = std::exchange(kept.row, row);
  kept.told = rows.reports;
  kept.row.cut_anchor = std::max(row.cut_anchor, before.cut_anchor);
  kept.row.cut_quiet = std::max(row.cut_quiet, before.cut_quiet);
  kept.row.cut_accepted = std::max(row.cut_accepted, before.cut_accepted);
  kept.row.cut_swap_back = std::max(row.cut_swap_back, before.cut_swap_back);
  kept.row.traffic_wait_ms = std::max(row.traffic_wait_ms, before.traffic_wait_ms);
  kept.worst_p99_ms = std::max(kept.worst_p99_ms, row.follower_p99_ms);
  kept.lagged = kept.lagged || row.follower_lagging;
}

void cluster_view::index_shards(member& of) {
  for (std::size_t i = 0; i < of.picture.shards.size(); ++i) {
    auto& all = mentions_[of.picture.shards[i].shard];
    auto place = std::ranges::upper_bound(
        all, of.card.name, {}, [](const mention& x) -> auto& { return x.of->card.name; });
    all.insert(place, {&of, i});
  }
}

void cluster_view::forget_shards(member& of) {
  for (auto& x : of.picture.shards) {
    auto found = mentions_.find(x.shard);
    if (found == mentions_.end())
      continue;
    std::erase_if(found->second, [&of](const mention& x) { return x.of == &of; });
    if (found->second.empty())
      mentions_.erase(found);
  }
}

void cluster_view::note(const ready& x) {
  auto found = mentions_.find(x.shard);
  if (found == mentions_.end())
    return;
  for (auto& y : found->second) {
    auto& shard = y.of->picture.shards[y.at];
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
  if (auto found = mentions_.find(shard); found != mentions_.end())
    for (auto& x : found->second)
      if (x.of->up && status_at(x).phase != shard_phase::closed)
        return x.of->card.name;
  return {};
}

std::vector<std::string> cluster_view::hosts_of(const shard_key& shard) const {
  std::vector<std::string> result;
  if (auto found = mentions_.find(shard); found != mentions_.end())
    for (auto& x : found->second)
      if (x.of->up && status_at(x).phase != shard_phase::closed)
        result.push_back(x.of->card.name);
  return result;
}

void cluster_view::gone(const std::string& node, const shard_key& shard) {
  auto found = members_.find(node);
  if (found == members_.end())
    return;
  forget_shards(found->second);
  std::erase_if(found->second.picture.shards, [&](auto& x) { return x.shard == shard; });
  index_shards(found->second);
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
  if (auto found = mentions_.find(shard); found != mentions_.end())
    for (auto& x : found->second) {
      last_known = &status_at(x);
      if (x.of->up)
        break;
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
                                 const std::vector<told_group>& groups, const std::string& placed) const {
  shard_view result;
  auto runs = !host_of(shard).empty();
  if (auto* status = status_of(shard)) {
    result.running = runs;
    result.ready = status->was_ready && result.running;
    result.guilds = status->guilds;
    if (status->phase == shard_phase::stopped)
      result.fatal = status->text;
  }
  auto closed = closed_.find(shard);
  result.closed = closed != closed_.end() && closed->second == plan.id && !runs;
  if (!result.running && shard.topology == plan.to.id) {
    auto host = members_.find(placed);
    result.closed = placed.empty() || (host != members_.end() && host->second.up && host->second.reported);
  }
  std::uint64_t led = 0;
  bool all = !groups.empty(), marked = !groups.empty();
  auto old = shard.topology == plan.from.id;
  for (auto& [group, old_rows, new_rows] : groups) {
    if (!group) {
      all = marked = false;
      continue;
    }
    auto* row = group->present_in(old ? old_rows : new_rows, shard);
    if (!row) {
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
  static const group_rows nothing_told;
  std::vector<told_group> told; // null: its group does not speak of this plan yet
  for (auto& place : groups) {
    auto* group = running_group(place);
    auto rows = rows_.find({place.id, place.epoch});
    auto known = rows != rows_.end() && rows->second.node == place.node;
    auto* of = !group || group->plan != plan.id ? nullptr : known ? &rows->second : &nothing_told;
    told.push_back(
        {of, of ? of->of_topology(plan.from.id) : nullptr, of ? of->of_topology(plan.to.id) : nullptr});
  }
  plan_observations result;
  for (std::uint32_t unit = 0; unit < plan.units.size(); ++unit) {
    for (auto shards : {plan.old_shards(unit), plan.new_shards(unit)})
      for (auto& shard : shards) {
        auto place = placed.find(shard);
        result[shard] = view_of(shard, plan, told, place == placed.end() ? std::string{} : place->second);
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

template <class Use>
void cluster_view::each_row(std::uint32_t topology, Use use) const {
  for (auto& [group, rows] : rows_)
    if (auto found = rows.by_topology.find(topology); found != rows.by_topology.end())
      for (auto& x : found->second)
        if (x.told > 0)
          use(x);
}

std::array<std::uint64_t, 4> cluster_view::cuts_from(std::uint32_t topology) const {
  std::array<std::uint64_t, 4> sum{};
  each_row(topology, [&sum](const kept_row& x) {
    sum[0] += x.row.cut_anchor;
    sum[1] += x.row.cut_quiet;
    sum[2] += x.row.cut_accepted;
    sum[3] += x.row.cut_swap_back;
  });
  return sum;
}

double cluster_view::traffic_wait(std::uint32_t topology) const {
  std::uint64_t longest = 0;
  each_row(topology, [&longest](const kept_row& x) { longest = std::max(longest, x.row.traffic_wait_ms); });
  return static_cast<double>(longest) / 1000.0;
}

cluster_view::follower_skew cluster_view::skew(std::uint32_t topology) const {
  follower_skew result;
  each_row(topology, [&result](const kept_row& x) {
    result.p99_ms = std::max(result.p99_ms, x.worst_p99_ms);
    result.lagged = result.lagged || x.lagged;
  });
  return result;
}

cluster_view::shard_cuts cluster_view::cuts_of(const shard_key& shard) const {
  shard_cuts sum;
  for (auto& [group, rows] : rows_)
    if (auto* row = rows.present(shard)) {
      sum.led += row->led;
      sum.cut += row->cut_anchor + row->cut_quiet + row->cut_accepted + row->cut_swap_back;
      sum.exceptions += row->exceptions;
      sum.voice += row->voice;
      sum.follower_lagging = sum.follower_lagging || row->follower_lagging;
      sum.exception_guilds.insert(sum.exception_guilds.end(), row->exception_guilds.begin(),
                                  row->exception_guilds.end());
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
