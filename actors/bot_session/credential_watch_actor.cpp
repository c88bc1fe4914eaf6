#include "actors/bot_session/credential_watch_actor.hpp"

#include "actors/compat.hpp"

#include <spdlog/spdlog.h>

namespace shardyard {
namespace {

constexpr auto pace = std::chrono::seconds(1);

struct credential_watch_state {
  static inline const char* name = "shardyard.credential_watch";

  credential_watch_state(credential_watch_actor::pointer self, bot_endpoint_actor endpoint,
                         std::function<std::vector<std::string>()> revoked)
      : self(self), endpoint(std::move(endpoint)), revoked(std::move(revoked)) {}

  credential_watch_actor::behavior_type make_behavior() {
    watch.add(self, endpoint, [this](const caf::error&) { self->quit(); });
    compat::send(self, credential_watch_actor{self}, tick{});
    return {
        [this](tick) {
          look();
          compat::send_after(self, pace, credential_watch_actor{self}, tick{});
        },
    };
  }

  /// Without this actor nobody is disconnected any more, so it outlives whatever a reading throws.
  void look() {
    try {
      if (auto bots = revoked(); !bots.empty())
        compat::send(self, endpoint, credentials_gone{std::move(bots)});
    } catch (const std::exception& e) {
      spdlog::error("the bots' credentials cannot be read, nobody is disconnected: {}", e.what());
    }
  }

  credential_watch_actor::pointer self;
  bot_endpoint_actor endpoint;
  std::function<std::vector<std::string>()> revoked;
  compat::down_watch watch;
};

} // namespace

credential_watch_actor spawn_credential_watch(caf::actor_system& system, bot_endpoint_actor endpoint,
                                              std::function<std::vector<std::string>()> revoked,
                                              bool own_thread) {
  using watch = credential_watch_actor::stateful_impl<credential_watch_state>;
  return own_thread ? credential_watch_actor{system.spawn<watch, caf::detached>(std::move(endpoint),
                                                                                std::move(revoked))}
                    : credential_watch_actor{system.spawn<watch>(std::move(endpoint), std::move(revoked))};
}

} // namespace shardyard
