#include "bench/row_makers.hpp"
#include "bench/suite_runs.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace shardyard::bench {
namespace {

struct other_client {
  const char* name;
  const char* script;
  transport mode;
};

// zlib-stream is the best compression that they know, none takes them least CPU; discord.js does not let
// choose.
constexpr std::array clients{other_client{"@discordjs/ws", "discordjs_ws", transport::zlib_stream},
                             other_client{"@discordjs/ws", "discordjs_ws", transport::none},
                             other_client{"cloudstorm", "cloudstorm", transport::zlib_stream},
                             other_client{"cloudstorm", "cloudstorm", transport::none},
                             other_client{"discord.js", "discord_js", transport::zlib_stream}};

using reading = std::optional<double>;

void lower(reading& best, const reading& value) {
  if (value && (!best || *value < *best))
    best = value;
}

std::string node_row(transport mode) {
  return "CPU, node with null sink, TLS + " + std::string{to_string(mode)};
}

} // namespace

void run_other_clients(const bench_ground& ground, figure_table& table) {
  stream_request request{ground.quick ? 50'000U : 100'000U};
  reading best_zlib;
  reading best;
  reading discord_js;
  for (auto& x : clients) {
    figure row{std::string{"CPU, "} + x.name + ", TLS + " + std::string{to_string(x.mode)},
               cpu_unit,
               {},
               {},
               {},
               {}};
    add_measured(table, row, [&] {
      if (ground.node_js.empty())
        throw std::runtime_error{"the npm packages are not installed"};
      return least(ground.quick ? 1 : 2,
                   [&] { return ground.run_script(x.script, x.mode, request).at("cpu"); });
    });
    auto value = table.value_of(row.name);
    lower(best, value);
    if (x.mode == transport::zlib_stream)
      lower(best_zlib, value);
    if (x.name == std::string_view{"discord.js"})
      discord_js = value;
  }
  auto zlib = table.value_of(node_row(transport::zlib_stream));
  reading ours;
  for (auto mode : {transport::zstd_stream, transport::zlib_stream, transport::none})
    lower(ours, table.value_of(node_row(mode)));
  auto note = [](const reading& a, const reading& b) { return a && b ? "" : "one side was not measured"; };
  table.add({"node / best of them, both TLS + zlib", cpu_unit, zlib, best_zlib, 0.75, note(zlib, best_zlib)});
  table.add(
      {"node / discord.js, both TLS + zlib", cpu_unit, zlib, discord_js, 1.0 / 7, note(zlib, discord_js)});
  table.add({"node / best of them, each on its best transport", cpu_unit, ours, best, 0.5, note(ours, best)});
}

} // namespace shardyard::bench
