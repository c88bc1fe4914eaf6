#include "bench/node_run.hpp"
#include "bench/row_makers.hpp"
#include "bench/suite_runs.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <vector>

namespace shardyard::bench {
namespace {

constexpr std::array modes{transport::zstd_stream, transport::zlib_stream, transport::none};

// Targets of the node by transport; a link alone is shown without one.
double node_target(transport mode) {
  switch (mode) {
  case transport::zstd_stream:
    return 1.5;
  case transport::zlib_stream:
    return 1.3;
  case transport::none:
    return 2.5;
  }
  return 0;
}

} // namespace

void run_throughput(const bench_ground& ground, figure_table& table) {
  auto events = ground.quick ? 150'000U : 300'000U;
  auto runs = ground.quick ? 2 : 4;
  for (auto mode : modes) {
    auto name = std::string{to_string(mode)};
    stream_request request{events};
    auto floor = 1e9;
    auto link = 1e9;
    for (int i = 0; i < runs; ++i) {
      floor = std::min(floor, ground.run_own("bench_floor", mode, request).at("cpu"));
      link = std::min(link, ground.run_own("bench_link", mode, request).at("cpu"));
    }
    table.add({"CPU, floor loop, TLS + " + name, cpu_unit, floor, {}, {}, {}});
    table.add({"CPU, one gateway link, TLS + " + name, cpu_unit, link, floor, {}, {}});
    add_node_figure(ground, table,
                    {"CPU, node with null sink, TLS + " + name, cpu_unit, {}, floor, node_target(mode), {}},
                    [&] {
                      node_run node{ground, {mode}};
                      node.stream_cpu({events / 10, 2});
                      std::uint64_t seed = 10;
                      return least(ground.quick ? 1 : 2, [&] { return node.stream_cpu({events, ++seed}); });
                    });
  }
}

void run_moderate_rate(const bench_ground& ground, figure_table& table) {
  stream_request request{ground.quick ? 4'000U : 10'000U, 3, 2'000};
  auto rounds = ground.quick ? 3 : 5;
  auto mode = transport::zstd_stream;
  std::vector<double> floor;
  std::vector<double> link;
  std::vector<double> node;
  std::string note = ground.shardyard.empty() ? "the program shardyard is not built" : "";
  // A load server of its own, so that the node sleeps while the others have their turn. Turns alternate,
  // since what a wake-up costs changes with whatever else the machine does.
  load_server other{ground.programs + "/bench_blaster", ground.scratch + "/ca-rate.pem"};
  auto of_node = ground;
  of_node.server = &other;
  std::unique_ptr<node_run> run;
  for (int i = 0; i < rounds; ++i) {
    floor.push_back(ground.run_own("bench_floor", mode, request).at("cpu"));
    link.push_back(ground.run_own("bench_link", mode, request).at("cpu"));
    if (!note.empty())
      continue;
    try {
      if (!run)
        run = std::make_unique<node_run>(of_node, node_options{mode});
      node.push_back(run->stream_cpu(request));
    } catch (const std::exception& e) {
      note = e.what();
    }
  }
  auto base = median(floor);
  table.add({"CPU at 2,000 events/s, floor loop", cpu_unit, base, {}, {}, {}});
  table.add({"CPU at 2,000 events/s, one gateway link", cpu_unit, median(link), base, {}, {}});
  figure row{"CPU at 2,000 events/s, node", cpu_unit, {}, base, 2.0, note};
  if (note.empty())
    row.value = median(node);
  table.add(row);
}

} // namespace shardyard::bench
