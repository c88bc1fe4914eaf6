// Asks a running cluster for another number of shards, from an admin actor of its own:
//   reshard HOST PORT SHARDS     (of any node; exit code 0 when the reshard has begun)
#include "messages/actor_interfaces.hpp"
#include "messages/system_config.hpp"

#include <caf/all.hpp>
#include <caf/io/all.hpp>

#include <cstdlib>
#include <iostream>

using namespace shardyard;

caf::behavior admin_actor(caf::event_based_actor* self, node_actor node, std::uint32_t shards,
                          int* exit_code) {
  auto failed = [](caf::error& error) { std::cerr << caf::to_string(error) << '\n'; };
  // A node answers with the coordinator, if it lives there, or with the address of the coordinator's node.
  self->request(node, std::chrono::seconds(5), find_coordinator{})
      .then(
          [=](const caf::strong_actor_ptr& found, const std::string& host, std::uint16_t port) {
            if (!found) {
              if (auto next = self->system().middleman().remote_actor<node_actor>(host, port))
                self->spawn(admin_actor, *next, shards, exit_code);
              return;
            }
            admin_request request{.verb = "reshard", .target = shards};
            self->request(caf::actor_cast<coordinator_actor>(found), std::chrono::seconds(5), request)
                .then(
                    [=](const admin_reply& reply) {
                      (reply.ok ? std::cout << reply.body : std::cerr << reply.why << "; " << reply.instead)
                          << '\n';
                      *exit_code = reply.ok ? 0 : 1;
                    },
                    failed);
          },
          failed);
  return {};
}

int main(int argc, char** argv) {
  if (argc != 4)
    return std::cerr << "usage: reshard HOST PORT SHARDS\n", 2;
  register_messages();
  system_config config;
  caf::actor_system system{config};
  auto node =
      system.middleman().remote_actor<node_actor>(argv[1], static_cast<std::uint16_t>(std::atoi(argv[2])));
  if (!node)
    return std::cerr << caf::to_string(node.error()) << '\n', 3;
  int exit_code = 3;
  system.spawn(admin_actor, *node, static_cast<std::uint32_t>(std::atoi(argv[3])), &exit_code);
  system.await_all_actors_done();
  return exit_code;
}
