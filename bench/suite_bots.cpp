#include "bench/clocks.hpp"
#include "bench/memory.hpp"
#include "bench/node_run.hpp"
#include "bench/row_makers.hpp"
#include "bench/suite_runs.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace shardyard::bench {

using namespace std::chrono_literals;

namespace {

constexpr auto patience = 60s; // of a machine with much else to do

// Bots of one node, in a process of their own.
class bot_herd {
public:
  bot_herd(const bench_ground& ground, const node_run& node, std::size_t bots,
           transport mode = transport::none, int receive_buffer = 0)
      : process_({ground.programs + "/bench_bots", "--port", std::to_string(node.bots_port()), "--bots",
                  std::to_string(bots), "--compress", std::string{to_string(mode)}, "--receive-buffer",
                  std::to_string(receive_buffer)},
                 {}, {}, ground.scratch + "/bots.log"),
        first_bytes_(std::stod(process_.await("ready ", patience).substr(6))) {}

  double first_bytes() const { return first_bytes_; } ///< JSON of READY and all guilds

  /// To be said before the stream: each bot shall get this many events more.
  void expect(std::uint64_t events) { process_.write_line("take " + std::to_string(events)); }
  /// Waits for them; p50 and p99 in us where the events are stamped.
  readings taken() {
    std::istringstream words{process_.await("taken", patience).substr(5)};
    readings result;
    words >> result["p50_us"] >> result["p99_us"];
    return result;
  }
  void stall() { process_.write_line("stall"); }

private:
  child_process process_;
  double first_bytes_;
};

// A node with its own load server: streams to it depend on what its session got before.
struct bots_ground {
  bots_ground(const bench_ground& ground, const std::string& name, node_options options,
              std::vector<std::string> server_options = {})
      : server(ground.programs + "/bench_blaster", ground.scratch + "/ca-" + name + ".pem",
               std::move(server_options)),
        here(ground) {
    here.server = &server;
    options.bots = true;
    node = std::make_unique<node_run>(here, options);
  }

  double stream_cpu(bot_herd& bots, const stream_request& request) {
    bots.expect(request.events);
    return node->stream_cpu(request, 1, [&] { bots.taken(); });
  }

  load_server server;
  bench_ground here;
  std::unique_ptr<node_run> node;
};

double floor_cpu(const bench_ground& ground, transport downstream, std::uint64_t events) {
  return ground
      .run_client({ground.programs + "/bench_floor"}, transport::zstd_stream, {events},
                  {"--ca", ground.server->ca_file(), "--forward", std::string{to_string(downstream)}})
      .at("cpu");
}

// The same client as the floor of the direct connection, as a bot.
readings delays_of_bot(bots_ground& at, const stream_request& request) {
  child_process bot{{at.here.programs + "/bench_floor", "--port", std::to_string(at.node->bots_port()),
                     "--compress", "none", "--events", std::to_string(request.events), "--latency"},
                    {},
                    {},
                    at.here.scratch + "/bots.log"};
  bot.await("ready", patience);
  at.node->rest();
  at.server.stream(request);
  readings result;
  while (auto line = bot.read_line(patience)) {
    std::istringstream words{*line};
    std::string name;
    double value = 0;
    if (words >> name >> value)
      result[name] = value;
  }
  if (result.empty())
    throw std::runtime_error{"the bot got no events"};
  return result;
}

} // namespace

void run_bots(const bench_ground& ground, figure_table& table) {
  std::uint64_t events = ground.quick ? 100'000 : 200'000;
  auto rounds = ground.quick ? 2 : 4;
  std::optional<double> floor_plain, floor_zstd, plain, zstd, ten, none;
  std::string note = ground.shardyard.empty() ? "the program shardyard is not built" : "";
  std::unique_ptr<bots_ground> zero, one, packed, many;
  std::unique_ptr<bot_herd> of_one, of_packed, of_many;
  auto begin = [&](auto& at, auto& herd, const char* name, std::size_t bots, transport mode) {
    at = std::make_unique<bots_ground>(ground, name, node_options{});
    herd = std::make_unique<bot_herd>(at->here, *at->node, bots, mode);
    at->stream_cpu(*herd, {events / 10, 2});
  };
  auto keep = [](std::optional<double>& least, double x) { least = std::min(least.value_or(x), x); };
  try {
    if (note.empty()) {
      zero = std::make_unique<bots_ground>(ground, "no-bot", node_options{});
      zero->node->stream_cpu({events / 10, 2});
      begin(one, of_one, "one-bot", 1, transport::none);
      begin(packed, of_packed, "zstd-bot", 1, transport::zstd_stream);
      begin(many, of_many, "ten-bots", 10, transport::none);
    }
    for (int i = 0; i < rounds; ++i) {
      keep(floor_plain, floor_cpu(ground, transport::none, events));
      keep(floor_zstd, floor_cpu(ground, transport::zstd_stream, events));
      if (!note.empty())
        continue;
      stream_request request{events, 10U + static_cast<unsigned>(i)};
      keep(none, zero->node->stream_cpu(request));
      keep(plain, one->stream_cpu(*of_one, request));
      keep(zstd, packed->stream_cpu(*of_packed, request));
      keep(ten, many->stream_cpu(*of_many, request));
    }
  } catch (const std::exception& e) {
    note = e.what();
  }
  table.add({"CPU, floor loop, TLS + zstd to one bot, plain", cpu_unit, floor_plain, {}, {}, {}});
  table.add({"CPU, floor loop, TLS + zstd to one bot, zstd", cpu_unit, floor_zstd, {}, {}, {}});
  table.add({"CPU, node with cache and endpoint, no bot", cpu_unit, none, floor_plain, {}, note});
  table.add({"CPU, node to one bot, plain", cpu_unit, plain, floor_plain, 2.0, note});
  table.add({"CPU, node to one bot, zstd", cpu_unit, zstd, floor_zstd, 3.0, note});
  table.add({"CPU, node to 10 bots, plain", cpu_unit, ten, plain, 3.0, note});
}

