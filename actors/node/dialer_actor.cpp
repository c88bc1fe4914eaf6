#include "actors/node/dialer_actor.hpp"

#include "actors/compat.hpp"

#include <caf/io/all.hpp>

#include <chrono>

namespace shardyard {
namespace {

using std::chrono::seconds;

constexpr auto peer_answer_timeout = seconds(2);

void ask_peer(caf::blocking_actor* self, const node_card& card, const dial_listener& node,
              peer_found& found) {
  auto failed = [&found](const char* what) {
    return
        [&found, what](caf::error& error) { found.error = std::string{what} + ": " + caf::to_string(error); };
  };
  self->request(found.node, peer_answer_timeout, card, caf::actor_cast<caf::strong_actor_ptr>(node))
      .receive([&](node_card& theirs) { found.card = std::move(theirs); }, failed("it does not let us in"));
  if (!found.error.empty())
    return;
  self->request(found.node, peer_answer_timeout, find_coordinator{})
      .receive(
          [&](caf::strong_actor_ptr& handle, std::string& host, std::uint16_t port) {
            if (handle)
              found.coordinator = caf::actor_cast<coordinator_actor>(std::move(handle));
            found.hint_host = std::move(host);
            found.hint_port = port;
          },
          failed("it does not name a coordinator"));
}

void run(caf::blocking_actor* self, peer_links& links, const std::string& host, std::uint16_t port,
         const node_card& card, const dial_listener& listener) {
  peer_found found;
  found.place = host + ":" + std::to_string(port);
  found.node = links.reach(host, port, found.error);
  if (found.error.empty())
    ask_peer(self, card, listener, found);
  self->send(listener, std::move(found));
}

} // namespace

void dial(caf::actor_system& system, std::shared_ptr<peer_links> links, std::string host, std::uint16_t port,
          node_card card, dial_listener listener) {
  system.spawn<caf::detached>([links = std::move(links), host = std::move(host), port, card = std::move(card),
                               listener = std::move(listener)](caf::blocking_actor* self) {
    run(self, *links, host, port, card, listener);
  });
}

} // namespace shardyard
