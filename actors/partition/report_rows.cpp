#include "actors/partition/report_rows.hpp"

#include <algorithm>

namespace shardyard {

delay_counts counts_of(const delay_histogram& x) {
  delay_counts result;
  result.buckets = x.buckets();
  result.count = x.count();
  result.max_us = static_cast<std::uint64_t>(x.max().count() / 1000);
  return result;
}

handover_report row_of(const shard_report& x, std::uint64_t plan, monotonic now) {
  handover_report row;
  row.shard = x.shard;
  row.transferred = x.transferred && x.plan == plan;
  row.led = x.led;
  row.exceptions = x.exception_count;
  row.exception_guilds.assign(x.exceptions.begin(),
                              x.exceptions.begin() + std::min<std::ptrdiff_t>(10, std::ssize(x.exceptions)));
  row.cut_anchor = x.cuts[0];
  row.cut_quiet = x.cuts[1];
  row.cut_accepted = x.cuts[2];
  row.cut_swap_back = x.cuts[3];
  row.voice = x.voice;
  row.traffic_wait_ms = static_cast<std::uint64_t>(x.longest_wait.count() / 1'000'000);
  row.follower_lagging = x.follower_lagging;
  row.follower_p99_ms = static_cast<std::uint64_t>(x.follower_p99.count() / 1'000'000);
  row.difference_age_ms = ~std::uint64_t{0};
  if (x.last_difference != monotonic{0})
    row.difference_age_ms = static_cast<std::uint64_t>((now - x.last_difference).count() / 1'000'000);
  return row;
}

group_figures figures_of(const group_report& x) {
  group_figures result;
  result.guilds = x.guilds;
  result.uncached = x.uncached;
  result.delivered = x.delivered;
  result.compared = x.counters.compared;
  result.late = x.counters.late;
  result.lead_only = x.counters.lead_only;
  result.unverifiable = x.counters.unverifiable;
  result.inversions = x.counters.inversions;
  result.holds = x.held_delay.count();
  result.holds_released = x.counters.holds_released;
  result.gaps = x.gaps;
  result.breaches = x.breaches;
  result.overlap_bytes = x.overlap_bytes;
  result.voice_rejoined = x.voice_rejoined;
  result.added_delay = counts_of(x.delay);
  result.held_delay = counts_of(x.held_delay);
  return result;
}

} // namespace shardyard
