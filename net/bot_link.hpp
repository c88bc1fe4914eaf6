// One bot's WebSocket as the rest of the program sees it: what may be done to it, and what it tells. Free of
// Asio, so that rules and tests need none. Everything here runs on the thread of the bot_door that owns the
// connection; nothing is thread-safe.
#pragma once

#include "net/inflate.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace shardyard::net {

/// What the URL of the upgrade said (Gateway reference, "Gateway URL Query String Params").
struct bot_query {
  int version = 10;        ///< a missing `v` counts as 10
  bool version_ok = true;  ///< false: 4012 once HELLO could be sent
  bool encoding_ok = true; ///< false: neither absent nor "json": 4002
  bool compress_ok = true; ///< false: an unknown compression: 4002
  compression compress = compression::none;
  std::string address; ///< of the peer, for log lines
};

/// The connection. Output is gathered and written by the door once per turn of its thread.
class bot_link {
public:
  virtual ~bot_link() = default;

  /// Appends `{"t":"<t>","s":<s>,"op":0,"d":<d>}` as one message, compressed as the query asked.
  virtual void dispatch(std::string_view t, std::uint64_t s, std::string_view d) = 0;

  /// Appends any other payload, whole JSON text.
  virtual void send(std::string_view payload) = 0;

  /// From now on payloads longer than some bytes go as binary frames of one whole zlib stream each
  /// (IDENTIFY's `compress`). Ignored with transport compression.
  virtual void compress_payloads() = 0;

  /// Bytes appended and not taken by the kernel yet. Whoever sends much stops above a mark of his own and
  /// goes on at on_drained.
  virtual std::size_t queued() const = 0;

  /// Sends a close frame behind what is queued and ends the connection when the peer answers or 5 s later;
  /// nothing more is read. on_closed follows.
  virtual void close(std::uint16_t code, std::string_view reason) = 0;

  /// Ends the connection at once, queued bytes are dropped. on_closed follows, later.
  virtual void abort() = 0;
};

/// Receives what a bot does, in the order of its connection. A call may use the link.
class bot_events {
public:
  virtual ~bot_events() = default;

  /// A complete message of the bot. `payload` is valid during the call, with byte_buffer::padding readable
  /// bytes behind it. Messages above the door's limit do not come: see on_undecodable.
  virtual void on_payload(std::string_view payload) = 0;

  /// The bot sent a message above the limit, or one that is not text: Discord closes with 4002.
  virtual void on_undecodable() = 0;

  /// queued() has fallen below 64 KiB after it was above.
  virtual void on_drained() = 0;

  /// The last call, exactly once. `code`: of the bot's close frame; 1005: none in it; 1006: no close frame.
  virtual void on_closed(std::uint16_t code) = 0;
};

} // namespace shardyard::net
