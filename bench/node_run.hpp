// A real node against the load server: started with a configuration of its own, measured from outside.
#pragma once

#include "bench/bench_ground.hpp"

#include <functional>
#include <memory>

namespace shardyard::bench {

struct node_options {
  transport mode = transport::zstd_stream;
  std::uint32_t shards = 1;
  std::string sink = "kind = \"null\""; ///< TOML of the only sink
  bool bots = false;                    ///< an endpoint for bots, and a cache of guilds
  std::string bots_more;                ///< TOML of [bots] beyond `listen`
  std::string processors;               ///< that it runs on; empty: all
};

class node_run {
public:
  /// Returns when all shards are ready and the node has come to rest. Throws std::runtime_error.
  node_run(const bench_ground& ground, const node_options& options);

  /// CPU-s per million events of one stream, from its start until everything is delivered, which is checked.
  /// `sessions` carry it; `received` waits until others have it, too.
  double stream_cpu(const stream_request& request, std::uint32_t sessions = 1,
                    const std::function<void()>& received = {});

  /// Events delivered so far, as `shardyard status` tells; -1 when it does not answer.
  double delivered() const;

  /// Runs a verb of the command line; returns what it printed. Throws when it fails.
  std::string ask(const std::vector<std::string>& words) const;

  /// Waits until the node uses hardly any CPU.
  void rest() const;

  double private_kib() const;
  /// What the hand-over of the running plan holds, as `shardyard report` tells.
  double handover_kib() const;
  pid_t pid() const { return process_->pid(); }
  std::uint16_t bots_port() const { return bots_port_; }

private:
  const bench_ground& ground_;
  std::uint16_t port_ = 0;
  std::uint16_t bots_port_ = 0;
  std::unique_ptr<child_process> process_;
};

} // namespace shardyard::bench
