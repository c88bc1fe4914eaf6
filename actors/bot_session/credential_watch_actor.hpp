// Reads the bots' credentials again, in a thread of its own: the file may lie on a mount that hangs, and the
// endpoint's actor runs on an io thread, where that would hold up sockets. Tells the endpoint only when bots
// have lost theirs, and ends with it.
#pragma once

#include "actors/bot_session/bot_endpoint_actor.hpp"

namespace shardyard {

using credential_watch_actor = caf::typed_actor<
    // Read them again.
    caf::result<void>(tick)>;

/// Calls `revoked` at once and then a second after each answer. `own_thread` false: runs at the scheduler,
/// for tests in virtual time.
credential_watch_actor spawn_credential_watch(caf::actor_system& system, bot_endpoint_actor endpoint,
                                              std::function<std::vector<std::string>()> revoked,
                                              bool own_thread);

} // namespace shardyard
