// The guild cache: memory of one guild and of a shard's mixture, what GUILD_CREATE and events cost. Guilds
// and events are the simulator's, in this process.
#include "actors/partition/guild_cache.hpp"
#include "bench/clocks.hpp"
#include "bench/row_makers.hpp"
#include "bench/suite_runs.hpp"
#include "sim/event_source.hpp"
#include "tests/source_dir.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace shardyard::bench {
namespace {

using namespace std::chrono_literals;

const sim::moment start = sim::from_unix_ms(1'795'000'000'000);
constexpr guild_view everything{0x331FFFF, 50};
constexpr auto limit_note = "floor: what the issue allows";

/// Guilds of the simulator's mixture, each with its cache and the size of its GUILD_CREATE.
class cached_world {
public:
  cached_world(std::uint32_t guilds, cache_policy chosen)
      : settings_(of(guilds)), world_(settings_, start), source_(world_, settings_), policy_(chosen) {
    policy_.self = world_.bot().id;
    std::string d;
    for (auto& guild : world_.guilds()) {
      d.clear();
      sim::put_guild_create(d, {world_, guild}, {.intents = everything.intents});
      json_ += d.size();
      caches_.emplace_back().replace(d, policy_);
    }
  }

  double percent_of_json() const {
    std::size_t bytes = 0;
    for (auto& each : caches_)
      bytes += each.bytes();
    return 100.0 * static_cast<double>(bytes) / static_cast<double>(json_);
  }

  /// Microseconds per KB of JSON written.
  double writing() const {
    std::string out;
    std::size_t written = 0;
    auto began = cpu_ns();
    for (auto& guild : world_.guilds()) {
      out.clear();
      caches_[guild.index].write_guild_create(out, guild.id, everything, policy_);
      written += out.size();
    }
    return micros(cpu_ns() - began) / (static_cast<double>(written) / 1000);
  }

  /// Microseconds per KB of packed bytes saved and loaded again.
  double saving() const {
    std::string out;
    std::size_t packed = 0;
    auto began = cpu_ns();
    for (auto& each : caches_) {
      out.clear();
      each.save(out);
      packed += out.size();
      if (!guild_cache::load(out))
        throw std::runtime_error{"a saved cache cannot be loaded"};
    }
    return micros(cpu_ns() - began) / (static_cast<double>(packed) / 1000);
  }

  /// Nanoseconds per event of the mix, the world's own work not counted.
  double applying(int events) {
    std::vector<sim::occurrence> happened;
    for (auto i = 0; i < events; ++i)
      if (auto next = source_.next(start + i * 1ms); next.guild != 0)
        happened.push_back(std::move(next));
    auto began = cpu_ns();
    for (auto& each : happened)
      caches_[each.guild_index].apply(find_event_type(each.content->name), each.content->d, policy_);
    return micros(cpu_ns() - began) * 1000 / static_cast<double>(happened.size());
  }

private:
  static sim::settings of(std::uint32_t guilds) {
    sim::settings result;
    result.guilds = guilds;
    result.seed = 7;
    return result;
  }

  static double micros(std::int64_t ns) { return static_cast<double>(ns) / 1000; }

  sim::settings settings_;
  sim::world world_;
  sim::event_source source_;
  cache_policy policy_;
  std::vector<guild_cache> caches_;
  std::size_t json_ = 0;
};

double small_guild_kib() {
  std::ifstream in{source_dir() / "tests/net/payloads/04-guild-create-small.json", std::ios::binary};
  std::string pretty{std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
  auto begin = pretty.find("\"d\":") + 4;
  guild_cache cache;
  if (!cache.replace(std::string_view{pretty}.substr(begin, pretty.rfind('}') - begin),
                     {member_policy::all, true, 982934807904649217}))
    throw std::runtime_error{"the recorded guild cannot be read"};
  return static_cast<double>(cache.bytes()) / 1024;
}

} // namespace

void run_guild_cache(const bench_ground& ground, figure_table& table) {
  constexpr cache_policy all{member_policy::all, true, 0}, voice{member_policy::voice, false, 0};
  auto guilds = ground.quick ? 1'000u : 10'000u;
  auto events = ground.quick ? 100'000 : 500'000;
  add_measured(table, {"cache: one small guild, all of it", "KiB", {}, 2.5, 1.0, limit_note},
               small_guild_kib);
  cached_world everyone{guilds, all}, speakers{guilds, voice};
  add_measured(table, {"cache: all, of the GUILD_CREATEs", "% of the JSON", {}, 35.0, 1.0, limit_note},
               [&] { return everyone.percent_of_json(); });
  add_measured(table, {"cache: members in voice, of the same", "% of the JSON", {}, 35.0, 1.0, limit_note},
               [&] { return speakers.percent_of_json(); });
  add_measured(table, {"cache: GUILD_CREATE written", "us per KB of JSON", {}, 5.0, 1.0, limit_note},
               [&] { return least(3, [&] { return everyone.writing(); }); });
  add_measured(table, {"cache: saved and loaded", "us per KB", {}, {}, {}, {}},
               [&] { return least(3, [&] { return everyone.saving(); }); });
  add_measured(table, {"cache: event of the mix, all kept", "ns per event", {}, {}, {}, {}},
               [&] { return everyone.applying(events); });
  add_measured(table, {"cache: event of the mix, voice kept", "ns per event", {}, {}, {}, {}},
               [&] { return speakers.applying(events); });
}

} // namespace shardyard::bench
