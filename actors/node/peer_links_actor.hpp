// How the processes of a cluster reach each other: plain TCP, which the configuration allows on loopback
// only, or mutual TLS. Owns the listening sockets. Promises under TLS that CAF sees a connection only when
// the peer has proven its certificate, cluster and protocol version, and that no peer can announce a message
// larger than max_frame_bytes.
#pragma once

#include "messages/actor_interfaces.hpp"
#include "net/tls_files.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace shardyard {

/// The largest message between processes: above the largest payload of the gateway (64 MiB) with its index.
inline constexpr std::size_t max_frame_bytes = 96u << 20;

class peer_links {
public:
  /// Plain TCP when `files` is empty. `cluster`: name of the cluster that this node is of, `node`: its own;
  /// both empty: an operator's command, which may talk to any cluster of the same authority. Throws
  /// std::runtime_error when a file is not usable. `system` must outlive the links and have the middleman
  /// loaded (system_config).
  peer_links(caf::actor_system& system, const net::tls_files& files, const std::string& cluster,
             const std::string& node);
  ~peer_links();
  peer_links(const peer_links&) = delete;
  peer_links& operator=(const peer_links&) = delete;

  /// Listens at `host` and `port` (0: any free one) for those who want to talk to `node`; returns the port.
  /// Throws std::runtime_error when that is impossible.
  std::uint16_t publish(const node_actor& node, const std::string& host, std::uint16_t port);

  /// The node that listens at `host` and `port`; null, and `why` filled, when there is none or it is not one
  /// of ours. Blocks the calling thread for some seconds at most. Thread-safe.
  node_actor reach(const std::string& host, std::uint16_t port, std::string& why);

  bool secured() const { return tls_ != nullptr; }

private:
  struct secured_doors;

  node_actor reach_plain(const std::string& host, std::uint16_t port, std::string& why);
  node_actor reach_secured(const std::string& host, std::uint16_t port, std::string& why);

  caf::actor_system& system_;
  std::shared_ptr<secured_doors> tls_;
};

} // namespace shardyard
