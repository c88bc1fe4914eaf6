// What the sinks of a node hold after a crash, when one of them had got further than another. All file sinks
// take the same lines in the same order, so the one that is furthest has what the others lack: the files are
// brought to the same line, and what the furthest has beyond the position log is known to be delivered. Owns
// nothing between calls.
#pragma once

#include "actors/node/jsonl_file.hpp"
#include "actors/node/jsonl_header.hpp"
#include "messages/event_block.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace shardyard {

/// A file sink, opened and locked by the caller. Its tail begins at `offset`, where the position log last saw
/// it; 0: never.
struct sink_file {
  std::string path;
  std::uint64_t offset = 0;
  line_writer* writer = nullptr;
};

struct catch_up_result {
  std::string furthest;               ///< path; empty: there is no file
  std::uint64_t lines = 0;            ///< of the furthest beyond the log
  std::vector<std::string> caught_up; ///< paths that lines were copied to
  std::vector<std::string> apart; ///< paths that have no line in common with the furthest: left as they are
  std::deque<event_block> delivered; ///< the last of those lines as blocks, for sinks that cannot tell what
                                     ///< they have
};

/// Cuts torn lines off, finds the furthest file, copies to the others what they lack and calls `visit` for
/// each line that the furthest has beyond its offset. `keep_bytes`: payload in `delivered`. A file without
/// any line begins with what comes next. Throws std::runtime_error, with the path, when a file cannot be read
/// or written.
catch_up_result catch_up(const std::vector<sink_file>& files, std::size_t keep_bytes,
                         const std::function<void(const jsonl_header&)>& visit);

/// The delivery that a line tells of, as a block of one entry.
event_block block_of(const jsonl_header& line);

} // namespace shardyard
