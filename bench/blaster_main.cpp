// The load server as a program. Prints `port N`, then lines on what its sessions do; obeys lines on its
// standard input
// (`stream COUNT SEED PER_SECOND [stamped]`) and ends with it.
#include "bench/blaster.hpp"

#include <csignal>
#include <iostream>
#include <sstream>
#include <thread>

#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  using namespace shardyard::bench;
  blaster_settings settings;
  CLI::App app{"A gateway server for load"};
  app.add_option("--port", settings.port, "port on 127.0.0.1; 0: any free one");
  app.add_option("--ca", settings.ca_file, "file that gets the certificate to trust")->required();
  app.add_option("--shards", settings.shards, "shards that GET /gateway/bot recommends");
  app.add_option("--guilds", settings.guilds, "guilds of the world")->check(CLI::PositiveNumber);
  app.add_option("--max-concurrency", settings.max_concurrency, "IDENTIFYs per 5 s");
  app.add_option("--heartbeat-ms", settings.heartbeat_ms, "heartbeat interval");
  app.add_option("--seed", settings.seed, "seed of the world and its events");
  app.add_flag("--record-per-event", settings.record_per_event, "a TLS record for each event");
  CLI11_PARSE(app, argc, argv);

  std::signal(SIGPIPE, SIG_IGN);
  try {
    blaster server{settings};
    server.tell("port " + std::to_string(server.port()));
    std::thread{[&server] { server.serve(); }}.detach();
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream words{line};
      std::string verb;
      std::string stamped;
      stream_order order;
      words >> verb >> order.count >> order.seed >> order.per_second >> stamped;
      order.stamped = stamped == "stamped";
      if (verb == "stream" && order.count > 0)
        server.stream(order);
      else
        server.tell("note not understood: " + line);
    }
  } catch (const std::exception& e) {
    std::cerr << "bench_blaster: " << e.what() << '\n';
    return 1;
  }
  // Session threads hold the server; they end with the process.
  std::quick_exit(0);
}
