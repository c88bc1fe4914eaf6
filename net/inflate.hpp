// The transport compressions of the gateway (Gateway reference, "Encoding and Compression"): one decompressor
// lives as long as its connection. It appends to a buffer of the caller and holds nothing but the library's
// own state.
#pragma once

#include "net/byte_buffer.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace shardyard::net {

/// The `compress` query parameter.
enum class compression : std::uint8_t { none, zlib_stream, zstd_stream };

/// The value of the query parameter; empty for none.
std::string_view to_string(compression mode);

class inflater {
public:
  enum class outcome : std::uint8_t {
    ok,
    corrupt,   ///< the stream cannot be read on: close and resume
    too_large, ///< the output would exceed the bound
  };

  virtual ~inflater() = default;

  /// Appends what `input` decompresses to. `out` may grow to `max_size` bytes in total. After anything but ok
  /// the inflater must not be used again.
  virtual outcome feed(std::string_view input, byte_buffer& out, std::size_t max_size) = 0;

  /// To be asked at the end of a WebSocket message: whether a gateway message ends there too. A zlib-stream
  /// message may be split over several WebSocket messages and ends with the suffix 00 00 FF FF.
  virtual bool at_message_end() const = 0;
};

/// Throws std::bad_alloc when the library cannot allocate its state.
std::unique_ptr<inflater> make_inflater(compression mode);

} // namespace shardyard::net
