// Where the switch of an endpoint runs, as the endpoint's actor sees it: on the door's thread
// (endpoint_core.hpp), or at once, in tests.
#pragma once

#include "actors/bot_session/bot_endpoint_actor.hpp"

#include <functional>
#include <memory>

namespace shardyard {

class switch_host {
public:
  using work = std::function<void(bot_switch&, bot_switch::time now)>;

  virtual ~switch_host() = default;

  /// The switch's wishes go there from now on.
  virtual void serve(bot_endpoint_actor to) = 0;
  /// Does `x` soon, in the order of the calls.
  virtual void run(work x) = 0;
  /// Shards of the cluster, for bots that ask how many they should have.
  virtual void recommend(std::uint32_t shards) = 0;
  /// Sends the figures of the moment to the actor.
  virtual void report() = 0;
  /// Ends every connection; the switch does nothing more.
  virtual void close() = 0;
};

/// The actor alone, for a switch that runs already.
bot_endpoint_actor spawn_bot_endpoint(caf::actor_system& system, bot_endpoint_setup setup,
                                      std::shared_ptr<switch_host> host);

} // namespace shardyard
