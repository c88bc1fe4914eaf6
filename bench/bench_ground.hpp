// What all runs of the suite share: where the programs are, a scratch folder, the load server, and how a
// client program is run against it. Not thread-safe.
#pragma once

#include "bench/child_process.hpp"
#include "bench/wire_encoder.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace shardyard::bench {

struct stream_request {
  std::uint64_t events = 0;
  std::uint64_t seed = 1;
  std::uint64_t per_second = 0; ///< 0: as fast as the client takes it
  bool stamped = false;
};

/// The load server as a process.
class load_server {
public:
  /// On `processors` alone, if any are named.
  load_server(const std::string& program, const std::string& ca_file, std::vector<std::string> options = {},
              const std::string& processors = {});

  std::uint16_t port() const { return port_; }
  const std::string& ca_file() const { return ca_file_; }

  void stream(const stream_request& request);
  /// Waits until `count` sessions more said that they are ready, begin a stream, or are through with it.
  void await_ready(std::uint32_t count);
  void await_begin(std::uint32_t count);
  void await_end(std::uint32_t count);
  /// Forgets what was said so far.
  void forget();

private:
  std::string ca_file_;
  child_process process_;
  std::uint16_t port_ = 0;
};

using readings = std::map<std::string, double>;

struct bench_ground {
  std::string programs;  ///< folder of the bench programs
  std::string shardyard; ///< the product's program; empty: not there
  std::string node_js;   ///< Node.js to run the other clients with; empty: not there
  std::string clients;   ///< folder of their scripts
  std::string packages;  ///< folder where their packages are installed
  std::string scratch;
  bool quick = false;
  load_server* server = nullptr;

  /// Runs `program` as a client of one shard through one stream and returns the `name value` lines that it
  /// printed.
  readings run_client(const std::vector<std::string>& command, transport mode, const stream_request& request,
                      const std::vector<std::string>& options = {}) const;

  /// One of ours: "bench_floor" or "bench_link".
  readings run_own(const std::string& program, transport mode, const stream_request& request) const;

  /// A script of another client.
  readings run_script(const std::string& script, transport mode, const stream_request& request) const;

  /// KiB of private memory of a program of ours that holds `shards` idle shards.
  double idle_kib(const std::string& program, transport mode, std::uint32_t shards) const;
};

} // namespace shardyard::bench
