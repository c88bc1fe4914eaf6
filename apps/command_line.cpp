#include "apps/command_line.hpp"

#include "messages/version.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace shardyard {
namespace {

constexpr auto description =
    "Holds a bot's Discord gateway sessions and changes their number while the bot keeps running.";

void add_node(CLI::App& app, node_command& out) {
  auto* sub =
      app.add_subcommand("node", "run a node of the cluster (the coordinator, shards, partitions, sinks)");
  sub->add_option("--config,-c", out.config, "configuration file (TOML); see cluster-config/")->required();
  sub->add_option("--set", out.overrides, "override one key: section.key=value (repeatable)");
  sub->add_flag(
      "--take-over", out.take_over,
      "coordinator with a SQLite store that was copied or restored: raise the epoch above all others");
}

void add_sim(CLI::App& app, sim_command& out) {
  auto* sub = app.add_subcommand("sim", "run a simulated Discord to rehearse against");
  sub->add_option("--host", out.host, "address to listen on")->capture_default_str();
  sub->add_option("--port", out.port, "port to listen on; 0 = any free one, printed")->capture_default_str();
  sub->add_option("--token", out.token, "the bot token that it accepts")->capture_default_str();
  sub->add_option("--seed", out.seed, "seed of the world")->capture_default_str();
  sub->add_option("--guilds", out.guilds, "guilds in the world")->capture_default_str();
  sub->add_option("--rate", out.rate, "events per second in the whole world")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  sub->add_flag("--presences,!--no-presences", out.presences, "presence updates in the mix");
  sub->add_option("--max-concurrency", out.max_concurrency, "identify buckets")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  sub->add_option("--budget", out.budget, "IDENTIFYs per day")->capture_default_str();
  sub->add_option("--shard-multiple", out.shard_multiple, "shard counts must be a multiple of this")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  sub->add_option("--delay-min-ms", out.delay_min_ms, "least delay of a session's copy of an event")
      ->capture_default_str();
  sub->add_option("--delay-max-ms", out.delay_max_ms, "greatest delay of a session's copy of an event")
      ->capture_default_str();
  sub->add_option("--heartbeat-ms", out.heartbeat_ms, "heartbeat interval told in HELLO")
      ->capture_default_str()
      ->check(CLI::Range(100, 600000));
  sub->add_option("--heartbeat-requests", out.heartbeat_requests,
                  "op 1 sent to each client, per minute, at random moments")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 60.0));
  sub->add_option("--interactions", out.interactions, "slash commands per second, besides those of the mix")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  sub->add_option("--voice-endpoint", out.voice_endpoint,
                  "HOST:PORT told to a bot that joins a voice channel; the simulator has no voice server")
      ->capture_default_str();
  sub->add_flag(
      "--truth-digests", out.truth_digests,
      "the truth tells the CRC-32 of each event's \"d\", so that a client without session numbers can "
      "be compared");
  sub->add_option("--truth-memory-mb", out.truth_memory_mb,
                  "MiB of the truth kept in memory; older goes to a file")
      ->capture_default_str();
  sub->add_option("--truth-limit-mb", out.truth_limit_mb,
                  "MiB of the truth in all; beyond them /truth answers 410")
      ->capture_default_str();
  sub->add_option("--truth-folder", out.truth_folder,
                  "folder of that file; default: the one for temporary files");
  sub->add_flag("--tls", out.tls, "serve TLS with a certificate made at start");
  sub->add_option("--ca-out", out.ca_out, "with --tls: write the certificate for clients to trust here");
  sub->add_option("--port-out", out.port_out, "write the port to this file once listening");
}

void add_audit(CLI::App& app, audit_command& out) {
  auto* sub = app.add_subcommand(
      "audit", "compare what was delivered with what happened; exit 0 only if nothing is wrong");
  sub->add_option("--truth", out.truth, "URL of the simulator's /truth, or a file with its answer")
      ->required();
  sub->add_option("--events", out.events, "file written by a jsonl sink (repeatable)")->required();
  sub->add_option("--report", out.report, "file with the JSON of 'shardyard report --json'");
  sub->add_flag("--json", out.json, "print JSON");
}

