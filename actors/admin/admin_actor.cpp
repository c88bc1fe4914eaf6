#include "actors/admin/admin_actor.hpp"

#include "actors/compat.hpp"
#include "actors/node/peer_links_actor.hpp"

#include <caf/io/all.hpp>

namespace shardyard {

using std::chrono::milliseconds;

struct admin::connection {
  connection(caf::actor_system& system, const net::tls_files& files)
      : links(system, files, std::string{}, std::string{}), self(system) {}

  std::string open(const std::string& host, std::uint16_t port, milliseconds timeout, int hops);

  peer_links links;
  caf::scoped_actor self;
  coordinator_actor coordinator;
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
          },
          [&](caf::error&) {});
  if (why.empty() || next_port == 0 || hops == 0)
    return why;
  return open(next_host, next_port, timeout, hops - 1);
}

admin::admin(caf::actor_system& system, const net::tls_files& files)
    : connection_(std::make_unique<connection>(system, files)) {}

admin::~admin() = default;

std::variant<coordinator_actor, unreachable> admin::find(const std::string& host, std::uint16_t port,
                                                         milliseconds timeout) {
  auto& link = *connection_;
  if (!link.coordinator)
    if (auto why = link.open(host, port, timeout, 1); !why.empty())
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
