// Runs every benchmark against its floor and prints one table. The programs are found beside this one.
#include "bench/suite_runs.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  using namespace shardyard::bench;
  bench_ground ground;
  std::string json;
  std::set<std::string> only;
  auto self = std::filesystem::canonical("/proc/self/exe").parent_path();
  ground.programs = self.string();
  CLI::App app{"Shardyard's benchmarks, each beside its floor"};
  app.add_option("--json", json, "file that gets the figures as JSON");
  app.add_flag("--quick", ground.quick, "shorter runs");
  app.add_option("--shardyard", ground.shardyard, "the program to measure");
  app.add_option("--node-js", ground.node_js, "Node.js for the other clients");
  app.add_option("--clients", ground.clients, "folder of the other clients' scripts");
  app.add_option("--packages", ground.packages, "folder where the other clients are installed");
  app.add_option(
      "--only", only,
      "subjects: throughput, rate, latency, memory, overlap, overlap-memory, bots, bot-latency, stalled-bot, "
      "bot-start, clients, cache, rules");
  CLI11_PARSE(app, argc, argv);

  auto scratch = std::filesystem::temp_directory_path() / ("shardyard-bench-" + std::to_string(getpid()));
  std::filesystem::create_directories(scratch);
  ground.scratch = scratch.string();
  figure_table table;
  auto failed = false;
  try {
    load_server server{ground.programs + "/bench_blaster", ground.scratch + "/ca.pem"};
    ground.server = &server;
    using subject = std::pair<std::string, void (*)(const bench_ground&, figure_table&)>;
    for (auto& [name, run] : {subject{"throughput", run_throughput}, subject{"rate", run_moderate_rate},
                              subject{"latency", run_latency}, subject{"memory", run_idle_memory},
                              subject{"overlap", run_overlap}, subject{"overlap-memory", run_overlap_memory},
                              subject{"bots", run_bots}, subject{"bot-latency", run_bot_latency},
                              subject{"stalled-bot", run_stalled_bot}, subject{"bot-start", run_bot_start},
                              subject{"clients", run_other_clients}, subject{"cache", run_guild_cache},
                              subject{"rules", run_rules}}) {
      if (!only.empty() && !only.contains(name))
        continue;
      std::cerr << "==> " << name << std::endl;
      try {
        run(ground, table);
      } catch (const std::exception& e) {
        failed = true;
        std::cerr << "bench_suite: " << name << ": " << e.what() << std::endl;
      }
    }
  } catch (const std::exception& e) {
    failed = true;
    std::cerr << "bench_suite: " << e.what() << std::endl;
  }
  std::cout << table.to_table();
  if (!json.empty())
    std::ofstream{json} << table.to_json();
  if (failed)
    std::cerr << "bench_suite: logs are kept in " << ground.scratch << std::endl;
  else
    std::filesystem::remove_all(scratch);
  return failed ? 1 : 0;
}
