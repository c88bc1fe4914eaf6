// A partition group's own report in the words that nodes and the coordinator exchange.
#pragma once

#include "actors/partition/group_report.hpp"
#include "messages/report.hpp"

namespace shardyard {

delay_counts counts_of(const delay_histogram& x);

/// One shard's part in the hand-over under `plan`, as it is at `now`.
handover_report row_of(const shard_report& x, std::uint64_t plan, monotonic now);

/// The figures of the whole group; `undelivered` is the actor's to say.
group_figures figures_of(const group_report& x);

} // namespace shardyard
