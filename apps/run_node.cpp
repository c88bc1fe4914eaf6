#include "actors/bot_session/bot_endpoint_actor.hpp"
#include "actors/coordinator/candidate_actor.hpp"
#include "actors/node/node_actor.hpp"
#include "apps/bot_secrets.hpp"
#include "apps/config.hpp"
#include "apps/election.hpp"
#include "apps/run.hpp"
#include "apps/signals.hpp"
#include "apps/token.hpp"
#include "messages/system_config.hpp"
#include "messages/version.hpp"

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include <linux/close_range.h>
#include <malloc.h>
#include <unistd.h>

namespace shardyard {

using std::chrono::milliseconds;

namespace {

net::compression to_net(stream_compression x) {
  switch (x) {
  case stream_compression::none:
    return net::compression::none;
  case stream_compression::zlib_stream:
    return net::compression::zlib_stream;
  case stream_compression::zstd_stream:
    return net::compression::zstd_stream;
  }
  return net::compression::zstd_stream;
}

sink_type to_sink_type(sink_kind x) {
  switch (x) {
  case sink_kind::jsonl:
    return sink_type::jsonl;
  case sink_kind::null:
    return sink_type::null;
  case sink_kind::actor:
    return sink_type::actor;
  }
  return sink_type::null;
}

constexpr std::uint32_t guilds_intent = 1; ///< Gateway reference, "List of Intents"

std::shared_ptr<io_door> make_door(const node_config& config, const secret& token) {
  auto door = std::make_shared<io_door>(1);
  door->link.compress = to_net(config.discord.compress);
  door->link.ca_file = config.discord.ca_file;
  door->link.allow_plaintext = config.discord.allow_plaintext;
  door->identify = [discord = config.discord, token](const shard_key& shard) {
    net::identify_payload result;
    result.token = std::string{token.reveal()};
    result.intents = discord.intents;
    result.shard_id = shard.id;
    result.shard_count = shard.count;
    result.large_threshold = static_cast<std::uint16_t>(discord.large_threshold);
    result.presence = discord.presence;
    return result;
  };
  door->token = [token] { return std::string{token.reveal()}; };
  door->limits.memory_bytes = config.limits.memory_bytes;
  door->spool_bytes = config.limits.spool_bytes;
  door->spool_dir = config.node.state_dir + "/spool";
  door->probe_interval = config.handover.probe_interval;
  door->mix_stretch = config.watchdog.stretch;
  return door;
}

coordinator_setup make_coordinator(const node_config& config, const secret& token,
                                   std::shared_ptr<io_door> door) {
  coordinator_setup setup;
  setup.cluster = config.cluster.id;
  setup.node = config.node.name;
  setup.store_path = config.store.path;
  setup.partitions = config.cluster.partitions;
  setup.min_nodes = config.cluster.min_nodes;
  setup.failover = config.cluster.failover;
  setup.lease_ttl = config.cluster.lease;
  setup.shards = config.discord.shards;
  setup.max_concurrency = config.discord.max_concurrency;
  setup.identifies.margin = config.identify.margin;
  setup.identifies.reserve = config.identify.reserve;
  setup.identifies.fuse = config.identify.fuse;
  setup.tuning.stable_for = config.handover.stable_for;
  setup.replace_silent_sessions = config.watchdog.renew;
  setup.mix.enough = config.watchdog.expected;
  setup.mix.enough_alone = config.watchdog.expected * 400.0 / 60;
  setup.mix.at_least = config.watchdog.silent;
  setup.refill.enabled = config.cache.refill;
  setup.refill.after = config.cache.refill_after;
  setup.rest.api_base = config.discord.api_base;
  setup.rest.token = std::string{token.reveal()};
  setup.rest.ca_file = config.discord.ca_file;
  setup.rest.allow_plaintext = config.discord.allow_plaintext;
  setup.gateway_file = config.node.state_dir + "/gateway-bot.json";
  setup.door = std::move(door);
  return setup;
}

/// The tested way to begin is to start: the same program with the same arguments takes this process over.
void begin_anew() {
  std::fflush(nullptr);
  std::ifstream file{"/proc/self/cmdline", std::ios::binary};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  std::vector<char*> arguments;
  for (std::size_t at = 0; at < text.size(); at += std::strlen(&text[at]) + 1)
    arguments.push_back(&text[at]);
  arguments.push_back(nullptr);
  ::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv("/proc/self/exe", arguments.data());
  std::_Exit(exit_failed);
}

node_setup make_node(const node_config& config, std::shared_ptr<io_door> door) {
  node_setup setup;
  setup.card.name = config.node.name;
  setup.card.incarnation = (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}();
  setup.card.cluster = config.cluster.id;
  setup.card.weight = config.node.weight;
  setup.card.host = config.node.listen.host;
  setup.card.port = config.node.listen.port;
  for (auto& seed : config.node.seeds)
    setup.seeds.emplace_back(seed.host, seed.port);
  setup.state_dir = config.node.state_dir;
  // The slowest sink holds all of them back, so the smallest backlog is the one that counts.
  if (auto least = std::ranges::min_element(config.sinks, {}, &sink_config::max_backlog_bytes);
      least != config.sinks.end())
    setup.max_backlog_bytes = least->max_backlog_bytes;
  for (auto& sink : config.sinks)
    setup.sinks.push_back({to_sink_type(sink.kind), sink.path});
  setup.tuning.quiet = config.handover.quiet;
  setup.tuning.hold = config.handover.hold;
  setup.tuning.max_buffer_bytes = config.limits.overlap_bytes;
  setup.exceptions_after = config.handover.exceptions_after;
  setup.voice.policy = config.handover.voice == voice_choice::wait ? voice_policy::wait : voice_policy::move;
  setup.voice.longest_wait = config.handover.voice_wait;
  setup.guilds_intent = (config.discord.intents & guilds_intent) != 0;
  setup.door = std::move(door);
  setup.card.version = build_version();
  setup.lease_ttl = config.cluster.lease;
  setup.deliver_until = std::make_shared<std::atomic<std::int64_t>>(0);
  return setup;
}

member_policy to_policy(cache_members x) {
  switch (x) {
  case cache_members::none:
    return member_policy::none;
  case cache_members::voice:
    return member_policy::voice;
  case cache_members::seen:
    return member_policy::seen;
  case cache_members::all:
    return member_policy::all;
  }
  return member_policy::voice;
}

bot_endpoint_setup make_endpoint(const node_config& config, const node_card& card,
                                 std::shared_ptr<io_door> io, std::shared_ptr<bot_secrets> secrets) {
  auto& bots = config.bots;
  bot_endpoint_setup setup;
  setup.node = card.name;
  // A later life of the endpoint counts higher.
  setup.incarnation = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                                     std::chrono::system_clock::now().time_since_epoch())
                                                     .count());
  setup.io = std::move(io);
  setup.shards = bots.shards;
  setup.door.host = bots.listen->host;
  setup.door.port = bots.listen->port;
  setup.door.certificate_file = bots.certificate_file;
  setup.door.key_file = bots.key_file;
  setup.door.api_base = config.discord.api_base;
  setup.door.ca_file = config.discord.ca_file;
  setup.door.allow_plaintext = config.discord.allow_plaintext;
  setup.door.zstd_window_log = static_cast<int>(bots.zstd_window_log);
  setup.sessions.intents = config.discord.intents;
  setup.sessions.resume_url = bots.url;
  setup.sessions.resume_window = bots.resume_window;
  setup.sessions.ring_age = bots.ring_age;
  setup.sessions.ring_bytes = bots.ring_bytes;
  setup.sessions.find_bot = [secrets](std::string_view token) { return bot_name{secrets->find(token)}; };
  setup.authorize = [secrets](std::string_view given) -> std::optional<std::string> {
    auto value = secrets->authorization(given);
    return value.empty() ? std::nullopt : std::optional{std::move(value)};
  };
  setup.revoked = [secrets] {
    std::string complaint;
    auto gone = secrets->reload(complaint);
    if (!complaint.empty())
      spdlog::error("{}", complaint);
    return gone;
  };
  return setup;
}

