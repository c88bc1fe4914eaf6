#include "actors/coordinator/forecast.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

namespace shardyard {

using std::chrono::milliseconds;

namespace {

constexpr double head_room =
    0.8; // of Discord's guild limit, so that a cluster can grow before its next reshard

bool has_head_room(std::uint64_t guilds, std::uint32_t shards) {
  return static_cast<double>(estimate_fullest_shard(guilds, shards)) <= head_room * max_guilds_per_shard;
}

std::vector<std::uint32_t> legal_near(std::uint32_t count, std::uint32_t multiple, std::uint64_t guilds) {
  std::vector<std::uint32_t> result;
  auto fits = [guilds](std::uint32_t n) { return estimate_fullest_shard(guilds, n) <= max_guilds_per_shard; };
  auto base = count / multiple * multiple;
  for (auto n = base; n > 0 && result.size() < 3; n -= multiple)
    if (n < count && fits(n))
      result.push_back(n);
  auto below = result.size();
  for (auto n = base; n <= max_shard_count && result.size() < below + 4; n += multiple)
    if (n >= count && n > 0 && fits(n))
      result.push_back(n);
  std::sort(result.begin(), result.end());
  return result;
}

/// Counts near the wished one with more independent units: each unit goes on and back alone.
std::vector<better_count> better_near(const forecast_input& in) {
  auto from = in.context.active.shard_count;
  auto wished = in.request.shard_count;
  auto multiple = std::max(1u, in.context.shard_multiple);
  auto units = std::gcd(from, wished);
  auto reach = std::clamp(wished / 4, 2u, 256u);
  auto illegal = wished % multiple != 0 || !has_head_room(in.context.guilds, wished);
  std::vector<std::uint32_t> found;
  for (auto n = wished > reach ? wished - reach : 1; n <= wished + reach; ++n) {
    auto usable = n != wished && n != from && n % multiple == 0 && has_head_room(in.context.guilds, n);
    if (usable && (std::gcd(from, n) > units || illegal) && n <= in.context.identifies_left)
      found.push_back(n);
  }
  auto distance = [wished](std::uint32_t n) { return n > wished ? n - wished : wished - n; };
  std::sort(found.begin(), found.end(), [&](auto a, auto b) {
    return std::tuple{-static_cast<std::int64_t>(std::gcd(from, a)), distance(a), a} <
           std::tuple{-static_cast<std::int64_t>(std::gcd(from, b)), distance(b), b};
  });
  found.resize(std::min<std::size_t>(found.size(), 3));
  std::vector<better_count> result;
  for (auto n : found) {
    auto g = std::gcd(from, n);
    auto shape = n % from == 0   ? ", each old shard splits into " + std::to_string(n / from)
                 : from % n == 0 ? ", each new shard joins " + std::to_string(from / n)
                                 : "";
    result.push_back({n, std::to_string(g) + (g == 1 ? " unit" : " independent units") + " instead of " +
                             std::to_string(units) + shape});
  }
  return result;
}

forecast_time estimate_time(const forecast_input& in, std::uint32_t permits) {
  forecast_time t;
  auto per_shard = static_cast<double>(in.context.guilds) / in.request.shard_count;
  auto stream = in.guilds_per_second > 0 ? per_shard / in.guilds_per_second * 1000 : 0;
  t.permits = (permits - 1) * in.key_spacing;
  t.ready = in.ready_latency + milliseconds{static_cast<std::int64_t>(stream)};
  t.freshness = in.freshness;
  t.cuts = in.quiet;
  t.stable_for = in.stable_for;
  t.total = t.permits + t.ready + t.freshness + t.cuts + t.stable_for;
  return t;
}

std::vector<std::string> warn(const forecast_input& in, const forecast& x) {
  std::vector<std::string> result;
  if (x.fullest_shard_after > max_guilds_per_shard * head_room &&
      x.fullest_shard_after <= max_guilds_per_shard)
    result.push_back("the fullest shard would hold about " + std::to_string(x.fullest_shard_after) +
                     " guilds, little below Discord's " + std::to_string(max_guilds_per_shard) +
                     ": a session lost later could not identify again (4011)");
  if (x.units == 1 && in.context.active.shard_count > 1 && in.request.shard_count > 1)
    result.push_back(
        "the counts share no factor: all guilds are one unit, which closes or goes back as a whole");
  if (x.identifies_left >= x.identifies_needed && x.identifies_left < 2 * x.identifies_needed)
    result.push_back("no second reshard of this size is possible within 24 hours, the way back included");
  if (x.time.permits > std::chrono::minutes{30})
    result.push_back("with " + std::to_string(in.max_concurrency) + " identify keys the permits alone take " +
                     std::to_string(x.time.permits / std::chrono::minutes{1}) + " min");
  if (in.request.shard_count < in.context.active.shard_count &&
      !has_head_room(in.context.guilds, in.request.shard_count))
    result.push_back("fewer shards leave little room to grow");
  return result;
}

} // namespace

double share_with_new_shard_id(std::uint32_t from, std::uint32_t to) {
  auto lcm = std::lcm(static_cast<std::uint64_t>(from), static_cast<std::uint64_t>(to));
  return 1 - static_cast<double>(std::min(from, to)) / static_cast<double>(lcm);
}

std::uint32_t shards_for(std::uint64_t guilds, std::uint32_t guilds_per_shard, std::uint32_t shard_multiple) {
  std::uint64_t multiple = std::max(1u, shard_multiple);
  std::uint64_t per_shard = std::max(1u, guilds_per_shard);
  auto least = std::max<std::uint64_t>(1, guilds / per_shard + (guilds % per_shard != 0));
  return static_cast<std::uint32_t>((least + multiple - 1) / multiple * multiple);
}

forecast make_forecast(const forecast_input& in, unix_time now) {
  forecast x;
  auto plan = make_plan(in.request, in.context, now);
  if (auto no = refused(plan))
    x.refused = *no;
  auto from = in.context.active.shard_count;
  auto to = in.request.shard_count;
  auto multiple = std::max(1u, in.context.shard_multiple);
  x.guilds = in.context.guilds;
  x.identifies_left = in.context.identifies_left;
  x.identifies_left_today = in.identifies_left_today;
  x.legal_counts = legal_near(std::min(to, max_shard_count), multiple, x.guilds);
  if (from == 0 || to == 0 || to > max_shard_count)
    return x;
  x.units = cut_units{from, to}.count();
  x.identifies_needed = to;
  x.identifies_left_today = in.identifies_left_today > to ? in.identifies_left_today - to : 0;
  auto keys = std::max(1u, in.max_concurrency);
  x.most_permits_on_one_key = (to + keys - 1) / keys;
  x.time = estimate_time(in, x.most_permits_on_one_key);
  x.share_with_new_shard_id = share_with_new_shard_id(from, to);
  x.guilds_per_shard_before = static_cast<double>(x.guilds) / from;
  x.guilds_per_shard_after = static_cast<double>(x.guilds) / to;
  x.fullest_shard_after = in.context.largest_new_shard.value_or(estimate_fullest_shard(x.guilds, to));
  x.overlap_bytes = x.guilds * in.bytes_per_guild + std::uint64_t{to} * in.bytes_per_shard;
  x.better = better_near(in);
  x.warnings = warn(in, x);
  return x;
}

} // namespace shardyard
