// Everything between the bytes of a gateway connection and what they mean: frames, decompression, header
// scan, sequence check, blocks. Owns the connection's decompressor and the message that a read left
// unfinished. No socket, no clock; bytes come in as one read brought them, and calls go out in the order in
// which the server wrote.
#pragma once

#include "messages/event_block.hpp"
#include "net/byte_buffer.hpp"
#include "net/frame_parser.hpp"
#include "net/header_scan.hpp"
#include "net/inflate.hpp"
#include "net/payloads.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace shardyard::net {

/// Receives what was read. A call must not destroy the reader.
class payload_sink {
public:
  virtual ~payload_sink() = default;
  virtual void on_events(event_block block) = 0;
  virtual void on_ready(ready_view ready) = 0;
  virtual void on_resumed(std::uint64_t s) = 0;
  virtual void on_hello(std::uint32_t interval_ms) = 0;
  virtual void on_reconnect() = 0;
  virtual void on_invalid_session(bool resumable) = 0;
  virtual void on_heartbeat_request() = 0;
  virtual void on_acknowledged() = 0;
  virtual void on_ping(std::string_view payload) = 0;
  /// Nothing behind a close frame is read.
  virtual void on_close_frame(std::uint16_t code, std::string_view text) = 0;
};

enum class read_fault_kind : std::uint8_t { malformed, too_large, sequence_gap };

/// Why a connection cannot be read on. Everything before the fault has been handed out.
struct read_fault {
  read_fault_kind kind = read_fault_kind::malformed;
  std::string text;
  std::string_view rest; ///< of the input, behind the fault
};

/// Buffers that live only within one read, so that all connections of a thread share them.
struct read_space {
  byte_buffer batch;
  std::vector<event_entry> entries;
  header_scan scan;
};

class payload_reader {
public:
  payload_reader(compression mode, std::size_t max_message_bytes);

  /// Handles all of `bytes`. `space` must be the same object only within one call; `now_ns` becomes
  /// received_ns.
  std::optional<read_fault> read(std::string_view bytes, std::int64_t now_ns, read_space& space,
                                 payload_sink& sink);

  /// Behind our close frame or a fault: looks only for the end. True when the server's close frame has come
  /// or cannot come any more.
  bool discard(std::string_view bytes);

  /// Before RESUME: what the session has brought already.
  void expect_after(std::uint64_t s, std::int64_t newest_ms);

  /// The newest sequence received in this session; 0: none.
  std::uint64_t last_s() const { return last_s_; }
  std::int64_t newest_ms() const { return newest_ms_; }

  /// Payloads read so far, of any op.
  std::uint64_t payloads() const { return payloads_; }

  /// Dispatches dropped because their `s` had been received before.
  std::uint64_t repeated() const { return repeated_; }

private:
  struct pass;

  frame_parser frames_;
  std::unique_ptr<inflater> inflater_;
  std::size_t max_message_bytes_;
  byte_buffer partial_;     // decompressed part of a message that earlier reads began
  bool in_message_ = false; // such a message is open
  bool closed_ = false;     // a close frame has been read
  std::uint64_t last_s_ = 0;
  std::int64_t newest_ms_ = 0;
  std::uint64_t payloads_ = 0;
  std::uint64_t repeated_ = 0;
};

} // namespace shardyard::net
