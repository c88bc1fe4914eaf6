// One run of the real coordinator actor against simulated nodes: a new cluster starts its shards, then it is
// resharded. One thread, virtual time, no socket; the store is a real SQLite file. Promises the CPU time that
// the coordinator's own messages took, and beside it what the simulation cost.
#pragma once

#include "bench/scale/scale_cluster.hpp"

#include <map>
#include <string>
#include <string_view>

namespace shardyard::bench {

struct scale_cost {
  std::uint64_t messages = 0; ///< handled by the coordinator
  double cpu_s = 0;
};

struct scale_figures {
  scale_cost start, plan;
  double start_virtual_s = 0, plan_virtual_s = 0;
  double scene_cpu_s = 0;                         ///< simulated hosts and clock, start and plan
  std::map<std::string_view, scale_cost> by_kind; ///< of the plan
  std::map<std::string_view, std::uint64_t> sent; ///< both directions, of the plan
  std::map<std::string_view, std::uint64_t> bytes;
  std::uint64_t identifies = 0;
  double status_ms = 0; ///< one status document in the middle of the plan
  std::size_t status_bytes = 0;
  double peak_mib = 0; ///< of the whole process, simulation included
};

/// Throws std::runtime_error when the shards do not come up or the plan does not end in `done`.
scale_figures run_scale(const scale_case& x, const std::string& folder);

} // namespace shardyard::bench
