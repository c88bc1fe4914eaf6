// Finds in one gateway payload what the cluster routes by: op, t, s, where d stands, and the few ids inside d
// that the event table names. Looks at top-level fields only, in any order, and neither changes nor fully
// checks the bytes of d.
#pragma once

#include "messages/event_type.hpp"
#include "messages/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace shardyard::net {

/// What one payload says. The views point into the scanned bytes.
struct payload_header {
  int op = -1;
  bool has_s = false; ///< false: absent or null
  std::uint64_t s = 0;
  std::string_view t; ///< the event name between its quotes; empty: absent or null
  std::string_view d; ///< the value of d as it stands; empty: absent
  // Filled for dispatches (op 0) as messages/event_block.hpp says.
  event_type_id type = unknown_event;
  std::uint16_t flags = 0;
  snowflake guild = 0;
  snowflake key = 0;
  snowflake channel = 0;
};

/// Reuses its parser's memory; one per thread is enough.
class header_scan {
public:
  header_scan();
  ~header_scan();
  header_scan(header_scan&&) noexcept;
  header_scan& operator=(header_scan&&) noexcept;

  /// Scans `payload`, behind which byte_buffer::padding bytes must be readable. Returns what is wrong, or
  /// nothing.
  std::string_view scan(std::string_view payload, payload_header& header);

private:
  struct parser;
  std::unique_ptr<parser> parser_;
};

/// The id in a JSON token: `"123"` or `123`; 0 for null and for anything else.
snowflake read_snowflake(std::string_view token);

} // namespace shardyard::net