void add_certs(CLI::App& app, certs_command& out) {
  auto* sub = app.add_subcommand("certs", "make the cluster's authority and the certificates that it signs");
  sub->require_subcommand(1);
  auto add = [&](const char* name, certificate_kind kind, std::uint32_t days, const char* text) {
    auto* made = sub->add_subcommand(name, text);
    made->add_option("--dir", out.order.folder, "folder of the authority and of what is written")
        ->capture_default_str();
    made->add_option("--days", out.order.days,
                     "days until it expires (" + std::to_string(days) + " unless named)")
        ->check(CLI::Range(1u, 36500u));
    made->add_flag("--force", out.order.force, "replace files that are there");
    made->parse_complete_callback([&out, made, kind, days] {
      out.order.kind = kind;
      if (made->count("--days") == 0)
        out.order.days = days;
    });
    return made;
  };
  add("init", certificate_kind::authority, 3650, "a new authority: ca.pem, ca.key");
  auto* node = add("node", certificate_kind::node, 365, "a certificate for a node: NAME.pem, NAME.key");
  node->add_option("name", out.order.name, "the node's name")->required();
  node->add_option("--host", out.order.hosts, "address or host name of the node (repeatable)");
  add("admin", certificate_kind::admin, 365, "a certificate for operators' commands: admin.pem, admin.key");
}

/// Splits "host:port"; CLI11 turns the text into a usage error.
std::string check_address(const std::string& text) {
  auto colon = text.rfind(':');
  auto port = colon == std::string::npos ? std::string{} : text.substr(colon + 1);
  auto digits = !port.empty() && port.size() <= 5 &&
                std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  if (colon == 0 || !digits || std::stoul(port) == 0 || std::stoul(port) > 65535)
    return "'" + text + "' is not HOST:PORT (for example 127.0.0.1:7400)";
  return {};
}

struct admin_options {
  std::string at = "127.0.0.1:7400";
  std::string tls_folder;
  std::vector<std::pair<CLI::App*, std::string>> verbs;
};

CLI::App* add_verb(CLI::App& app, admin_options& options, admin_command& out, const std::string& verb,
                   const std::string& text) {
  auto* sub = app.add_subcommand(verb, text);
  sub->add_option("--at", options.at, "HOST:PORT of any node of the cluster")
      ->capture_default_str()
      ->check(CLI::Validator(check_address, "HOST:PORT"));
  sub->add_option("--tls", options.tls_folder,
                  "folder with ca.pem, admin.pem and admin.key (environment SHARDYARD_TLS)");
  sub->add_option("--ca", out.tls.ca, "the cluster's CA certificate (SHARDYARD_CA)");
  sub->add_option("--cert", out.tls.certificate, "an admin certificate (SHARDYARD_CERT)");
  sub->add_option("--key", out.tls.key, "the key to it (SHARDYARD_KEY)");
  sub->add_flag("--json", out.json, "print JSON");
  sub->add_option("--timeout", out.timeout_s,
                  "seconds to wait for the coordinator, or for a new one to be elected")
      ->capture_default_str()
      ->check(CLI::Range(1, 3600));
  options.verbs.emplace_back(sub, verb);
  return sub;
}

void add_admin(CLI::App& app, admin_options& options, admin_command& out) {
  auto& request = out.request;
  auto verb = [&](const char* name, const char* text) { return add_verb(app, options, out, name, text); };
  verb("status", "topology, shards, nodes, identify budget, whether a reshard is running")
      ->add_flag("--watch", out.watch, "keep printing until interrupted or the running reshard ends");
  auto* plan =
      verb("plan", "dry run of a reshard: units, identifies, time, guilds that move, better counts nearby");
  plan->add_option("shards", request.target, "the new number of shards")
      ->required()
      ->check(CLI::Range(1u, 1000000u));
  plan->add_flag("--renew", request.renew, "same count, new sessions");
  auto* reshard = verb("reshard", "change the number of shards while events flow");
  reshard->add_option("shards", request.target, "the new number of shards")
      ->required()
      ->check(CLI::Range(1u, 1000000u));
  reshard->add_flag("--watch", out.watch, "show the progress until the end");
  reshard->add_flag("--hold", request.hold, "stop before old shards are closed, until 'commit'");
  reshard->add_flag("--renew", request.renew, "same count, new sessions");
  auto* commit = verb("commit", "let a held reshard close its old shards");
  commit->add_flag("--accept", request.accept,
                   "also cut guilds that no proof was found for, and say so in the report");
  verb("pause", "take no further step of the running reshard");
  verb("continue", "go on with a paused reshard");
  verb("abort", "take the units back that are not closing yet");
  verb("report", "figures of a reshard: cuts by kind, compared events, late, unverifiable, gaps")
      ->add_option("plan", request.plan, "plan number; without it the newest");
}