int report_errors(const std::vector<std::string>& errors) {
  for (auto& error : errors)
    fmt::print(stderr, "shardyard: {}\n", error);
  return exit_usage;
}

/// What cannot begin ends the process: the actor system would wait for ever for the actors that have begun,
/// with the signals blocked.
template <class Begin>
auto begun(Begin begin) {
  try {
    return begin();
  } catch (const std::exception& error) {
    fmt::print(stderr, "shardyard: {}\n", error.what());
    std::fflush(nullptr);
    std::_Exit(exit_failed);
  }
}

int serve(const node_config& config, const secret& token, const sigset_t& signals, bool take_over,
          std::shared_ptr<bot_secrets> secrets) {
  register_local_messages();
  system_config caf_config;
  caf::actor_system system{caf_config};
  auto door = make_door(config, token);
  auto campaigns = config.coordinator_enabled && config.store.kind == store_kind::etcd;
  local_coordinator_actor coordinator;
  if (config.coordinator_enabled && !campaigns) {
    auto coordinator_setup = make_coordinator(config, token, door);
    coordinator_setup.take_over = take_over;
    coordinator = begun([&] { return spawn_coordinator(system, std::move(coordinator_setup)); });
  }
  auto setup = make_node(config, door);
  setup.begin_anew = [variable = config.discord.token_env, token] {
    // The environment was cleared of it at the start.
    ::setenv(variable.c_str(), std::string{token.reveal()}.c_str(), 1);
    begin_anew();
  };
  setup.coordinator = coordinator;
  setup.links = begun(
      [&] { return std::make_shared<peer_links>(system, config.tls, config.cluster.id, config.node.name); });
  auto cached = config.cache.enabled.value_or(config.bots.listen.has_value());
  if (cached)
    setup.cache = cache_policy{to_policy(config.cache.members), config.cache.presences, 0};
  if (config.bots.listen) {
    auto endpoint =
        begun([&] { return spawn_bot_endpoint(system, make_endpoint(config, setup.card, door, secrets)); });
    setup.endpoint = endpoint.actor;
    spdlog::info("bots connect to {}:{} (API base URL http{}://{}:{}/api, gateway {})",
                 config.bots.listen->host, endpoint.port, config.bots.certificate_file.empty() ? "" : "s",
                 config.bots.listen->host, endpoint.port, endpoint.url);
  }
  auto port = setup.card.port;
  auto node = begun([&] { return spawn_node(system, std::move(setup), port); });
  spdlog::info("node {} listens on {}:{}{}", config.node.name, config.node.listen.host, port,
               config.tls.empty() ? "" : ", for holders of a certificate of the cluster only");
  std::shared_ptr<etcd_election> election;
  if (campaigns) {
    election = begun([&] { return make_election(config, port); });
    spawn_candidate(system, {election, make_coordinator(config, token, door), node});
  }
  int received = 0;
  sigwait(&signals, &received);
  // Crash-only: what must last is on disk already, sessions stay resumable, so there is one way to end and it
  // is the tested one.
  spdlog::info("ending; sessions stay resumable for a few minutes");
  if (election)
    election->resign(); // another candidate need not wait for the end of our lease
  std::fflush(nullptr);
  std::_Exit(exit_done);
}

