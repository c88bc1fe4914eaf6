// A TLS connection as CAF's multiplexer sees it. Owns the socket and its TLS state; reads and writes on the
// multiplexer's thread; closes when the peer announces a message that is larger than any of ours.
#pragma once

#include "net/peer_tls.hpp"

#include <caf/actor_system.hpp>
#include <caf/io/scribe.hpp>

namespace shardyard {

/// `peer` must have its handshake behind it.
caf::io::scribe_ptr make_tls_scribe(caf::actor_system& system, net::peer_socket peer);

} // namespace shardyard
