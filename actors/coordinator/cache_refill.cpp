#include "actors/coordinator/cache_refill.hpp"

#include <algorithm>

namespace shardyard {

bool cache_refill::due(const refill_view& seen, unix_time now) {
  seen_ = seen;
  auto missing = seen.uncached > seen.unavailable;
  if (!missing) {
    // Not while shards arrive: who has lost everything has nothing missing, either.
    if (seen.calm)
      full_ = now;
    refused_at_.reset();
  }
  if (!missing || !seen.calm)
    since_.reset();
  else if (!since_)
    since_ = now;
  auto at = earliest();
  return tuning_.enabled && at && now >= *at;
}

std::optional<unix_time> cache_refill::earliest() const {
  if (!since_)
    return std::nullopt;
  auto at = *since_ + tuning_.after;
  if (refused_at_)
    at = std::max(at, *refused_at_ + tuning_.retry);
  if (seen_.renewed) {
    auto helped = full_ && *full_ > *seen_.renewed;
    at = std::max(at, *seen_.renewed + (helped ? tuning_.rest : tuning_.rest_in_vain));
  }
  return at;
}

void cache_refill::answered(std::string refused, unix_time now) {
  refused_ = std::move(refused);
  refused_at_.reset();
  if (!refused_.empty())
    refused_at_ = now;
}

std::string cache_refill::text(unix_time now) const {
  if (seen_.uncached <= seen_.unavailable)
    return {};
  auto result = std::to_string(seen_.uncached) + " guilds are not in the cache";
  if (!tuning_.enabled)
    return result + "; `reshard N --renew` with the present count shows them again (cache.refill is off)";
  auto at = earliest();
  if (!at)
    return result +
           "; sessions are renewed when every shard is live and no reshard runs, if that does not fill it";
  auto left = std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::seconds>(*at - now).count());
  if (refused_at_)
    return result + ", and sessions cannot be renewed (" + refused_ + "); tried again in " +
           std::to_string(left) + " s";
  return result + "; sessions are renewed in " + std::to_string(left) + " s";
}

} // namespace shardyard
