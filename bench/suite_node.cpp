#include "bench/clocks.hpp"
#include "bench/node_run.hpp"
#include "bench/row_makers.hpp"
#include "bench/suite_runs.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

namespace shardyard::bench {

using namespace std::chrono_literals;

namespace {

/// The first processor and all others, in the words of taskset; nothing where there is but one.
std::pair<std::string, std::string> processors_apart() {
  auto count = std::thread::hardware_concurrency();
  if (count < 2)
    return {};
  return {"0", "1-" + std::to_string(count - 1)};
}

} // namespace

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
  auto events = ground.quick ? 100'000U : 200'000U;
  auto rounds = ground.quick ? 3 : 6;
  std::optional<double> alone;
  std::optional<double> overlap;
  std::string note;
  if (ground.shardyard.empty()) {
    note = "the program shardyard is not built";
  } else {
    try {
      // Two nodes, each with a load server of its own, one of them in the overlap of a renewal: two sessions
      // of the same shape. Their turns alternate. Servers and nodes keep to processors of their own: a server
      // of two sessions has a thread more, which would take the caches from what is measured.
      auto [servers, nodes] = processors_apart();
      auto start = [&](const char* name) {
        return load_server{ground.programs + "/bench_blaster", ground.scratch + name, {}, servers};
      };
      auto alone_server = start("/ca-alone.pem");
      auto overlap_server = start("/ca-overlap.pem");
      auto of_one = ground;
      auto of_two = ground;
      of_one.server = &alone_server;
      of_two.server = &overlap_server;
      node_run one{of_one, {.processors = nodes}};
      node_run two{of_two, {.processors = nodes}};
      one.stream_cpu({events / 10, 20});
      two.stream_cpu({events / 10, 20});
      overlap_server.forget();
      two.ask({"reshard", "1", "--renew", "--hold"});
      overlap_server.await_ready(1);
      std::this_thread::sleep_for(2s);
      two.stream_cpu({events / 10, 21}, 2); // its messages cut the guilds
      for (int i = 0; i < rounds; ++i) {
        stream_request request{events, 22U + static_cast<unsigned>(i)};
        auto x = one.stream_cpu(request);
        auto y = two.stream_cpu(request, 2);
        alone = std::min(alone.value_or(x), x);
        overlap = std::min(overlap.value_or(y), y);
      }
      if (two.ask({"status", "--json"}).find("\"reshard\":null") != std::string::npos)
        throw std::runtime_error{"the reshard ended before it was measured"};
    } catch (const std::exception& e) {
      overlap.reset();
      note = e.what();
    }
  }
  table.add({"CPU, node, TLS + zstd, one topology", cpu_unit, alone, {}, {}, note});
  table.add({"CPU, node, TLS + zstd, two topologies", cpu_unit, overlap, alone, 2.2, note});
}

void run_overlap_memory(const bench_ground& ground, figure_table& table) {
  constexpr std::uint32_t shards = 5; // Discord closes those with more than 2,500 guilds
  auto unit = "KiB at 10,000 guilds";
  figure steady{"memory, node in steady state", unit, {}, {}, {}, {}};
  figure state{"memory, state of 10,000 hand-overs, greatest seen", unit, {}, {}, 0.2, {}};
  if (ground.shardyard.empty()) {
    steady.note = state.note = "the program shardyard is not built";
  } else {
    try {
      load_server other{
          ground.programs + "/bench_blaster", ground.scratch + "/ca-memory.pem", {"--guilds", "10000"}};
      auto elsewhere = ground;
      elsewhere.server = &other;
      node_run node{elsewhere, {.shards = shards}};
      node.stream_cpu({100'000, 20}, shards);
      steady.value = node.private_kib();
      other.forget();
      node.ask({"reshard", std::to_string(shards), "--renew", "--hold"});
      other.await_ready(shards);
      std::this_thread::sleep_for(2s);
      other.forget();
      // Paced, so that its messages are new and every guild passes from the follower's queue through the cut
      // into the comparison.
      stream_request request{ground.quick ? 30'000U : 100'000U, 21, 3'000};
      other.stream(request);
      auto greatest = node.handover_kib();
      for (auto until = monotonic_ns() +
                        static_cast<std::int64_t>(request.events / request.per_second) * 1'000'000'000;
           monotonic_ns() < until; std::this_thread::sleep_for(100ms))
        greatest = std::max(greatest, node.handover_kib());
      other.await_end(2 * shards);
      state.value = greatest;
      state.floor = steady.value;
      steady.note =
          "in the overlap " + std::to_string(static_cast<long>(node.private_kib())) + " with both sessions";
    } catch (const std::exception& e) {
      state.note = e.what();
    }
  }
  table.add(steady);
  table.add(state);
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
