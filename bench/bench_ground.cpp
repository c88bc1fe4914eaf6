#include "bench/bench_ground.hpp"

#include <sstream>
#include <stdexcept>

namespace shardyard::bench {

using namespace std::chrono_literals;

namespace {

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

} // namespace

load_server::load_server(const std::string& program, const std::string& ca_file,
                         std::vector<std::string> options, const std::string& processors)
    : ca_file_(ca_file), process_(on_processors(processors, joined({program, "--ca", ca_file}, options))) {
  port_ = static_cast<std::uint16_t>(std::stoul(process_.await("port ", 60s).substr(5)));
}

void load_server::stream(const stream_request& request) {
  process_.write_line("stream " + std::to_string(request.events) + " " + std::to_string(request.seed) + " " +
                      std::to_string(request.per_second) + (request.stamped ? " stamped" : ""));
}

void load_server::await_ready(std::uint32_t count) {
  for (; count > 0; --count)
    process_.await("ready ", 30s);
}

void load_server::await_begin(std::uint32_t count) {
  for (; count > 0; --count)
    process_.await("begin ", 120s); // a fast stream is compressed first
}

void load_server::await_end(std::uint32_t count) {
  for (; count > 0; --count)
    process_.await("end ", 60s);
}

void load_server::forget() {
  while (process_.read_line(0ms)) {
  }
}

readings bench_ground::run_client(const std::vector<std::string>& command, transport mode,
                                  const stream_request& request,
                                  const std::vector<std::string>& options) const {
  server->forget();
  auto arguments =
      joined(command, {"--port", std::to_string(server->port()), "--compress", std::string{to_string(mode)},
                       "--events", std::to_string(request.events)});
  child_process client{joined(arguments, options),
                       {{"NODE_EXTRA_CA_CERTS", server->ca_file()}},
                       packages.empty() ? std::string{} : packages,
                       scratch + "/clients.log"};
  server->await_ready(1);
  client.await("ready", 30s);
  server->stream(request);
  readings result;
  while (auto line = client.read_line(60s)) {
    std::istringstream words{*line};
    std::string name;
    double value = 0;
    if (words >> name >> value)
      result[name] = value;
  }
  if (result.empty())
    throw std::runtime_error{"no figures from " + command.back()};
  return result;
}

readings bench_ground::run_own(const std::string& program, transport mode,
                               const stream_request& request) const {
  std::vector<std::string> options{"--ca", server->ca_file()};
  if (request.stamped)
    options.push_back("--latency");
  return run_client({programs + "/" + program}, mode, request, options);
}

readings bench_ground::run_script(const std::string& script, transport mode,
                                  const stream_request& request) const {
  return run_client({node_js, clients + "/" + script + ".mjs"}, mode, request);
}

double bench_ground::idle_kib(const std::string& program, transport mode, std::uint32_t shards) const {
  child_process client{{programs + "/" + program, "--port", std::to_string(server->port()), "--ca",
                        server->ca_file(), "--compress", std::string{to_string(mode)}, "--idle",
                        std::to_string(shards)},
                       {},
                       {},
                       scratch + "/clients.log"};
  return std::stod(client.await("memory_kib ", 60s).substr(11));
}

} // namespace shardyard::bench
