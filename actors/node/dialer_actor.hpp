// Reaches another node and asks what lives there, in a thread of its own: connecting blocks. Lives for one
// attempt.
#pragma once

#include "actors/local_messages.hpp"
#include "actors/node/peer_links_actor.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace shardyard {

using dial_listener = caf::typed_actor<caf::result<void>(peer_found)>;

/// Sends exactly one peer_found to `listener`, the node that dials, after at most about 8 s.
void dial(caf::actor_system& system, std::shared_ptr<peer_links> links, std::string host, std::uint16_t port,
          node_card card, dial_listener listener);

} // namespace shardyard
