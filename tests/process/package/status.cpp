// Asks for the cluster's status over the blocking link of shardyard::admin.
#include "actors/admin/admin_actor.hpp"
#include "messages/system_config.hpp"

#include <caf/actor_system.hpp>

#include <cstdlib>
#include <iostream>

int main(int argc, char** argv) {
  if (argc != 3)
    return 2;
  shardyard::register_messages();
  shardyard::system_config config;
  caf::actor_system system{config};
  shardyard::admin link{system};
  shardyard::admin_request request;
  request.verb = "status";
  auto answer =
      link.ask(argv[1], static_cast<std::uint16_t>(std::atoi(argv[2])), request, std::chrono::seconds(5));
  if (auto* gone = std::get_if<shardyard::unreachable>(&answer))
    return std::cerr << gone->why << '\n', 3;
  std::cout << std::get<shardyard::admin_reply>(answer).body << '\n';
  return 0;
}
