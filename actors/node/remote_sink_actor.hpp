// A sink in a process of the bot's own: the local end of `[[sink]] kind = "actor"`. Connects to the sink
// actor that the bot has published, passes batches on in order and keeps each until the bot has answered for
// it; after a lost connection it sends again what is unanswered, so a bot may see a batch twice (same guild,
// same n), never miss one.
#pragma once

#include "messages/actor_interfaces.hpp"

#include <string>

namespace shardyard {

/// `address`: "host:port". Plain TCP: for an address that only this host reaches.
sink_actor spawn_remote_sink(caf::actor_system& system, const std::string& address);

} // namespace shardyard
