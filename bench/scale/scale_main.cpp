// What the coordinator costs as the cluster grows: runs each size in a process of its own and prints a table.
#include "bench/scale/scale_run.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace shardyard::bench;

constexpr double most_cpu_s = 60;
constexpr double most_mib = 1024;
constexpr std::uint32_t largest = 20'000;
constexpr double linear = 1.25; ///< growth of the cost, divided by the growth of the cluster

/// What the parent needs of a run.
struct row {
  std::uint32_t shards = 0;
  double start_cpu_s = 0, plan_cpu_s = 0, scene_cpu_s = 0, peak_mib = 0;
};

/// 250 guilds a shard, and a max_concurrency that grows with the bot as Discord's does, in steps of 16.
scale_case case_of(std::uint32_t shards, std::uint32_t hosts, std::uint64_t seed) {
  scale_case x;
  x.from = shards;
  x.to = shards / 5 * 8;
  x.guilds = shards * 250;
  x.nodes = hosts;
  x.max_concurrency = std::max(16u, shards / 31 / 16 * 16);
  x.seed = seed;
  return x;
}

void print_details(const scale_case& x, const scale_figures& y) {
  fmt::print("\n{} -> {} shards, {} guilds, {} hosts, {} partitions, max_concurrency {}\n", x.from, x.to,
             x.guilds, x.nodes, x.partitions, x.max_concurrency);
  fmt::print("  start: {:.1f} CPU-s, {} messages, {:.0f} s virtual\n", y.start.cpu_s, y.start.messages,
             y.start_virtual_s);
  fmt::print("  plan:  {:.1f} CPU-s, {} messages, {:.0f} s virtual, {} IDENTIFYs\n", y.plan.cpu_s,
             y.plan.messages, y.plan_virtual_s, y.identifies);
  fmt::print("  simulated hosts and clock: {:.1f} CPU-s, not of the coordinator\n", y.scene_cpu_s);
  for (auto& [kind, cost] : y.by_kind)
    fmt::print("    {:<36} {:>9} handled {:>8.2f} CPU-s\n", kind, cost.messages, cost.cpu_s);
  for (auto& [kind, count] : y.sent)
    fmt::print("    {:<36} {:>9} sent\n", kind, count);
  for (auto& [kind, count] : y.bytes)
    fmt::print("    {:<36} {:>9} MiB as serialised (one in 64 weighed)\n", kind, count >> 20);
  fmt::print("  one status document in the plan: {:.0f} ms, {} KiB\n", y.status_ms, y.status_bytes >> 10);
  fmt::print("  peak memory of the process, simulation included: {:.0f} MiB\n", y.peak_mib);
  std::fflush(stdout);
}

row measure(const scale_case& x) {
  auto folder = std::filesystem::temp_directory_path() / ("shardyard-scale-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  auto figures = run_scale(x, folder.string());
  std::filesystem::remove_all(folder);
  print_details(x, figures);
  return {x.from, figures.start.cpu_s, figures.plan.cpu_s, figures.scene_cpu_s, figures.peak_mib};
}

/// In a child, so that its memory is its own; throws when the child fails.
row measure_apart(const scale_case& x) {
  int ends[2];
  if (pipe(ends) != 0)
    throw std::runtime_error("no pipe");
  auto child = fork();
  if (child == 0) {
    close(ends[0]);
    try {
      auto result = measure(x);
      _exit(write(ends[1], &result, sizeof result) == sizeof result ? 0 : 1);
    } catch (const std::exception& e) {
      std::cerr << "bench_scale: " << x.from << " shards: " << e.what() << std::endl;
      _exit(1);
    }
  }
  close(ends[1]);
  row result;
  auto got = read(ends[0], &result, sizeof result);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (got != sizeof result || status != 0)
    throw std::runtime_error("the run with " + std::to_string(x.from) + " shards failed");
  return result;
}

bool judge(const std::vector<row>& rows) {
  fmt::print("\n{:>8} {:>14} {:>14} {:>14} {:>18} {:>10}\n", "shards", "start, CPU-s", "plan, CPU-s",
             "ms per shard", "simulation, CPU-s", "peak MiB");
  for (auto& x : rows)
    fmt::print("{:>8} {:>14.2f} {:>14.2f} {:>14.2f} {:>18.2f} {:>10.0f}\n", x.shards, x.start_cpu_s,
               x.plan_cpu_s, 1000 * x.plan_cpu_s / x.shards, x.scene_cpu_s, x.peak_mib);
  auto met = true;
  auto check = [&met](const char* name, double value, double target) {
    fmt::print("{:<56} {:>8.2f}  target <= {:>7.2f}  {}\n", name, value, target,
               value <= target ? "met" : "not met");
    met = met && value <= target;
  };
  auto& first = rows.front();
  auto& last = rows.back();
  if (rows.size() > 1)
    check("plan: growth of CPU / growth of shards",
          last.plan_cpu_s / first.plan_cpu_s * first.shards / last.shards, linear);
  if (last.shards == largest) {
    check("plan 20,000 -> 32,000: CPU-s of the coordinator", last.plan_cpu_s, most_cpu_s);
    check("plan 20,000 -> 32,000: MiB, simulation included", last.peak_mib, most_mib);
  }
  return met;
}

} // namespace

int main(int argc, char** argv) {
  std::vector<std::uint32_t> sizes{1000, 5000, 10'000, largest};
  std::uint32_t hosts = 40;
  std::uint64_t seed = 1;
  CLI::App app{"CPU, memory and messages of the coordinator in virtual time, by number of shards"};
  app.add_option("--shards", sizes, "shards before the plan; it makes 8/5 of them")->capture_default_str();
  app.add_option("--hosts", hosts)->capture_default_str();
  app.add_option("--seed", seed)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(spdlog::level::err);
  fmt::print("seed {}\n", seed);
  std::fflush(stdout);
  try {
    std::vector<row> rows;
    for (auto shards : sizes)
      rows.push_back(measure_apart(case_of(shards, hosts, seed)));
    return judge(rows) ? 0 : 1;
  } catch (const std::exception& e) {
    std::cerr << "bench_scale: " << e.what() << std::endl;
    return 1;
  }
}
