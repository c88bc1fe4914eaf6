// Writes the position log of a partition group in a thread of its own, so that a disk that stalls stops
// neither an io thread with its heartbeats nor a worker of the scheduler. Owns the log; does one thing at a
// time, in the order asked. The group asks for one write at a time and gathers what comes meanwhile, which
// bounds the queue and makes the next write a group commit.
#pragma once

#include "actors/local_messages.hpp"
#include "actors/partition/position_log.hpp"

#include <memory>

namespace shardyard {

using log_writer_actor = caf::typed_actor<
    // Append, to the compaction under way, too; bring that on; then answer.
    caf::result<log_written>(log_append),
    // Begin a compaction, then answer.
    caf::result<log_written>(log_snapshot),
    // Read the log.
    caf::result<log_content>(log_request)>;

/// `own_thread` false: runs at the scheduler, for tests in virtual time.
log_writer_actor spawn_log_writer(caf::actor_system& system, std::unique_ptr<position_log> log,
                                  bool own_thread);

} // namespace shardyard
