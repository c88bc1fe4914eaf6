// Server side of transport compression: one zlib or zstd stream per connection, flushed after each message
// (Gateway reference, "Transport Compression").
#pragma once

#include "sim/connect_query.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace shardyard::sim {

struct encoder_levels {
  int zlib = 1;
  int zstd = 1;
  int zstd_window_log = 18;
};

class stream_encoder {
public:
  stream_encoder(compression kind, encoder_levels levels);
  ~stream_encoder();
  stream_encoder(stream_encoder&&) noexcept;
  stream_encoder& operator=(stream_encoder&&) noexcept;

  compression kind() const { return kind_; }

  /// The bytes of `message` on the wire; valid until the next call.
  std::string_view encode(std::string_view message);

private:
  struct state;
  compression kind_;
  std::unique_ptr<state> state_;
};

/// `message` as one complete zlib stream (IDENTIFY `compress`).
std::string zlib_whole(std::string_view message, int level);

} // namespace shardyard::sim
