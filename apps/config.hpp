// The configuration of a node: a TOML file, over it the environment, over that `--set`. What each key means,
// its unit and its default stand in cluster-config/one-host.toml. Loading promises a complete, checked
// configuration or every reason why there is none.
#pragma once

#include "net/tls_files.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shardyard {

struct endpoint {
  std::string host; ///< without brackets
  std::uint16_t port = 0;

  bool operator==(const endpoint&) const = default;
};

/// "127.0.0.1:7400", "[::1]:7400"
std::string to_string(const endpoint& x);

struct cluster_config {
  std::string id = "shardyard";
  std::uint32_t partitions = 64;          ///< fixed when the cluster is created
  std::uint32_t min_nodes = 1;            ///< nodes that must have joined before shards are placed
  bool failover = true;                   ///< what a lost node ran goes on at others
  std::chrono::milliseconds lease{5'000}; ///< a node that is not heard delivers for so long at most

  bool operator==(const cluster_config&) const = default;
};

struct node_section {
  std::string name = "node";
  endpoint listen{"127.0.0.1", 7400}; ///< without [tls] loopback only; port 0: any free one
  std::vector<endpoint> seeds;
  std::uint32_t weight = 1; ///< share of shards and partitions; 0 hosts none
  std::string state_dir = "shardyard-state/{node}";

  bool operator==(const node_section&) const = default;
};

enum class stream_compression : std::uint8_t { none, zlib_stream, zstd_stream };

struct discord_config {
  std::string api_base = "https://discord.com/api/v10"; ///< without trailing slash
  std::string token_env = "DISCORD_TOKEN";
  std::string token_file;           ///< empty: not from a file
  std::uint32_t intents = 53575421; ///< Gateway reference, "Gateway Intents": all without privileged ones
  std::uint32_t large_threshold = 50;
  stream_compression compress = stream_compression::zstd_stream;
  std::optional<std::uint32_t> shards;          ///< nothing: as Discord recommends
  std::optional<std::uint32_t> max_concurrency; ///< nothing: as Discord says
  std::string ca_file;                          ///< empty: the system's certificates
  bool allow_plaintext = false;                 ///< http:// and ws:// to other than loopback addresses
  std::string presence;                         ///< JSON object for IDENTIFY; empty: none

  bool operator==(const discord_config&) const = default;
};

enum class sink_kind : std::uint8_t { jsonl, null, actor };

struct sink_config {
  sink_kind kind = sink_kind::jsonl;
  std::string path = "events-{node}.jsonl"; ///< as open_line_writer takes it; actor: "host:port"
  std::uint64_t max_backlog_bytes = 64u << 20;

  bool operator==(const sink_config&) const = default;
};

enum class voice_choice : std::uint8_t { wait, move };

struct handover_config {
  std::chrono::milliseconds stable_for{60'000};
  std::chrono::milliseconds quiet{5'000};
  std::chrono::milliseconds hold{500};
  std::chrono::milliseconds exceptions_after{600'000};
  std::chrono::milliseconds probe_interval{5'000};
  voice_choice voice = voice_choice::wait;       ///< guilds where the bot is in a voice channel
  std::chrono::milliseconds voice_wait{900'000}; ///< wait: for so long at most

  bool operator==(const handover_config&) const = default;
};

struct watchdog_config {
  bool renew = false; ///< new sessions when a live one stops to bring a kind of event
  std::chrono::milliseconds stretch{10'000};
  std::chrono::milliseconds silent{120'000};
  std::uint32_t expected = 60; ///< events of a kind that may stay away

  bool operator==(const watchdog_config&) const = default;
};

struct identify_config {
  std::optional<std::uint32_t> reserve; ///< nothing: the ledger's default
  std::optional<std::uint32_t> fuse;
  std::chrono::milliseconds margin{150};

  bool operator==(const identify_config&) const = default;
};

struct limits_config {
  std::uint64_t memory_bytes =
      8u << 20; ///< per shard and node it sends to: unacknowledged events held in memory
  std::uint64_t spool_bytes = 256u << 20; ///< the same on disk, beyond that memory
  std::uint64_t overlap_bytes = 8u << 20; ///< per guild and list of a hand-over

  bool operator==(const limits_config&) const = default;
};

/// Which guilds' state the partitions keep for bots (actors/partition/guild_cache.hpp).
enum class cache_members : std::uint8_t { none, voice, seen, all };

/// Where bots connect as if to Discord.
struct bots_config {
  std::optional<endpoint> listen; ///< nothing: bots cannot connect to this node
  std::string url;                ///< what bots are told, "wss://bots.example:7500"; empty: made of `listen`
  std::string certificate_file;   ///< PEM; empty: plain HTTP and WebSocket
  std::string key_file;
  bool allow_plaintext = false;        ///< without certificate on other than loopback addresses
  bool accept_token = true;            ///< the bot's own token is a credential
  std::string secrets_file;            ///< further credentials, a line each: NAME SECRET; empty: none
  std::optional<std::uint32_t> shards; ///< recommended to bots; nothing: the cluster's own count
  std::chrono::milliseconds resume_window{300'000};
  std::chrono::milliseconds ring_age{600'000};
  std::uint64_t ring_bytes = 256u << 20;
  std::uint32_t zstd_window_log = 17;

  bool operator==(const bots_config&) const = default;
};

struct cache_config {
  std::optional<bool> enabled; ///< nothing: where bots.listen is set
  cache_members members = cache_members::voice;
  bool presences = false;
  bool refill = true; ///< new sessions when guilds are not in the cache and nothing else will show them
  std::chrono::milliseconds refill_after{60'000};

  bool operator==(const cache_config&) const = default;
};

enum class store_kind : std::uint8_t { sqlite, etcd };

struct store_config {
  store_kind kind = store_kind::sqlite;
  std::string path = "shardyard-state/cluster.db"; ///< sqlite
  // etcd:
  std::vector<std::string> endpoints; ///< http(s) URLs
  std::string prefix = "shardyard";
  std::string ca_file; ///< empty: the system's certificates
  std::string certificate_file;
  std::string key_file;
  std::string user; ///< empty: no login
  std::string password_file;
  std::uint32_t lease_s = 3;
  bool allow_plaintext = false; ///< http:// to other than loopback addresses

  bool operator==(const store_config&) const = default;
};

struct node_config {
  cluster_config cluster;
  node_section node;
  net::tls_files tls; ///< towards other nodes and commands; all empty: plain, loopback only
  bool coordinator_enabled = true;
  discord_config discord;
  store_config store;
  std::vector<sink_config> sinks;
  bots_config bots;
  cache_config cache;
  handover_config handover;
  identify_config identify;
  watchdog_config watchdog;
  limits_config limits;
  std::string log_level = "info"; ///< a name that spdlog knows

  bool operator==(const node_config&) const = default;
};

/// Either `errors` is empty and `config` complete, or each error names its place, its key and what is
/// allowed.
struct config_result {
  node_config config;
  std::vector<std::string> errors;

  bool ok() const { return errors.empty(); }
};

/// Where a configuration comes from; later ones win.
struct config_input {
  std::string path;                     ///< TOML file; empty: none
  std::vector<std::string> environment; ///< "SHARDYARD_NODE_NAME=a"; other names are none of ours and ignored
  std::vector<std::string> overrides;   ///< "node.name=a", "sink.0.path=-"
};

config_result load_config(const config_input& input);

/// The same with the file's text given; `input.path` only names it in errors.
config_result parse_config(const std::string& toml, const config_input& input);

/// The environment of this process as config_input wants it.
std::vector<std::string> process_environment();

} // namespace shardyard
