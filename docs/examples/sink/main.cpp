// A sink of the bot's own: prints every event that a node hands to it. The node's configuration names it:
//   [[sink]] kind = "actor", path = "127.0.0.1:PORT"          ./sink PORT
#include "messages/actor_interfaces.hpp"
#include "messages/system_config.hpp"

#include <caf/all.hpp>
#include <caf/io/all.hpp>

#include <cstdlib>
#include <iostream>

using namespace shardyard;

// The answer says that the events are safe here: they are not sent again. A batch may come twice after a
// crash, then with the same guild and the same n.
sink_actor::behavior_type print() {
  return {[](const sink_batch& batch) {
    for (auto& block : batch.blocks)
      for (auto& event : block.entries)
        std::cout << block.name(event) << ' ' << event.guild << ' ' << event.n << ' ' << block.data(event)
                  << '\n';
    std::cout.flush();
    return delivery_accepted{batch.number, 0};
  }};
}

int main(int argc, char** argv) {
  if (argc != 2)
    return std::cerr << "usage: sink PORT\n", 2;
  register_messages();
  system_config config;
  caf::actor_system system{config};
  auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  if (auto open = system.middleman().publish(system.spawn(print), port, "127.0.0.1", true); !open)
    return std::cerr << caf::to_string(open.error()) << '\n', 1;
  system.await_all_actors_done();
}
