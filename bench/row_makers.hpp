// How the runs of the suite come to rows: the least of several runs, and a row with the reason where a run
// fails.
#pragma once

#include "bench/bench_ground.hpp"
#include "bench/figure_table.hpp"

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

namespace shardyard::bench {

inline constexpr auto cpu_unit = "CPU-s per million events";

/// Whatever else the machine does only ever adds time, so the least of several runs is the figure.
template <class Run>
double least(int runs, Run run) {
  auto best = run();
  for (int i = 1; i < runs; ++i)
    best = std::min(best, run());
  return best;
}

/// Middle one of several runs: for paced streams, where the machine's other work and its sleep states move a
/// run either way.
inline double median(std::vector<double> runs) {
  std::ranges::sort(runs);
  return runs.size() % 2 == 1 ? runs[runs.size() / 2]
                              : (runs[runs.size() / 2 - 1] + runs[runs.size() / 2]) / 2;
}

/// Adds `row` with the value that `run` gives, or with the reason why there is none.
template <class Run>
void add_measured(figure_table& table, figure row, Run run) {
  try {
    row.value = run();
  } catch (const std::exception& e) {
    row.note = e.what();
  }
  table.add(std::move(row));
}

/// The same for a row that needs the product's program.
template <class Run>
void add_node_figure(const bench_ground& ground, figure_table& table, figure row, Run run) {
  if (!ground.shardyard.empty())
    return add_measured(table, std::move(row), run);
  row.note = "the program shardyard is not built";
  table.add(std::move(row));
}

} // namespace shardyard::bench
