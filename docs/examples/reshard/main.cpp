// Asks a running cluster for another number of shards, from an admin actor of its own:
//   reshard HOST PORT SHARDS     (of any node; exit code 0 when the reshard has begun)
#include "actors/admin/admin_actor.hpp"
#include "messages/system_config.hpp"

#include <caf/all.hpp>

#include <cstdlib>
#include <iostream>

using namespace shardyard;
using std::chrono::seconds;

caf::behavior reshard(caf::event_based_actor* self, coordinator_actor to, std::uint32_t shards,
                      int* exit_code) {
  self->request(to, seconds(5), admin_request{.verb = "reshard", .target = shards})
      .then(
          [=](const admin_reply& reply) {
            (reply.ok ? std::cout << reply.body : std::cerr << reply.why << "; " << reply.instead) << '\n';
            *exit_code = reply.ok ? 0 : 1;
          },
          [](caf::error& error) { std::cerr << caf::to_string(error) << '\n'; });
  return {};
}

int main(int argc, char** argv) {
  if (argc != 4)
    return std::cerr << "usage: reshard HOST PORT SHARDS\n", 2;
  register_messages();
  system_config config;
  caf::actor_system system{config};
  admin link{system};
  auto found = link.find(argv[1], static_cast<std::uint16_t>(std::atoi(argv[2])), seconds(5));
  if (auto* nobody = std::get_if<unreachable>(&found))
    return std::cerr << nobody->why << '\n', 3;
  int exit_code = 3;
  auto shards = static_cast<std::uint32_t>(std::atoi(argv[3]));
  caf::scoped_actor {
    system
    } -> wait_for(system.spawn(reshard, std::get<coordinator_actor>(found), shards, &exit_code));
  return exit_code;
}