void run_bot_latency(const bench_ground& ground, figure_table& table) {
  stream_request request{ground.quick ? 10'000U : 25'000U, 4, 5'000, true};
  auto rounds = ground.quick ? 3 : 5;
  std::map<std::string, std::vector<double>> direct, bot;
  std::string note = ground.shardyard.empty() ? "the program shardyard is not built" : "";
  std::unique_ptr<bots_ground> at;
  for (int run = 0; run < rounds; ++run) {
    for (auto& [name, value] : ground.run_own("bench_floor", transport::zstd_stream, request))
      direct[name].push_back(value);
    if (!note.empty())
      continue;
    try {
      if (!at)
        at = std::make_unique<bots_ground>(ground, "bot-latency", node_options{});
      for (auto& [name, value] : delays_of_bot(*at, request))
        bot[name].push_back(value);
    } catch (const std::exception& e) {
      note = e.what();
    }
  }
  for (auto [which, allowed] : {std::pair{"p50_us", 200.0}, std::pair{"p99_us", 2000.0}}) {
    auto name = "latency to a bot at 5,000 events/s, " + std::string{which, 3};
    auto base = median(direct.at(which));
    table.add({name + ", direct", "us from send to receiver", base, {}, {}, {}});
    figure through{name + ", through a node", "us from send to receiver", {}, base, {}, note};
    figure added{name + ", added", "us; floor: what is allowed", {}, allowed, 1.0, note};
    if (note.empty()) {
      through.value = median(bot.at(which));
      added.value = *through.value - base;
    }
    table.add(through);
    table.add(added);
  }
}

void run_stalled_bot(const bench_ground& ground, figure_table& table) {
  constexpr std::size_t ring_bytes = 16 << 20;
  std::size_t bots = ground.quick ? 20 : 100;
  std::uint64_t rate = ground.quick ? 500 : 200;
  auto rounds = ground.quick ? 2 : 3;
  stream_request fill{20'000, 30, 1'000, true}; // more than sockets and the link hold
  std::vector<double> with, without;
  std::optional<double> growth;
  std::string note = ground.shardyard.empty() ? "the program shardyard is not built" : "";
  if (note.empty()) {
    try {
      bots_ground at{
          ground,
          "stalled",
          {.bots_more = "ring_bytes = " + std::to_string(ring_bytes) + "\nresume_window_s = 10\n"}};
      bot_herd others{at.here, *at.node, bots - 1};
      unsigned seed = 40;
      auto stream = [&](const stream_request& request) {
        others.expect(request.events);
        at.server.stream(request);
        return others.taken();
      };
      for (int i = 0; i < 2; ++i) // the ring is full before memory is looked at
        stream({fill.events, ++seed, fill.per_second, true});
      for (int i = 0; i < rounds; ++i) {
        for (auto stalled : {false, true}) {
          bot_herd one{at.here, *at.node, 1, transport::none, 64 << 10};
          auto before = at.node->private_kib();
          if (stalled) {
            one.stall();
            stream({fill.events, ++seed, fill.per_second, true});
          }
          auto p99 = stream({rate * 10, ++seed, rate, true}).at("p99_us");
          (stalled ? with : without).push_back(p99);
          if (stalled)
            growth = std::max(growth.value_or(0), at.node->private_kib() - before);
        }
      }
    } catch (const std::exception& e) {
      note = e.what();
    }
  }
  auto name = "p99 of " + std::to_string(bots - 1) + " bots at " + std::to_string(rate) + " events/s";
  figure base{
      name + ", all of " + std::to_string(bots) + " read", "us from send to receiver", {}, {}, {}, note};
  figure hurt{name + ", one more is stalled", "us from send to receiver", {}, {}, 1.1, note};
  if (note.empty()) {
    base.value = median(without);
    hurt.value = median(with);
    hurt.floor = base.value;
  }
  table.add(base);
  table.add(hurt);
  table.add({"memory, growth by a stalled bot, of the ring", "KiB of private pages", growth,
             ring_bytes / 1024.0, 1.0, note});
}

void run_bot_start(const bench_ground& ground, figure_table& table) {
  constexpr double allowed = 1e3 / 200; // 200 MB per CPU second
  auto rounds = ground.quick ? 2 : 4;
  figure row{"CPU, READY and 10,000 guilds to a bot, plain", "CPU-ms per MB of JSON", {}, allowed, 1.0, {}};
  add_node_figure(ground, table, row, [&] {
    bots_ground at{ground, "bot-start", {.shards = 5}, {"--guilds", "10000"}};
    return least(rounds, [&] {
      at.node->rest();
      auto before = cpu_ns(at.node->pid());
      bot_herd one{at.here, *at.node, 1};
      auto used = static_cast<double>(cpu_ns(at.node->pid()) - before);
      return used / one.first_bytes();
    });
  });
}

} // namespace shardyard::bench
