#include "apps/run.hpp"
#include "apps/signals.hpp"
#include "sim/server.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>

namespace shardyard {

int run_sim(const sim_command& command) {
  auto signals = block_end_signals();
  sim::settings settings;
  settings.address = command.host;
  settings.port = command.port;
  settings.token = command.token;
  settings.seed = command.seed;
  settings.guilds = command.guilds;
  settings.events_per_second = command.rate;
  settings.mix = command.presences ? sim::event_mix::presences : sim::event_mix::no_presences;
  settings.max_concurrency = command.max_concurrency;
  settings.budget = command.budget;
  settings.shard_multiple = command.shard_multiple;
  settings.copy_delay_min = std::chrono::milliseconds(command.delay_min_ms);
  settings.copy_delay_max = std::chrono::milliseconds(command.delay_max_ms);
  settings.heartbeat_interval = std::chrono::milliseconds(command.heartbeat_ms);
  settings.heartbeat_requests = command.heartbeat_requests;
  settings.interactions_per_second = command.interactions;
  settings.truth_digests = command.truth_digests;
  settings.voice_endpoint = command.voice_endpoint;
  settings.truth_memory = command.truth_memory_mb << 20;
  settings.truth_limit = command.truth_limit_mb << 20;
  settings.truth_folder = command.truth_folder;
  settings.self_signed = command.tls;
  settings.ca_file = command.ca_out;
  if (command.delay_min_ms > command.delay_max_ms) {
    fmt::print(stderr, "shardyard: --delay-min-ms {} is greater than --delay-max-ms {}\n",
               command.delay_min_ms, command.delay_max_ms);
    return exit_usage;
  }
  sim::server server{settings};
  fmt::print("simulated Discord with {} guilds, {} events/s, seed {}\n"
             "  discord.api_base  {}\n"
             "  token             {}\n"
             "  truth             {}/truth\n"
             "  faults            POST {}/fault\n"
             "  violations        {}/violations\n"
             "  a guild           {}/world?guild=ID\n",
             command.guilds, command.rate, command.seed, server.api_base(), command.token,
             server.control_base(), server.control_base(), server.control_base(), server.control_base());
  std::fflush(stdout);
  if (!command.port_out.empty())
    std::ofstream{command.port_out} << server.port() << '\n';
  int received = 0;
  sigwait(&signals, &received);
  server.stop();
  return exit_done;
}

} // namespace shardyard
