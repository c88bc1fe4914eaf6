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
    rows_.forget(card.name);
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
  auto& from = found->second;
  if (auto newest = newest_topology(report); newest > 2) {
    rows_.forget_before(newest - 2);
    mentions_.forget_before(newest - 2);
    closed_.forget_before(newest - 2);
  }
  take_shards(from, report.shards);
  auto& picture = from.picture;
  auto before = std::exchange(picture.number, report.number);
  picture.plan = report.plan;
  picture.cluster_epoch = report.cluster_epoch;
  picture.incarnation = report.incarnation;
  picture.node = report.node;
  picture.figures = report.figures;
  picture.groups = report.groups;
  picture.copies = report.copies;
  from.rows_missed =
      report.rows_after != 0 && (from.rows_missed || !from.reported || report.rows_after != before);
  from.reported = true;
  if (!from.rows_missed)
    take_rows(from, report);
  for (auto& shard : from.picture.shards)
    if (shard.phase == shard_phase::closed)
      closed_[shard.shard] = shard.closed_plan;
}

void cluster_view::take_rows(member& of, const node_report& report) {
  auto& node = of.card.name;
  if (report.rows_after == 0)
    rows_.forget(node);
  auto name_of = [&report](std::uint32_t id) -> std::optional<handover_rows::group_name> {
    auto group = std::ranges::find(report.groups, id, &group_status::id);
    return group == report.groups.end() ? std::nullopt : std::optional{std::pair{id, group->epoch}};
  };
  std::optional<handover_rows::group_name> group;
  for (auto& row : report.handovers) {
    if (!group || group->first != row.group)
      group = name_of(row.group);
    if (group)
      rows_.keep(node, *group, row);
  }
  for (auto& row : report.rows_gone)
    if (auto group = name_of(row.group))
      rows_.drop(*group, row.shard);
}

/// Nearly always the same shards, or some more.
void cluster_view::take_shards(member& of, std::vector<shard_status> shards) {
  std::erase_if(shards, [this](auto& x) { return !mentions_.possible(x.shard); });
  if (!std::ranges::is_sorted(shards, {}, &shard_status::shard))
    std::ranges::sort(shards, {}, &shard_status::shard);
  auto before = std::exchange(of.picture.shards, std::move(shards));
  auto& now = of.picture.shards;
  auto old = before.begin();
  for (auto& x : now) {
    for (; old != before.end() && old->shard < x.shard; ++old)
      forget_mention(of, old->shard);
    if (old != before.end() && old->shard == x.shard)
      ++old;
    else
      add_mention(of, x.shard);
  }
  for (; old != before.end(); ++old)
    forget_mention(of, old->shard);
}

void cluster_view::add_mention(member& of, const shard_key& shard) {
  auto& all = mentions_[shard];
  auto place = std::ranges::upper_bound(
      all, of.card.name, {}, [](const mention& x) -> auto& { return x.of->card.name; });
  all.insert(place, {&of});
  if (all.size() > 1)
    shared_.insert(shard);
}

void cluster_view::forget_mention(member& of, const shard_key& shard) {
  auto* all = mentions_.find(shard);
  if (!all)
    return;
  std::erase_if(*all, [&of](const mention& x) { return x.of == &of; });
  if (all->size() < 2)
    shared_.erase(shard);
}

void cluster_view::forget_shards(member& of) {
  for (auto& x : of.picture.shards)
    forget_mention(of, x.shard);
}

const shard_status& cluster_view::status_at(const mention& x, const shard_key& shard) {
  auto& shards = x.of->picture.shards;
  if (x.at >= shards.size() || shards[x.at].shard != shard)
    x.at = static_cast<std::size_t>(std::ranges::lower_bound(shards, shard, {}, &shard_status::shard) -
                                    shards.begin());
  return shards[x.at];
}

cluster_view::whereabouts cluster_view::where(const shard_key& shard) const {
  whereabouts result;
  auto* all = mentions_.find(shard);
  if (!all)
    return result;
  auto up = false; // whoever is up knows it best
  for (auto& x : *all) {
    auto& status = status_at(x, shard);
    if (!up)
      result.status = &status;
    up = up || x.of->up;
    if (!result.host && x.of->up && status.phase != shard_phase::closed)
      result.host = x.of;
  }
  return result;
}

