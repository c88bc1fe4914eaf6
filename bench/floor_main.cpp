// The floor as a program: one connection that receives a stream, and passes it on (`--forward`), or many that
// only stay open (`--idle`). Prints `ready` and then its figures. Without `--ca` it is a bot of an endpoint.
#include "bench/memory.hpp"
#include "bench/plain_client.hpp"
#include "bench/plain_forwarder.hpp"
#include "bench/stream_figures.hpp"

#include <iostream>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

using namespace shardyard::bench;

namespace {

// Opens `count` shards and returns when each has its READY and all snapshots of its guilds.
std::vector<plain_client> open_shards(std::uint16_t port, const std::string& ca, transport mode,
                                      std::uint32_t count) {
  std::vector<plain_client> clients;
  for (std::uint32_t id = 0; id < count; ++id) {
    auto& client = clients.emplace_back(port, ca, mode);
    client.identify(id, count);
    std::size_t guilds = 0;
    std::size_t expected = 0;
    auto is_ready = false;
    while (!is_ready || guilds < expected) {
      auto alive = client.read([&](const plain_event& event) {
        if (event.t == "READY") {
          is_ready = true;
          for (auto at = event.d.find("\"unavailable\""); at != event.d.npos;
               at = event.d.find("\"unavailable\"", at + 1))
            ++expected;
        }
        guilds += event.t == "GUILD_CREATE";
      });
      if (!alive)
        throw std::runtime_error{"the server closed the connection"};
    }
  }
  return clients;
}

} // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  std::string ca;
  std::string compress = "zstd";
  std::uint64_t events = 100'000;
  std::uint64_t warm_up = 1000;
  std::uint32_t idle = 0;
  std::string forward;
  bool latency = false;
  CLI::App app{"A plain blocking receive loop"};
  app.add_option("--port", port)->required();
  app.add_option("--ca", ca, "certificate to trust; none: no TLS");
  app.add_option("--compress", compress, "none, zlib or zstd");
  app.add_option("--events", events, "events of the stream");
  app.add_option("--warm-up", warm_up, "events that do not count");
  app.add_option("--idle", idle, "only hold this many shards, until standard input ends");
  app.add_option("--forward", forward, "pass events on, compressed so: none or zstd");
  app.add_flag("--latency", latency, "the events are stamped");
  CLI11_PARSE(app, argc, argv);
  try {
    std::optional<plain_forwarder> onward;
    if (!forward.empty())
      onward.emplace(transport_from(forward));
    auto mode = transport_from(compress);
    auto clients = open_shards(port, ca, mode, idle == 0 ? 1 : idle);
    std::cout << "ready" << std::endl;
    if (idle != 0) {
      for (auto& client : clients)
        client.settle();
      std::cout << "memory_kib " << private_kib() << std::endl;
      std::cin.get();
      return 0;
    }
    stream_figures figures{events, warm_up, latency};
    auto done = false;
    auto take = [&](const plain_event& e) {
      if (onward)
        onward->add(e);
      done = figures.event(e.t, e.d) || done;
    };
    while (!done && clients[0].read(take))
      if (onward)
        onward->flush();
    if (!done)
      throw std::runtime_error{"the connection ended early"};
    figures.print();
  } catch (const std::exception& e) {
    std::cerr << "bench_floor: " << e.what() << '\n';
    return 1;
  }
}
