#include "bench/node_run.hpp"
#include "bench/row_makers.hpp"
#include "bench/suite_runs.hpp"

#include <chrono>
#include <optional>
#include <stdexcept>
#include <thread>

namespace shardyard::bench {

using namespace std::chrono_literals;

void run_idle_memory(const bench_ground& ground, figure_table& table) {
  constexpr std::uint32_t many = 101;
  auto unit = "KiB per idle shard";
  // Two points of a line, so that what a process needs once does not count.
  auto slope = [](double of_many, double of_one) { return (of_many - of_one) / (many - 1); };
  for (auto mode : {transport::zstd_stream, transport::zlib_stream}) {
    auto name = "memory, " + std::string{to_string(mode)};
    auto held_by = [&](const char* program) {
      return slope(ground.idle_kib(program, mode, many), ground.idle_kib(program, mode, 1));
    };
    auto floor = held_by("bench_floor");
    table.add({name + ", OpenSSL and decoder alone", unit, floor, {}, {}, {}});
    table.add({name + ", gateway link", unit, held_by("bench_link"), floor, {}, {}});
    add_node_figure(ground, table, {name + ", node", unit, {}, floor, 1.3, {}}, [&] {
      auto of_node = [&](std::uint32_t shards) {
        return node_run{ground, {.mode = mode, .shards = shards}}.private_kib();
      };
      return slope(of_node(many), of_node(1));
    });
  }
}

void run_overlap(const bench_ground& ground, figure_table& table) {
  // A renewal has two sessions of the same shape, which the node's one thread reads in step.
  auto events = ground.quick ? 100'000U : 200'000U;
  std::optional<double> alone;
  std::optional<double> overlap;
  std::string note;
  if (ground.shardyard.empty()) {
    note = "the program shardyard is not built";
  } else {
    try {
      node_run node{ground, {}};
      std::uint64_t seed = 20;
      auto one_stream = [&](std::uint32_t sessions) {
        return least(2, [&] { return node.stream_cpu({events, ++seed}, sessions); });
      };
      alone = one_stream(1);
      ground.server->forget();
      node.ask({"reshard", "1", "--renew", "--hold"});
      ground.server->await_ready(1);
      std::this_thread::sleep_for(2s);
      overlap = one_stream(2);
      auto report = node.ask({"status", "--json"});
      if (report.find("\"reshard\":null") != report.npos)
        throw std::runtime_error{"the reshard ended before it was measured"};
    } catch (const std::exception& e) {
      overlap.reset();
      note = e.what();
    }
  }
  table.add({"CPU, node, TLS + zstd, one topology", cpu_unit, alone, {}, {}, note});
  table.add({"CPU, node, TLS + zstd, two topologies", cpu_unit, overlap, alone, 2.2, note});
}

void run_rules(const bench_ground& ground, figure_table& table) {
  child_process program{{ground.programs + "/bench_rules", "--benchmark_format=csv",
                         ground.quick ? "--benchmark_min_time=0.05" : "--benchmark_min_time=0.3"},
                        {},
                        {},
                        ground.scratch + "/rules.log"};
  // "name",iterations,real_time,cpu_time,time_unit,...
  auto seen = 0;
  while (auto line = program.read_line(60s)) {
    if (!line->starts_with('"'))
      continue;
    auto end = line->find('"', 1);
    auto fields = line->substr(end + 2);
    auto cpu = fields.substr(fields.find(',', fields.find(',') + 1) + 1);
    table.add({"step: " + line->substr(1, end - 1), "ns per event", std::stod(cpu), {}, {}, {}});
    ++seen;
  }
  if (seen == 0)
    table.add({"steps of the path", "ns per event", {}, {}, {}, "bench_rules gave no figures"});
}

} // namespace shardyard::bench