// Blocks of events are made on one thread and freed on another, a few hundred KiB at a time: what a burst
// took stays with the process, since each page given back is a page fault and a cleared page at the next one.
void keep_memory() {
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
}

} // namespace

int run_node(const node_command& command) {
  keep_memory();
  auto signals = block_end_signals();
  auto loaded = load_config({command.config, process_environment(), command.overrides});
  if (!loaded.ok())
    return report_errors(loaded.errors);
  auto& config = loaded.config;
  spdlog::set_level(spdlog::level::from_str(config.log_level));
  auto* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  auto token =
      read_token({config.discord.token_file, config.discord.token_env, credentials ? credentials : ""});
  for (auto& warning : token.warnings)
    spdlog::warn("{}", warning);
  if (!token.error.empty())
    return report_errors({token.error});
  spdlog::info("token from {}", token.origin);
  if (!config.tls.empty())
    if (auto problems = net::check_tls_files(config.tls, net::tls_role::node); !problems.empty())
      return report_errors(problems);
  if (command.take_over && (!config.coordinator_enabled || config.store.kind == store_kind::etcd))
    return report_errors(
        {config.coordinator_enabled
             ? "--take-over is for store.kind = \"sqlite\"; over etcd another candidate takes over by itself"
             : "--take-over is for a coordinator, and coordinator.enabled is false here"});
  auto secrets =
      std::make_shared<bot_secrets>(token.token, config.bots.accept_token, config.bots.secrets_file);
  if (auto problems = secrets->load(); config.bots.listen && !problems.empty())
    return report_errors(problems);
  return serve(config, token.token, signals, command.take_over, std::move(secrets));
}

} // namespace shardyard
