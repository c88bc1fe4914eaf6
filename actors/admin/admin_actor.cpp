#include "actors/admin/admin_actor.hpp"

#include "actors/compat.hpp"
#include "actors/node/peer_links_actor.hpp"

#include <caf/io/all.hpp>

#include <algorithm>
#include <thread>

namespace shardyard {

using std::chrono::milliseconds;

namespace {

// A new coordinator takes a few seconds to be elected and known (docs/operating.md).
constexpr milliseconds look_again{250};

} // namespace

struct admin::connection {
  connection(caf::actor_system& system, const net::tls_files& files)
      : links(system, files, std::string{}, std::string{}), self(system) {}

  std::string open(const std::string& host, std::uint16_t port, milliseconds timeout, int hops);
  std::string look(const std::string& host, std::uint16_t port, milliseconds timeout);

  peer_links links;
  caf::scoped_actor self;
  coordinator_actor coordinator;
  bool leaderless = false; ///< a node was reached, but no coordinator: there may be one in a moment
};

/// Empty on success. A node that is not the coordinator names it; one such hint is followed.
std::string admin::connection::open(const std::string& host, std::uint16_t port, milliseconds timeout,
                                    int hops) {
  auto place = host + ":" + std::to_string(port);
  std::string trouble;
  auto node = links.reach(host, port, trouble);
  if (!trouble.empty())
    return "no node of the cluster was reached at " + place + " (" + trouble + ")";
  std::string why = "the node at " + place + " does not answer", next_host;
  std::uint16_t next_port = 0;
  self->request(node, timeout, find_coordinator{})
      .receive(
          [&](const caf::strong_actor_ptr& handle, const std::string& at, std::uint16_t at_port) {
            if (handle)
              coordinator = caf::actor_cast<coordinator_actor>(handle);
            next_host = at;
            next_port = at_port;
            why = handle ? "" : "the node at " + place + " knows no coordinator at the moment";
            leaderless = !handle;
          },
          [&](caf::error&) {});
  if (why.empty() || next_port == 0 || hops == 0)
    return why;
  return open(next_host, next_port, timeout, hops - 1);
}

/// Empty on success. Waits for a coordinator where nodes are there and only that is missing.
std::string admin::connection::look(const std::string& host, std::uint16_t port, milliseconds timeout) {
  auto left = [end = std::chrono::steady_clock::now() + timeout] {
    return std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
  };
  for (;;) {
    leaderless = false;
    auto why = open(host, port, std::max(left(), look_again), 1);
    if (why.empty() || !leaderless || left() < look_again)
      return why;
    std::this_thread::sleep_for(look_again);
  }
}

admin::admin(caf::actor_system& system, const net::tls_files& files)
    : connection_(std::make_unique<connection>(system, files)) {}

admin::~admin() = default;

std::variant<coordinator_actor, unreachable> admin::find(const std::string& host, std::uint16_t port,
                                                         milliseconds timeout) {
  auto& link = *connection_;
  if (!link.coordinator)
    if (auto why = link.look(host, port, timeout); !why.empty())
      return unreachable{why};
  return link.coordinator;
}

std::variant<admin_reply, unreachable> admin::ask(const std::string& host, std::uint16_t port,
                                                  const admin_request& request, milliseconds timeout) {
  auto& link = *connection_;
  if (auto found = find(host, port, timeout); std::holds_alternative<unreachable>(found))
    return std::get<unreachable>(std::move(found));
  std::variant<admin_reply, unreachable> result;
  link.self->request(link.coordinator, timeout, request)
      .receive([&](admin_reply& reply) { result = std::move(reply); },
               [&](caf::error& error) {
                 link.coordinator = nullptr;
                 result = unreachable{"the coordinator did not answer (" + caf::to_string(error) + ")"};
               });
  return result;
}

} // namespace shardyard
