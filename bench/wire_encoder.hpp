// Server side of a gateway connection's bytes: transport compression (zlib level 6; zstd level 6 with
// windowLog 18, as captured from Discord) and WebSocket framing. Owns the compressor. An encoder is
// `detached` once its connection was given bytes that another encoder with the same history made; after that
// only stored blocks can follow.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace shardyard::bench {

enum class transport : std::uint8_t { none, zlib_stream, zstd_stream };

/// From the `compress` parameter of a gateway URL; empty means none.
transport transport_from(std::string_view text);
std::string_view to_string(transport x);

class wire_encoder {
public:
  explicit wire_encoder(transport mode);
  ~wire_encoder();
  wire_encoder(wire_encoder&&) noexcept;
  wire_encoder& operator=(wire_encoder&&) noexcept;

  transport mode() const;

  /// Appends one WebSocket message that carries `payload`.
  void message(std::string& out, std::string_view payload);

  /// Equal for encoders that were given the same payloads in the same order, and so made the same bytes.
  std::uint64_t history() const;

  /// The connection was given bytes that an encoder made whose history was the same before and is `history`
  /// now.
  void adopt(std::uint64_t history);
  bool detached() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

/// A server frame (RFC 6455, 5.2): final, not masked.
void append_frame(std::string& out, std::uint8_t opcode, std::string_view content);

} // namespace shardyard::bench
