#include "apps/config_rules.hpp"

#include "apps/config_rule_kinds.hpp"
#include "apps/host_port.hpp"
#include "apps/intent_names.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace shardyard {
namespace {

using namespace kinds;

bool set_listen(node_config& c, sink_config&, const config_value& value) {
  auto read = read_text(value);
  auto parsed = read ? parse_endpoint(*read) : std::nullopt;
  if (parsed)
    c.node.listen = *parsed;
  return parsed.has_value();
}

bool set_bots_listen(node_config& c, sink_config&, const config_value& value) {
  auto read = read_text(value);
  auto parsed = read ? parse_endpoint(*read) : std::nullopt;
  if (parsed || (read && read->empty()))
    c.bots.listen = parsed;
  return parsed.has_value() || (read && read->empty());
}

bool set_cache_enabled(node_config& c, sink_config&, const config_value& value) {
  auto flag = read_flag(value);
  if (read_text(value) == "auto")
    c.cache.enabled.reset();
  else if (flag)
    c.cache.enabled = *flag;
  else
    return false;
  return true;
}

bool set_seeds(node_config& c, sink_config&, const config_value& value) {
  auto read = read_list(value);
  if (!read)
    return false;
  std::vector<endpoint> seeds;
  for (auto& item : *read) {
    auto parsed = parse_endpoint(item);
    if (!parsed || parsed->port == 0)
      return false;
    seeds.push_back(*parsed);
  }
  c.node.seeds = std::move(seeds);
  return true;
}

bool set_endpoints(node_config& c, sink_config&, const config_value& value) {
  auto read = read_list(value);
  if (!read || std::ranges::any_of(*read, &std::string::empty))
    return false;
  c.store.endpoints = std::move(*read);
  return true;
}

bool set_intents(node_config& c, sink_config&, const config_value& value) {
  if (auto bits = read_whole(value)) {
    if (*bits < 0 || (*bits & ~std::int64_t{all_intents}) != 0)
      return false;
    c.discord.intents = static_cast<std::uint32_t>(*bits);
    return true;
  }
  auto names = read_list(value);
  if (!names)
    return false;
  std::uint32_t intents = 0;
  for (auto& name : *names) {
    auto bit = intent_bit(name);
    if (bit == 0)
      return false;
    intents |= bit;
  }
  c.discord.intents = intents;
  return true;
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         std::ranges::all_of(name,
                             [](char c) {
                               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                      (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                             }) &&
         name != "." && name != "..";
}

bool is_path(std::string_view path) {
  return !path.empty() && path.find('\0') == path.npos;
}

bool is_variable(std::string_view name) {
  return !name.empty() && name.find_first_of("= \t\n") == name.npos;
}

std::vector<config_rule> all_rules() {
  using c = node_config;
  using k = sink_config;
  static constexpr std::array<std::pair<std::string_view, store_kind>, 2> stores{
      {{"sqlite", store_kind::sqlite}, {"etcd", store_kind::etcd}}};
  static constexpr std::array<std::pair<std::string_view, stream_compression>, 3> compressions{
      {{"zstd-stream", stream_compression::zstd_stream},
       {"zlib-stream", stream_compression::zlib_stream},
       {"none", stream_compression::none}}};
  static constexpr std::array<std::pair<std::string_view, voice_choice>, 2> voices{
      {{"wait", voice_choice::wait}, {"move", voice_choice::move}}};
  static constexpr std::array<std::pair<std::string_view, sink_kind>, 3> kinds{
      {{"jsonl", sink_kind::jsonl}, {"null", sink_kind::null}, {"actor", sink_kind::actor}}};
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> levels{{{"trace", "trace"},
                                                                                        {"debug", "debug"},
                                                                                        {"info", "info"},
                                                                                        {"warn", "warn"},
                                                                                        {"error", "error"},
                                                                                        {"off", "off"}}};
  static constexpr std::array<std::pair<std::string_view, cache_members>, 4> members{
      {{"none", cache_members::none},
       {"voice", cache_members::voice},
       {"seen", cache_members::seen},
       {"all", cache_members::all}}};
  const std::string name_text = "1 to 64 letters, digits, '-', '_' or '.'";
  const std::string path_text = "a path (\"{node}\" stands for the node's name)";
  return {
      checked_text(
          "cluster.id", name_text, "shardyard", is_name, [](c & x, k&) -> auto& { return x.cluster.id; }),
      whole(
          "cluster.partitions", 1, 4096, "64", [](c & x, k&) -> auto& { return x.cluster.partitions; }),
      whole(
          "cluster.min_nodes", 1, 1000, "1", [](c & x, k&) -> auto& { return x.cluster.min_nodes; }),
      flag(
          "cluster.failover", "true", [](c & x, k&) -> auto& { return x.cluster.failover; }),
      duration(
          "cluster.lease_ms", 1, 1000, 60'000, "5000", [](c & x, k&) -> auto& { return x.cluster.lease; }),
      checked_text(
          "node.name", name_text, "node", is_name, [](c & x, k&) -> auto& { return x.node.name; }),
      {"node.listen", "HOST:PORT, for example \"127.0.0.1:7400\"", "127.0.0.1:7400", set_listen},
      {"node.seeds", "a list of HOST:PORT, for example [\"127.0.0.1:7400\"]", "", set_seeds},
      whole(
          "node.weight", 0, 10000, "1", [](c & x, k&) -> auto& { return x.node.weight; }),
      checked_text(
          "node.state_dir", path_text, "shardyard-state/{node}", is_path,
          [](c & x, k&) -> auto& { return x.node.state_dir; }),
      text(
          "tls.ca_file", "a path, or \"\" for none", "", [](c & x, k&) -> auto& { return x.tls.ca; }),
      text(
          "tls.certificate_file", "a path, or \"\" for none", "",
          [](c & x, k&) -> auto& { return x.tls.certificate; }),
      text(
          "tls.key_file", "a path, or \"\" for none", "", [](c & x, k&) -> auto& { return x.tls.key; }),
      flag(
          "coordinator.enabled", "true", [](c & x, k&) -> auto& { return x.coordinator_enabled; }),
      text(
          "discord.api_base", "a URL", "https://discord.com/api/v10",
          [](c & x, k&) -> auto& { return x.discord.api_base; }),
      checked_text(
          "discord.token_env", "the name of an environment variable", "DISCORD_TOKEN", is_variable,
          [](c & x, k&) -> auto& { return x.discord.token_env; }),
      text(
          "discord.token_file", "a path, or \"\" for none", "",
          [](c & x, k&) -> auto& { return x.discord.token_file; }),
      {"discord.intents",
       "a sum of documented intent bits (at most " + std::to_string(all_intents) +
           ") or a list of intent names such as [\"GUILDS\", \"GUILD_MESSAGES\"]",
       "53575421", set_intents},
      whole(
          "discord.large_threshold", 50, 250, "50",
          [](c & x, k&) -> auto& { return x.discord.large_threshold; }),
      choice(
          "discord.compress", compressions, "zstd-stream",
          [](c & x, k&) -> auto& { return x.discord.compress; }),
      whole_or_auto(
          "discord.shards", 1, 65535, [](c & x, k&) -> auto& { return x.discord.shards; }),
      whole_or_auto(
          "discord.max_concurrency", 1, 1024, [](c & x, k&) -> auto& { return x.discord.max_concurrency; }),
      text(
          "discord.ca_file", "a path, or \"\" for the system's certificates", "",
          [](c & x, k&) -> auto& { return x.discord.ca_file; }),
      flag(
          "discord.allow_plaintext", "false", [](c & x, k&) -> auto& { return x.discord.allow_plaintext; }),
      text(
          "discord.presence", "the text of a JSON object, or \"\" for none", "",
          [](c & x, k&) -> auto& { return x.discord.presence; }),
      choice(
          "store.kind", stores, "sqlite", [](c & x, k&) -> auto& { return x.store.kind; }),
      checked_text(
          "store.path", path_text, "shardyard-state/cluster.db", is_path,
          [](c & x, k&) -> auto& { return x.store.path; }),
      {"store.endpoints", "a list of URLs, for example [\"https://10.0.0.1:2379\"]", "", set_endpoints},
      checked_text(
          "store.prefix", name_text, "shardyard", is_name, [](c & x, k&) -> auto& { return x.store.prefix; }),
      text(
          "store.ca_file", "a path, or \"\" for the system's certificates", "",
          [](c & x, k&) -> auto& { return x.store.ca_file; }),
      text(
          "store.certificate_file", "a path, or \"\" for none", "",
          [](c & x, k&) -> auto& { return x.store.certificate_file; }),
      text(
          "store.key_file", "a path, or \"\" for none", "",
          [](c & x, k&) -> auto& { return x.store.key_file; }),
      text(
          "store.user", "a name, or \"\" for no login", "", [](c & x, k&) -> auto& { return x.store.user; }),
      text(
          "store.password_file", "a path, or \"\" for none", "",
          [](c & x, k&) -> auto& { return x.store.password_file; }),
      whole(
          "store.lease_s", 2, 60, "3", [](c & x, k&) -> auto& { return x.store.lease_s; }),
      flag(
          "store.allow_plaintext", "false", [](c & x, k&) -> auto& { return x.store.allow_plaintext; }),
      choice(
          "sink.kind", kinds, "jsonl", [](c&, k & x) -> auto& { return x.kind; }),
      checked_text(
          "sink.path",
          path_text + ", \"-\" for stdout, \"unix:\" and the path of a listening socket, or \"host:port\" of "
                      "an actor",
          "events-{node}.jsonl", is_path, [](c&, k & x) -> auto& { return x.path; }),
      bytes(
          "sink.max_backlog_bytes", 1u << 20, "64 MiB",
          [](c&, k & x) -> auto& { return x.max_backlog_bytes; }),
      {"bots.listen", "HOST:PORT, for example \"127.0.0.1:7500\", or \"\" for none", "", set_bots_listen},
      text(
          "bots.url", "a URL such as \"wss://bots.example:7500\", or \"\" for the one of bots.listen", "",
          [](c & x, k&) -> auto& { return x.bots.url; }),
      text(
          "bots.certificate_file", "a path, or \"\" for none", "",
          [](c & x, k&) -> auto& { return x.bots.certificate_file; }),
      text(
          "bots.key_file", "a path, or \"\" for none", "",
          [](c & x, k&) -> auto& { return x.bots.key_file; }),
      flag(
          "bots.allow_plaintext", "false", [](c & x, k&) -> auto& { return x.bots.allow_plaintext; }),
      flag(
          "bots.accept_token", "true", [](c & x, k&) -> auto& { return x.bots.accept_token; }),
      text(
          "bots.secrets_file", "a path, or \"\" for none", "",
          [](c & x, k&) -> auto& { return x.bots.secrets_file; }),
      whole_or_auto(
          "bots.shards", 1, 65535, [](c & x, k&) -> auto& { return x.bots.shards; }),
      duration(
          "bots.resume_window_s", 1000, 10, 86400, "300",
          [](c & x, k&) -> auto& { return x.bots.resume_window; }),
      duration(
          "bots.ring_age_s", 1000, 10, 86400, "600", [](c & x, k&) -> auto& { return x.bots.ring_age; }),
      bytes(
          "bots.ring_bytes", 1u << 20, "256 MiB", [](c & x, k&) -> auto& { return x.bots.ring_bytes; }),
      whole(
          "bots.zstd_window_log", 10, 20, "17", [](c & x, k&) -> auto& { return x.bots.zstd_window_log; }),
      {"cache.enabled", "\"auto\", true or false", "auto", set_cache_enabled},
      choice(
          "cache.members", members, "voice", [](c & x, k&) -> auto& { return x.cache.members; }),
      flag(
          "cache.presences", "false", [](c & x, k&) -> auto& { return x.cache.presences; }),
      flag(
          "cache.refill", "true", [](c & x, k&) -> auto& { return x.cache.refill; }),
      duration(
          "cache.refill_after_s", 1000, 1, 86400, "60",
          [](c & x, k&) -> auto& { return x.cache.refill_after; }),
      duration(
          "handover.stable_for_s", 1000, 0, 86400, "60",
          [](c & x, k&) -> auto& { return x.handover.stable_for; }),
      duration(
          "handover.quiet_s", 1000, 0, 3600, "5", [](c & x, k&) -> auto& { return x.handover.quiet; }),
      duration(
          "handover.hold_ms", 1, 0, 500, "500", [](c & x, k&) -> auto& { return x.handover.hold; }),
      duration(
          "handover.exceptions_after_s", 1000, 0, 86400, "600",
          [](c & x, k&) -> auto& { return x.handover.exceptions_after; }),
      duration(
          "handover.probe_interval_s", 1000, 1, 60, "5",
          [](c & x, k&) -> auto& { return x.handover.probe_interval; }),
      choice(
          "handover.voice", voices, "wait", [](c & x, k&) -> auto& { return x.handover.voice; }),
      duration(
          "handover.voice_wait_s", 1000, 0, 86400, "900",
          [](c & x, k&) -> auto& { return x.handover.voice_wait; }),
      whole_or_auto(
          "identify.reserve", 0, 1'000'000, [](c & x, k&) -> auto& { return x.identify.reserve; }),
      whole_or_auto(
          "identify.fuse", 0, 1'000'000, [](c & x, k&) -> auto& { return x.identify.fuse; }),
      duration(
          "identify.margin_ms", 1, 0, 60000, "150", [](c & x, k&) -> auto& { return x.identify.margin; }),
      flag(
          "watchdog.renew", "false", [](c & x, k&) -> auto& { return x.watchdog.renew; }),
      duration(
          "watchdog.stretch_s", 1000, 1, 60, "10", [](c & x, k&) -> auto& { return x.watchdog.stretch; }),
      duration(
          "watchdog.silent_s", 1000, 1, 86400, "120", [](c & x, k&) -> auto& { return x.watchdog.silent; }),
      whole(
          "watchdog.expected", 10, 1'000'000, "60", [](c & x, k&) -> auto& { return x.watchdog.expected; }),
      bytes(
          "limits.memory_bytes", 1u << 16, "8 MiB", [](c & x, k&) -> auto& { return x.limits.memory_bytes; }),
      bytes(
          "limits.spool_bytes", 1u << 20, "256 MiB", [](c & x, k&) -> auto& { return x.limits.spool_bytes; }),
      bytes(
          "limits.overlap_bytes", 1u << 16, "8 MiB",
          [](c & x, k&) -> auto& { return x.limits.overlap_bytes; }),
      choice(
          "log.level", levels, "info", [](c & x, k&) -> auto& { return x.log_level; }),
  };
}

} // namespace

const std::vector<config_rule>& config_rules() {
  static const auto rules = all_rules();
  return rules;
}

} // namespace shardyard
