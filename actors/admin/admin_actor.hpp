// An operator's way to the coordinator: finds it through any node and asks it one verb at a time, or hands it
// to an actor of the caller's. Blocks the calling thread; not to be called by actors.
#pragma once

#include "messages/actor_interfaces.hpp"
#include "net/tls_files.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <variant>

namespace shardyard {

/// No coordinator answered: why, and what was tried.
struct unreachable {
  std::string why;
};

class admin {
public:
  /// `system` must outlive the link and have the middleman loaded (system_config). With `files` the cluster
  /// is spoken to over mutual TLS; throws std::runtime_error when one of them is not usable.
  explicit admin(caf::actor_system& system, const net::tls_files& files = {});
  ~admin();

  /// Carries out `request`. Connects first where needed, follows one hint from a node that is not the
  /// coordinator, waits where the cluster has none just now, and gives up after `timeout`. A link that was
  /// lost is opened again at the next call.
  std::variant<admin_reply, unreachable> ask(const std::string& host, std::uint16_t port,
                                             const admin_request& request, std::chrono::milliseconds timeout);

  /// The coordinator itself, for an actor of the caller's; it is reached for as long as this link lives. As
  /// `ask`, gives up after `timeout`.
  std::variant<coordinator_actor, unreachable> find(const std::string& host, std::uint16_t port,
                                                    std::chrono::milliseconds timeout);

private:
  struct connection;
  std::unique_ptr<connection> connection_;
};

} // namespace shardyard
