// The query of the WebSocket URL: API version, encoding, transport compression (Gateway reference,
// "Connecting").
#pragma once

#include <string>
#include <string_view>

namespace shardyard::sim {

enum class compression { none, zlib_stream, zstd_stream };

struct connect_query {
  int version = 0; ///< 0: missing or no number
  compression compress = compression::none;
  int close_code = 0; ///< 0: acceptable; else how Discord refuses it
  std::string complaint;
};

/// `target` is the request target, such as `/?v=10&encoding=json&compress=zstd-stream`; order and path do not
/// matter.
connect_query parse_connect_query(std::string_view target);

} // namespace shardyard::sim
