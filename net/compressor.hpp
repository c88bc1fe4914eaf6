// The sending side of the gateway's compressions (Gateway reference, "Encoding and Compression"): one stream
// per connection, flushed after each message so that its reader has all of it, or one complete zlib stream
// per message. The counterpart of inflater. Not thread-safe.
#pragma once

#include "net/inflate.hpp"

#include <initializer_list>
#include <memory>
#include <string_view>

namespace shardyard::net {

struct compression_levels {
  int zlib = 1;
  int zstd = 1;
  int zstd_window_log = 17; ///< 10 to 23; together with the level decides over memory per connection
};

class compressor {
public:
  virtual ~compressor() = default;

  /// Appends the message that `parts` make up. Throws std::runtime_error when the library fails; the stream
  /// must not be used again then.
  virtual void pack(std::initializer_list<std::string_view> parts, byte_buffer& out) = 0;
};

/// For one connection; null for compression::none. Throws std::bad_alloc, and std::runtime_error for levels
/// that the library refuses.
std::unique_ptr<compressor> make_compressor(compression mode, const compression_levels& levels);

/// Each message is a zlib stream of its own (IDENTIFY's `compress`), so one serves any number of connections.
std::unique_ptr<compressor> make_whole_compressor(int zlib_level);

} // namespace shardyard::net