void cluster_view::note(const ready& x) {
  auto* all = mentions_.find(x.shard);
  if (!all)
    return;
  for (auto& y : *all) {
    status_at(y, x.shard);
    auto& shard = y.of->picture.shards[y.at];
    shard.was_ready = true;
    shard.guilds = x.guilds;
    shard.unavailable = x.unavailable;
  }
}

void cluster_view::note(const done& x) {
  if (x.refused_led == 0 && closed_.possible(x.shard))
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
  auto* host = where(shard).host;
  return host ? host->card.name : std::string{};
}

std::vector<std::string> cluster_view::hosts_of(const shard_key& shard) const {
  std::vector<std::string> result;
  if (auto* all = mentions_.find(shard))
    for (auto& x : *all)
      if (x.of->up && status_at(x, shard).phase != shard_phase::closed)
        result.push_back(x.of->card.name);
  return result;
}

void cluster_view::gone(const std::string& node, const shard_key& shard) {
  auto found = members_.find(node);
  if (found == members_.end())
    return;
  forget_mention(found->second, shard);
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
  return where(shard).status;
}

const group_status* cluster_view::running_group(const group_place& place) const {
  auto found = members_.find(place.node);
  if (found == members_.end() || !found->second.up || !found->second.reported)
    return nullptr;
  auto& groups = found->second.picture.groups;
  auto group = std::ranges::find(groups, place.id, &group_status::id);
  return group == groups.end() || group->epoch != place.epoch ? nullptr : &*group;
}

/// `counted`: groups whose rows count; `all_told`: these are all that there are.
shard_view cluster_view::view_of(const shard_key& shard, const reshard_plan& plan, std::size_t counted,
                                 bool all_told, const std::string& placed) const {
  shard_view result;
  auto [host, status] = where(shard);
  auto runs = host != nullptr;
  if (status) {
    result.running = runs;
    result.ready = status->was_ready && result.running;
    result.guilds = status->guilds;
    if (status->phase == shard_phase::stopped)
      result.fatal = status->text;
  }
  auto* closed = closed_.find(shard);
  result.closed = closed && *closed == plan.id && !runs;
  if (!result.running && shard.topology == plan.to.id) {
    auto meant = members_.find(placed);
    result.closed = placed.empty() || (meant != members_.end() && meant->second.up && meant->second.reported);
  }
  auto sum = rows_.of(shard);
  if (all_told)
    result.led = sum.led;
  result.exceptions = sum.exceptions;
  result.voice = sum.voice;
  result.difference_age = sum.difference_age;
  auto marked = all_told && counted > 0 && sum.transferred == counted;
  result.transferred = marked && shard.topology == plan.from.id;
  result.retracted = marked && shard.topology == plan.to.id;
  return result;
}

plan_observations cluster_view::observe(const reshard_plan& plan, const std::vector<group_place>& groups,
                                        const placement& new_places) {
  std::vector<handover_rows::group_name> present;
  std::vector<handover_rows::counted_group> told; // a group that does not speak of this plan yet is left out
  for (auto& place : groups) {
    present.emplace_back(place.id, place.epoch);
    auto* group = running_group(place);
    if (group && group->plan == plan.id && !members_.at(place.node).rows_missed)
      told.push_back({{place.id, place.epoch}, place.node});
  }
  auto counted = told.size();
  auto all_told = counted == groups.size() && counted > 0;
  rows_.count(std::move(told));
  rows_.place(present);
  static const std::string nowhere;
  plan_observations result;
  for (std::uint32_t id = 0; id < plan.from.shard_count; ++id)
    result[plan.from.shard(id)] = view_of(plan.from.shard(id), plan, counted, all_told, nowhere);
  for (std::uint32_t id = 0; id < plan.to.shard_count; ++id)
    result[plan.to.shard(id)] = view_of(plan.to.shard(id), plan, counted, all_told,
                                        id < new_places.size() ? new_places[id] : nowhere);
  return result;
}

/// What a host counted stays true when it is gone; what it held is others' then, and counted there.
group_figures cluster_view::figures() const {
  group_figures sum;
  for (auto& [name, member] : members_) {
    auto told = member.picture.figures;
    if (!member.up)
      told.guilds = told.overlap_bytes = told.undelivered = told.uncached = 0;
    sum += told;
  }
  return sum;
}

std::uint64_t cluster_view::guilds_of(std::uint32_t topology) const {
  std::uint64_t sum = 0;
  for (auto& [name, member] : members_)
    for (auto& shard : member.picture.shards)
      if (shard.shard.topology == topology && status_of(shard.shard) == &shard) // once, whoever else names it
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
