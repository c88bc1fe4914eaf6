// What a `jsonl` file already holds: after a crash the sink reads the lines behind its last checkpoint, so
// that nothing in the file is delivered to it again. Owns nothing between calls. A last line without line
// break is torn: it is cut off and never reported.
#pragma once

#include "actors/node/jsonl_header.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace shardyard {

/// What reading a tail found.
struct jsonl_tail {
  std::uint64_t start = 0;      ///< byte at which reading began, a line's start
  std::uint64_t size = 0;       ///< bytes of whole lines; the file's size afterwards
  std::uint64_t lines = 0;      ///< lines reported
  std::uint64_t refused = 0;    ///< whole lines that the sink did not write; skipped
  std::uint64_t torn_bytes = 0; ///< bytes cut off at the end
  bool rewound = false; ///< the file was shorter than `offset` (rotated or emptied): read from its start
  std::string error;    ///< empty on success
};

/// Called for each line with the offset of the byte behind it. The header's views live only during the call.
using jsonl_visitor = std::function<void(const jsonl_header&, std::uint64_t end)>;

/// Reads `path` from the line that holds byte `offset` to the end and cuts off a torn last line. A missing
/// file is an empty one. Hold the writer's lock (jsonl_file) meanwhile.
jsonl_tail read_jsonl_tail(const std::string& path, std::uint64_t offset, const jsonl_visitor& visit);

} // namespace shardyard
