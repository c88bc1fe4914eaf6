// The sinks of a partition group: opens them, brings them to one state after a crash, and keeps how far each
// has come.
#pragma once

#include "actors/partition/log_record.hpp"
#include "actors/partition/partition_group_actor.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace shardyard {

struct group_sink {
  sink_actor actor;
  bool ends_with_group = false; ///< it would dial for ever
  std::string path;             ///< of a file that can be read back, else empty
  std::uint64_t accepted = 0;
  std::uint64_t position = 0; ///< with the newest batch that all sinks have
  std::deque<std::pair<std::uint64_t, std::uint64_t>>
      ahead; ///< batches beyond it, and the position with each
};

struct opened_sinks {
  std::vector<group_sink> sinks;   ///< without those that take everything at once
  std::vector<event_block> again;  ///< delivered before a restart; sinks without a path may lack it
  std::vector<event_block> recent; ///< of these, the group's own: endpoints may lack it
};

/// Opens the sinks of the configuration, brings the files to the same line and tells `recovered` what they
/// have beyond the log, so that nothing in them is delivered to them again. Throws std::runtime_error when a
/// file cannot be used.
opened_sinks open_sinks(caf::actor_system& system, const partition_group_setup& setup,
                        recovered_state& recovered);

/// Sinks that all groups of a node write to, in lines of their own.
struct shared_sinks {
  opened_sinks opened;
  std::vector<delivered_line> tail; ///< what the files had beyond the logs when they were opened
};

/// As open_sinks, once for a node. `offsets`: by path, the least that any of the node's logs knows.
std::shared_ptr<shared_sinks> open_shared_sinks(caf::actor_system& system, const partition_group_setup& setup,
                                                const std::map<std::string, std::string>& offsets);

/// A group's own view of the node's sinks. What a sink may lack is given to the first group that asks; what
/// endpoints may lack, to each group its part.
opened_sinks use_sinks(shared_sinks& from, const partition_group_setup& setup, recovered_state& recovered);

} // namespace shardyard
