// The listening socket of a node: accepts, carries out the TLS handshake with a deadline, and hands on only
// peers that have passed it. Owns one thread and every connection whose handshake is not done; promises that
// no stranger holds more than a bounded number of sockets, for a bounded time, or keeps others waiting.
#pragma once

#include "net/link_table.hpp"
#include "net/peer_tls.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace shardyard::net {

struct peer_door_limits {
  std::chrono::milliseconds handshake{5000}; ///< from accept to the last byte of the handshake
  /// Handshakes at a time. When full, the oldest gives way: an honest one takes some milliseconds, so it is
  /// only in danger when this many strangers arrive meanwhile.
  std::size_t handshakes = 128;
};

class peer_door {
public:
  /// Both callbacks run on the door's thread. `refused`: address and reason, once per stranger.
  struct callbacks {
    std::function<void(peer_socket)> arrived;
    std::function<void(const std::string& address, const std::string& why)> refused;
  };

  /// Listens at once; `port` 0 takes a free one. `links`: of this node, never null. Throws
  /// boost::system::system_error when it cannot.
  peer_door(std::shared_ptr<const peer_tls> tls, std::shared_ptr<link_table> links, const std::string& host,
            std::uint16_t port, callbacks calls, peer_door_limits limits = {});
  ~peer_door(); ///< closes what has not arrived yet
  peer_door(const peer_door&) = delete;
  peer_door& operator=(const peer_door&) = delete;

  std::uint16_t port() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Dials, carries out the handshake, greets as a node with `links` (null: as an operator's command) and waits
/// to be let in. On failure `why` says what is wrong, in words for an operator. Blocks the calling thread for
/// `deadline` at most, name resolution excepted.
peer_socket dial_peer(const peer_tls& tls, const std::string& host, std::uint16_t port,
                      std::chrono::milliseconds deadline, link_table* links, std::string& why);

} // namespace shardyard::net
