#include "messages/system_config.hpp"

#include <caf/all.hpp>
#include <caf/io/all.hpp>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace shardyard {

system_config::system_config(std::size_t workers) {
  load<caf::io::middleman>();
  if (workers == 0)
    workers = std::max(2u, std::thread::hardware_concurrency());
  set("caf.scheduler.policy", "sharing");
  set("caf.scheduler.max-threads", workers);
  set("caf.middleman.app-identifiers", std::vector<std::string>{"shardyard-v1"});
  set("caf.middleman.heartbeat-interval", caf::timespan{std::chrono::seconds(1)});
  set("caf.middleman.connection-timeout", caf::timespan{std::chrono::seconds(3)});
  set("caf.middleman.enable-automatic-connections", false);
  // With its own deserialising workers, 0.18 now and then leaves the first message of a new connection
  // unanswered.
  set("caf.middleman.workers", std::size_t{0});
  // Our own probe of a port before CAF dials it looks like a broken handshake to the listener, which CAF logs
  // as an error each time.
  set("caf.logger.console.verbosity", "quiet");
}

} // namespace shardyard
