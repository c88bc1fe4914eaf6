// The endpoint of one node: the door that bots connect to, and the actor that feeds it with the deliveries of
// every partition group of the cluster. Holds no rule: what bots are told is bot_switch's, which lives on the
// door's thread; the actor follows the node's routes, keeps a feed open to each group and carries the
// switch's wishes to them.
#pragma once

#include "actors/bot_session/bot_switch.hpp"
#include "actors/local_messages.hpp"
#include "net/bot_door.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace shardyard {

struct io_door;

using bot_endpoint_actor = sink_actor::extend<
    // Follow the node's newest routes.
    caf::result<void>(endpoint_routes),
    // Ask the cluster for what the switch wants.
    caf::result<void>(endpoint_wish),
    // Pass the switch's figures on to the node.
    caf::result<void>(endpoint_report),
    // Disconnect bots whose credentials are gone.
    caf::result<void>(credentials_gone),
    // Feeds to open again, questions to ask again.
    caf::result<void>(tick)>;

struct bot_endpoint_setup {
  std::string node;
  std::uint64_t incarnation = 0;
  net::bot_door_settings door;
  bot_switch_settings sessions;        ///< `resume_url` empty: made of where the door listens
  std::optional<std::uint32_t> shards; ///< recommended to bots; none: the cluster's own count
  std::shared_ptr<io_door> io;         ///< its threads serve the bots, too
  /// The Authorization that Discord shall see for the one that a bot sent; none: refused. Any thread.
  std::function<std::optional<std::string>(std::string_view)> authorize;
  /// Called about every second, by one thread: reads credentials again, names the bots whose are gone. May
  /// take long.
  std::function<std::vector<std::string>()> revoked;
  bool credential_thread = true; ///< that thread is of its own; false: tests in virtual time
};

struct bot_endpoint {
  bot_endpoint_actor actor;
  std::uint16_t port = 0;
  std::string url; ///< that bots are told
};

/// Listens before it returns. Throws std::runtime_error when the address or a certificate cannot be used.
bot_endpoint spawn_bot_endpoint(caf::actor_system& system, bot_endpoint_setup setup);

} // namespace shardyard
