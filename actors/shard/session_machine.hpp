// The rules of one shard's session: when to connect, RESUME, IDENTIFY, wait or give up (Gateway, "Connection
// Lifecycle" and "Resuming"). Owns what is known of the session and of an unused permit. Promises: RESUME is
// tried before IDENTIFY whenever a session exists, one unexpired permit per IDENTIFY, and silence after
// `stop`.
#pragma once

#include "actors/shard/session.hpp"

#include <string_view>

namespace shardyard::session {

struct tuning {
  monotonic hello_timeout = std::chrono::seconds(30); ///< from connect to HELLO
  monotonic ready_timeout = std::chrono::seconds(60); ///< from IDENTIFY to READY
  monotonic resumed_timeout =
      std::chrono::seconds(60); ///< from RESUME or the latest replayed event to RESUMED
  monotonic permit_valid =
      std::chrono::seconds(10); ///< from asking; a grant may shorten it, never lengthen it
  monotonic permit_guard =
      std::chrono::milliseconds(100);                 ///< an IDENTIFY needs this long to reach the socket
  monotonic refused_retry = std::chrono::seconds(60); ///< pause after the ledger refused
  monotonic backoff_first = std::chrono::seconds(1);
  monotonic backoff_cap = std::chrono::seconds(60);
  monotonic invalid_wait_min =
      std::chrono::seconds(1); ///< after op 9 `false` or a close that ends the session
  monotonic invalid_wait_max = std::chrono::seconds(5);
  monotonic reconnect_jitter = std::chrono::seconds(2); ///< op 7 comes in waves over all shards
  monotonic steady_after =
      std::chrono::seconds(10); ///< a session live for less is backed off from like a failure
  int resume_url_tries = 2;     ///< connects to the resume URL that may fail before the base URL is tried
  int resume_tries = 3;         ///< RESUMEs that may fail before the session is dropped
};

/// A value: copies are independent, equal seeds and inputs give equal actions. Not thread-safe; a shard owns
/// it.
class machine {
public:
  machine(const session::tuning& tuning, std::uint64_t seed) : tuning_(tuning), random_(seed) {}

  /// One step. `now` must not go back. Stale and out-of-place inputs change nothing.
  actions next(const input& in, monotonic now);

  const state& current() const { return state_; }

  /// The session that a RESUME would name. After `stop` with 4000..4999 it stays readable: the way back.
  const std::optional<resumable>& known_session() const { return session_; }

  /// When the machine wants a `timer`; none in states that only inputs end.
  std::optional<monotonic> deadline() const;

  /// The connection in use, HELLO seen or not.
  std::optional<link_number> current_link() const;

private:
  void on(const start& in, monotonic now);
  void on(const permit_granted& in, monotonic now);
  void on(const permit_wait& in, monotonic now);
  void on(const permit_refused& in, monotonic now);
  void on(const hello& in, monotonic now);
  void on(const ready& in, monotonic now);
  void on(const resumed& in, monotonic now);
  void on(const replayed& in, monotonic now);
  void on(const reconnect& in, monotonic now);
  void on(const invalid_session& in, monotonic now);
  void on(const closed& in, monotonic now);
  void on(const connect_failed& in, monotonic now);
  void on(const stop& in, monotonic now);
  void on(const timer& in, monotonic now);

  void rest(monotonic pause, monotonic now);
  void attempt(monotonic now);
  void ask(std::optional<link_number> greeted, monotonic now);
  void open_link(monotonic now);
  void send_identify(link_number link, monotonic now);
  void link_failed(std::string_view why, bool to_resume_url, monotonic at_least, monotonic now);
  void identify_failed(std::string_view why, monotonic now);
  void resume_failed(std::string_view why, bool to_resume_url, monotonic now);
  void live_ended(std::string_view why, monotonic at_least, monotonic now);
  void session_ended(std::string_view why, monotonic now);
  void drop_session(std::string_view why);
  void give_up(std::string reason, std::string advice);
  bool close_link(std::uint16_t code);
  bool permit_usable(monotonic now) const;
  void drop_permit();
  monotonic backoff();
  monotonic between(monotonic low, monotonic high);
  std::uint64_t draw();

  session::tuning tuning_;
  state state_;
  std::optional<resumable> session_;
  std::optional<permit> permit_;
  session::purpose purpose_ = session::purpose::start;
  link_number last_link_ = 0;
  std::uint64_t last_ask_ = 0;
  std::uint64_t granted_ask_ =
      0;                   ///< newest ask whose grant was seen; the same grant once more is no other one
  int failures_ = 0;       ///< attempts since the session was last live; drives the back-off
  int brief_lives_ = 0;    ///< times in a row that live ended before `steady_after`
  int url_failures_ = 0;   ///< connects to the resume URL that failed since the base URL was last tried
  int failed_resumes_ = 0; ///< RESUMEs sent and not answered by RESUMED since the session was last live
  std::optional<monotonic> armed_;
  std::uint64_t random_;
  actions out_;
};

/// "resuming" and the like: log lines, status and metrics.
std::string_view name_of(const state& x);

} // namespace shardyard::session