void add_moves(CLI::App& app, admin_options& options, admin_command& out) {
  auto& request = out.request;
  auto verb = [&](const char* name, const char* text) { return add_verb(app, options, out, name, text); };
  verb("bots", "who is connected to the bots' endpoints, what each got and is still to get");
  verb("nodes", "the hosts of the cluster, what they carry, which are cordoned or declared dead");
  auto* move = verb("move", "move one shard, or one partition, to another node; uses no IDENTIFY");
  move->add_option("what", request.subject, "SHARD, TOPOLOGY:SHARD, or partition:NUMBER")->required();
  move->add_option("--to", request.node, "name of the node that takes it")->required();
  auto* drain = verb("drain-node", "move everything off a node and give it nothing new");
  drain->add_option("node", request.subject, "name of the node")->required();
  drain->add_flag("--dry-run", request.dry_run, "only say what would move");
  verb("uncordon", "let a drained node take shards and partitions again")
      ->add_option("node", request.subject, "name of the node")
      ->required();
  verb("rebalance", "spread shards and partitions over all nodes by their weights")
      ->add_flag("--dry-run", request.dry_run, "only say what would move");
}

void take_variable(std::string& out, const char* name) {
  if (auto* value = std::getenv(name); value && *value)
    out = value;
}

/// The folder names the three files; each of them may be named on its own. Empty, or what is wrong.
std::string complete_tls(const std::string& folder, net::tls_files& files) {
  auto fill = [&folder](std::string& file, const char* name) {
    if (file.empty() && !folder.empty())
      file = folder + "/" + name;
  };
  fill(files.ca, "ca.pem");
  fill(files.certificate, "admin.pem");
  fill(files.key, "admin.key");
  auto whole = !files.ca.empty() && !files.certificate.empty() && !files.key.empty();
  return whole || files.empty() ? "" : "--ca, --cert and --key belong together: name all three, or --tls DIR";
}

/// CLI11 says only that a verb is missing.
std::string unknown_verb(const CLI::App& app, int argc, const char* const* argv) {
  if (argc < 2 || argv[1][0] == '-')
    return {};
  std::string allowed;
  for (auto* verb : app.get_subcommands({})) {
    if (verb->get_name() == argv[1])
      return {};
    allowed += (allowed.empty() ? "" : ", ") + verb->get_name();
  }
  return "shardyard: '" + std::string{argv[1]} + "' is not a verb; allowed: " + allowed + "\n";
}

} // namespace

command parse_command_line(int argc, const char* const* argv) {
  CLI::App app{description, "shardyard"};
  app.set_version_flag("--version", "shardyard " + std::string{build_version()});
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no coordinator reachable.");
  node_command node;
  sim_command sim;
  audit_command audit;
  certs_command certs;
  admin_command admin;
  admin_options options;
  // Not by CLI11's envname: it would apply the variable for the verbs that were not given, over the --at of
  // the one that was.
  if (auto* at = std::getenv("SHARDYARD_AT"); at && *at)
    options.at = at;
  take_variable(options.tls_folder, "SHARDYARD_TLS");
  take_variable(admin.tls.ca, "SHARDYARD_CA");
  take_variable(admin.tls.certificate, "SHARDYARD_CERT");
  take_variable(admin.tls.key, "SHARDYARD_KEY");
  add_node(app, node);
  add_sim(app, sim);
  add_audit(app, audit);
  add_certs(app, certs);
  add_admin(app, options, admin);
  add_moves(app, options, admin);
  if (auto unknown = unknown_verb(app, argc, argv); !unknown.empty())
    return usage{exit_usage, unknown};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    auto code = app.exit(error, out, err);
    return usage{code == 0 ? exit_done : exit_usage, out.str() + err.str()};
  }
  if (app.got_subcommand("node"))
    return node;
  if (app.got_subcommand("sim"))
    return sim;
  if (app.got_subcommand("audit"))
    return audit;
  if (app.got_subcommand("certs"))
    return certs;
  for (auto& [sub, verb] : options.verbs)
    if (sub->parsed())
      admin.request.verb = verb;
  if (auto wrong = check_address(options.at); !wrong.empty())
    return usage{exit_usage, "shardyard: SHARDYARD_AT: " + wrong + "\n"};
  if (auto wrong = complete_tls(options.tls_folder, admin.tls); !wrong.empty())
    return usage{exit_usage, "shardyard: " + wrong + "\n"};
  auto colon = options.at.rfind(':');
  admin.host = options.at.substr(0, colon);
  admin.port = static_cast<std::uint16_t>(std::stoul(options.at.substr(colon + 1)));
  return admin;
}

} // namespace shardyard
