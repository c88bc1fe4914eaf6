// The command line as data: which verb, with which options. Parsing knows nothing of what verbs do.
#pragma once

#include "apps/certs.hpp"
#include "messages/control.hpp"
#include "net/tls_files.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace shardyard {

/// `shardyard node`
struct node_command {
  std::string config;
  std::vector<std::string> overrides; ///< "section.key=value"
  bool take_over = false;             ///< the store may be older than the cluster
};

/// `shardyard sim`
struct sim_command {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0; ///< 0: any free port, printed
  std::string token = "sim-token";
  std::uint64_t seed = 1;
  std::uint32_t guilds = 2000;
  double rate = 1000; ///< events per second over the whole world
  bool presences = true;
  std::uint32_t max_concurrency = 16;
  std::uint32_t budget = 1000; ///< IDENTIFYs per day
  std::uint32_t shard_multiple = 1;
  std::uint32_t delay_min_ms = 0; ///< of each session's copies
  std::uint32_t delay_max_ms = 50;
  std::uint32_t heartbeat_ms = 41250;
  double heartbeat_requests = 0; ///< op 1 to a client, per minute and connection
  double interactions = 0;       ///< slash commands per second, besides those of the mix
  std::string voice_endpoint = "voice-sim.invalid:2053"; ///< told to bots that join a voice channel
  bool truth_digests = false;                            ///< each occurrence with the CRC-32 of its `d`
  std::uint64_t truth_memory_mb = 256;  ///< MiB of the truth in memory; the rest is in a file
  std::uint64_t truth_limit_mb = 16384; ///< MiB of the truth in all
  std::string truth_folder;             ///< where that file is; empty: the system's for temporary files
  bool tls = false;
  std::string ca_out;   ///< with tls: where to write the certificate that clients must trust
  std::string port_out; ///< file that gets the port, for scripts
};

/// `shardyard audit`
struct audit_command {
  std::string truth; ///< http(s) URL of the simulator's /truth, or a file
  std::vector<std::string> events;
  std::string
      report; ///< file with the JSON of `shardyard report`, for the figures that only the cluster knows
  bool json = false;
};

/// `shardyard certs`
struct certs_command {
  certificate_order order;
};

/// The verbs that ask the coordinator.
struct admin_command {
  admin_request request;
  std::string host = "127.0.0.1";
  std::uint16_t port = 7400;
  net::tls_files tls; ///< empty: the cluster is spoken to in plain, on this machine
  bool watch = false;
  bool json = false;
  std::uint32_t timeout_s = 10;
};

/// Nothing to run: print this and end with that code.
struct usage {
  int code = 0;
  std::string text;
};

using command = std::variant<usage, node_command, sim_command, audit_command, certs_command, admin_command>;

/// Exit codes of the program.
inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;      ///< refused or failed; the reason and what to do are printed
inline constexpr int exit_usage = 2;       ///< the command line or the configuration is wrong
inline constexpr int exit_unreachable = 3; ///< no coordinator answers

/// Never throws; wrong usage is a `usage` with code 2.
command parse_command_line(int argc, const char* const* argv);

} // namespace shardyard
