// One connection to the gateway: opens it, keeps it alive, hands on what the server says and sends within
// Discord's limits. Whether to identify, resume, wait or give up is the owner's decision: the link never
// reconnects and keeps no session.
#pragma once

#include "messages/event_block.hpp"
#include "net/close_codes.hpp"
#include "net/inflate.hpp"
#include "net/payloads.hpp"
#include "net/url.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace shardyard::net {

class io_thread;

/// What counts as answer to a heartbeat.
enum class ack_rule : std::uint8_t {
  heartbeat_ack, ///< op 11 only, as documented
  any_payload,   ///< anything received since the last beat
};

struct link_settings {
  std::string url; ///< base URL or resume_gateway_url; the link sets the query itself
  compression compress = compression::zstd_stream;
  std::string ca_file;          ///< PEM; empty: the system's authorities
  bool allow_plaintext = false; ///< ws:// to addresses other than loopback too
  std::string user_agent = default_user_agent();
  std::size_t max_message_bytes = 64 << 20;          ///< of one payload after decompression
  std::chrono::milliseconds connect_timeout{20'000}; ///< resolving to upgraded
  std::chrono::milliseconds close_timeout{5'000};    ///< for the server's answer to our close frame
  ack_rule acks = ack_rule::heartbeat_ack;
  std::size_t payloads_per_minute = 120;
  std::size_t longest_payload = 4096; ///< bytes of a payload we send
  std::uint64_t jitter_seed = 0;      ///< of the first heartbeat; 0: random
};

enum class close_kind : std::uint8_t {
  asked,           ///< the owner called close
  by_server,       ///< close frame from the server
  lost,            ///< the connection broke without a close frame
  zombie,          ///< heartbeats were not acknowledged
  sequence_gap,    ///< a dispatch is missing; RESUME brings it
  malformed,       ///< the server sent something that cannot be read
  connect_failed,  ///< no TCP or TLS connection, or no answer to the upgrade in time
  upgrade_refused, ///< the server answered the upgrade with something other than 101
  impossible,      ///< the settings forbid or do not allow this connection
};

/// Why and how a link ended.
struct close_reason {
  close_kind kind = close_kind::lost;
  std::uint16_t code = 1006; ///< sent by whoever closed first; 1005: without code, 1006: without close frame
  std::string text;          ///< for operators
  reaction after = reaction::resume;
  unsigned http_status = 0; ///< upgrade_refused only
  std::chrono::milliseconds retry_after{
      0};                         ///< upgrade_refused only: least waiting time before the next attempt
  std::uint64_t last_s = 0;       ///< newest sequence handed out; 0: none
  std::uint64_t missing_from = 0; ///< sequence_gap only: first sequence that did not come
};

/// Receives what a link does, on the link's thread and in the order of the connection. A call may use the
/// link's commands and may drop the link; it should be short, since all connections of the thread wait for
/// it.
class link_events {
public:
  virtual ~link_events() = default;

  /// The connection is open and the heartbeat runs: identify or resume now.
  virtual void on_hello(std::chrono::milliseconds interval) = 0;

  /// Dispatches that one read of the socket brought, without READY and RESUMED. `from` is left empty.
  virtual void on_events(event_block block) = 0;

  /// `ready.d` is valid during the call only.
  virtual void on_ready(ready_view ready) = 0;

  /// Everything missed has been handed out; `s` is the newest sequence.
  virtual void on_resumed(std::uint64_t s) = 0;

  /// Op 7. The link stays open until the owner closes it or the server does.
  virtual void on_reconnect() = 0;

  /// Op 9. The link stays open: the owner may identify or resume on it, or close it.
  virtual void on_invalid_session(bool resumable) = 0;

  /// A heartbeat was acknowledged; `s_at_send` was the newest sequence received when it was sent, 0 for none.
  /// All events that the server sent before the acknowledgement have been handed out.
  virtual void on_heartbeat_ack(std::uint64_t s_at_send) = 0;

  /// Nothing that was given to send() waits for the send limit any more; told after each such sending.
  virtual void on_room() {}

  /// The last call, exactly once, unless the link is destroyed before.
  virtual void on_closed(const close_reason& reason) = 0;
};

enum class send_status : std::uint8_t {
  accepted,  ///< will be sent as soon as the limits allow
  too_large, ///< longer than longest_payload: Discord would close with 4002
  full,      ///< too many payloads wait for the send limit
  not_open,  ///< the link has ended
};

/// Destroying a link drops the connection without a close frame, which leaves the session resumable.
class gateway_link {
public:
  /// Starts to connect at once. The io_thread should outlive the link; when it ends first, the link falls
  /// silent.
  gateway_link(io_thread& thread, link_settings settings, std::shared_ptr<link_events> events);
  ~gateway_link();
  gateway_link(const gateway_link&) = delete;
  gateway_link& operator=(const gateway_link&) = delete;

  // All commands are thread-safe and return at once; after the end they do nothing.

  /// After on_hello.
  send_status identify(const identify_payload& identify);

  /// After on_hello. `seq`: last sequence of the session that is safe; events up to it are dropped when the
  /// server repeats them. `newest_ms`: as event_block::newest_ms, where the owner knows it from an earlier
  /// connection.
  send_status resume(std::string_view session_id, std::string_view token, std::uint64_t seq,
                     std::int64_t newest_ms = 0);

  /// Any other payload; `d` is JSON. Waits for its turn within 120 payloads per 60 s.
  send_status send(int op, std::string_view d);

  /// An extra heartbeat; left out when the send limit is used up.
  void heartbeat_now();

  /// Stops reading after the current read; heartbeats go on and missing ACKs are not held against the server.
  void pause_reading();
  void resume_reading();

  /// Closes with `code`: 1000 or 1001 end the session, others leave it resumable. Events are no longer handed
  /// out once the command has arrived; on_closed follows.
  void close(std::uint16_t code);

private:
  class connection;
  std::shared_ptr<connection> connection_;
};

} // namespace shardyard::net
