#include "bench/node_run.hpp"

#include "bench/clocks.hpp"
#include "bench/memory.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

namespace shardyard::bench {

using namespace std::chrono_literals;

namespace {

std::uint16_t free_port() {
  auto fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

std::string compress_key(transport mode) {
  return mode == transport::none ? "none" : std::string{to_string(mode)} + "-stream";
}

} // namespace

node_run::node_run(const bench_ground& ground, const node_options& options)
    : ground_(ground), port_(free_port()) {
  auto folder = ground.scratch + "/node-" + std::to_string(port_);
  std::filesystem::create_directories(folder);
  std::string bots;
  if (options.bots) {
    bots_port_ = free_port();
    bots = "[bots]\nlisten = \"127.0.0.1:" + std::to_string(bots_port_) + "\"\n" + options.bots_more +
           "\n[cache]\nmembers = \"voice\"\n";
  }
  auto file = folder + "/node.toml";
  std::ofstream{file} << "[node]\nname = \"bench\"\nlisten = \"127.0.0.1:" << port_ << "\"\nstate_dir = \""
                      << folder
                      << "/state\"\n[discord]\napi_base = \"https://127.0.0.1:" << ground.server->port()
                      << "/api/v10\"\nca_file = \"" << ground.server->ca_file()
                      << "\"\nshards = " << options.shards << "\nintents = 53608447\ncompress = \""
                      << compress_key(options.mode) << "\"\n[store]\npath = \"" << folder
                      << "/cluster.db\"\n[handover]\nstable_for_s = 2\nquiet_s = 2\n"
                      << bots << "[[sink]]\n"
                      << options.sink << "\n";
  ground.server->forget();
  process_ = std::make_unique<child_process>(
      on_processors(options.processors, {ground.shardyard, "node", "--config", file}),
      std::map<std::string, std::string>{{"DISCORD_TOKEN", "bench"}}, folder, ground.scratch + "/node.log");
  ground.server->await_ready(options.shards);
  rest();
}

void node_run::rest() const {
  auto until = monotonic_ns() + 10'000'000'000;
  for (auto before = cpu_ns(pid()); monotonic_ns() < until;) {
    std::this_thread::sleep_for(100ms);
    auto now = cpu_ns(pid());
    if (now < 0)
      throw std::runtime_error{"the node has ended, see node.log"};
    if (now - before < 5'000'000)
      return;
    before = now;
  }
}

double node_run::stream_cpu(const stream_request& request, std::uint32_t sessions,
                            const std::function<void()>& received) {
  auto delivered_before = delivered();
  if (delivered_before < 0)
    throw std::runtime_error{"the node does not answer `status`"};
  // Presence and typing come from the lead alone, so the cut of a guild may lose what one session brought
  // before it and the other behind it.
  auto lost_at_cuts = sessions > 1 ? std::max(0.001 * static_cast<double>(request.events), 100.0) : 0.0;
  auto expected = delivered_before + static_cast<double>(request.events) - lost_at_cuts;
  rest();
  ground_.server->forget();
  ground_.server->stream(request);
  // A fast stream is prepared first; what the node uses meanwhile is not the stream's.
  ground_.server->await_begin(sessions);
  auto cpu_before = cpu_ns(pid());
  ground_.server->await_end(sessions);
  if (received)
    received();
  // On a busy machine a node may look at rest while it only waits for a processor, so the deliveries decide.
  for (auto until = monotonic_ns() + 10'000'000'000; monotonic_ns() < until;) {
    rest();
    auto used = cpu_ns(pid()) - cpu_before;
    for (int attempt = 0; attempt < 30; ++attempt) {
      if (delivered() >= expected)
        return static_cast<double>(used) / 1e3 / static_cast<double>(request.events);
      std::this_thread::sleep_for(100ms); // figures reach the coordinator with the node's next report
    }
  }
  throw std::runtime_error{"the node delivered " + std::to_string(delivered() - delivered_before) + " of " +
                           std::to_string(request.events) + " events"};
}

double node_run::delivered() const {
  try {
    auto text = ask({"status", "--json"});
    constexpr std::string_view key = R"("delivery":{"delivered":)";
    auto at = text.find(key);
    return at == text.npos ? -1 : std::stod(text.substr(at + key.size()));
  } catch (const std::exception&) {
    return -1;
  }
}

std::string node_run::ask(const std::vector<std::string>& words) const {
  std::vector<std::string> arguments{ground_.shardyard};
  arguments.insert(arguments.end(), words.begin(), words.end());
  arguments.insert(arguments.end(), {"--at", "127.0.0.1:" + std::to_string(port_)});
  child_process command{arguments, {}, {}, ground_.scratch + "/commands.log"};
  std::string text;
  while (auto line = command.read_line(20s))
    text += *line + "\n";
  if (text.empty())
    throw std::runtime_error{words.front() + " gave no answer"};
  return text;
}

double node_run::handover_kib() const {
  auto text = ask({"report", "--json"});
  constexpr std::string_view key = R"("overlap_bytes":)";
  auto at = text.find(key);
  if (at == text.npos)
    throw std::runtime_error{"`report` tells no memory of the hand-over"};
  return std::stod(text.substr(at + key.size())) / 1024;
}

double node_run::private_kib() const {
  return static_cast<double>(bench::private_kib(std::to_string(pid())));
}

} // namespace shardyard::bench
