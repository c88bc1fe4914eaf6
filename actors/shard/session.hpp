// The words of a shard's session state machine: its states, what happens to it, and what it wants done. Plain
// values, no behaviour; the rules are in session_machine.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace shardyard {

using monotonic = std::chrono::nanoseconds; ///< since an arbitrary start; one clock per process

} // namespace shardyard

namespace shardyard::session {

/// Number of a connection, given by the machine; what a former connection says late is recognised by it and
/// ignored.
using link_number = std::uint64_t;

/// What RESUME needs besides the cursor. Valid until Discord or we give the session up.
struct resumable {
  std::string session_id;
  std::string resume_url; ///< empty: the base URL

  bool operator==(const resumable&) const = default;
};

/// Why a permit is wanted; the ledger orders by it. Everything after a shard's first session is recovery.
enum class purpose : std::uint8_t { start, recovery, reshard };

/// What a close code asks for (Gateway close event codes; the table is in net/).
enum class reaction : std::uint8_t {
  resume,   ///< the session lives on
  identify, ///< the session is gone, a new one may be opened
  fatal,    ///< nothing helps until the operator changes something
};

/// Leave to send one IDENTIFY. It ends `valid for` after it was *asked* for, on our clock, so that no message
/// delay lengthens it.
struct permit {
  std::uint64_t id = 0;
  monotonic asked_at{};
  monotonic expires{};
};

// States. Each holds what is true only in it.

/// Not started.
struct idle {};
/// No connection; the next attempt begins at `until`.
struct resting {
  monotonic until{};
};
/// A permit was asked for and not answered yet. `greeted`: an open connection that had HELLO and waits for
/// it.
struct asking {
  std::uint64_t ask = 0;
  monotonic asked_at{};
  monotonic until{};
  std::optional<link_number> greeted;
};
/// The ledger said "later"; asked again at `until`.
struct queued {
  monotonic until{};
  std::optional<link_number> greeted;
};
/// A connection is being opened; HELLO is due by `until`.
struct connecting {
  link_number link = 0;
  bool to_resume_url = false;
  monotonic until{};
};
/// IDENTIFY sent; READY is due by `until`.
struct identifying {
  link_number link = 0;
  monotonic until{};
};
/// RESUME sent; RESUMED is due by `until`, which moves while the replay is coming in.
struct resuming {
  link_number link = 0;
  bool to_resume_url = false;
  monotonic until{};
};
/// READY or RESUMED seen.
struct live {
  link_number link = 0;
  monotonic since{};
};
/// Stopped by order or by a fatal answer; final.
struct stopped {};

using state = std::variant<idle, resting, asking, queued, connecting, identifying, resuming, live, stopped>;

// Inputs: what happened. Those that name a link or an ask are ignored when it is not the current one.

/// `session`: a session to RESUME (checkpoint, move); none: a new one by IDENTIFY.
struct start {
  std::optional<resumable> session;
  session::purpose purpose = session::purpose::start;
};
/// `valid_for` counts from our asking.
struct permit_granted {
  std::uint64_t ask = 0;
  std::uint64_t permit = 0;
  monotonic valid_for = std::chrono::seconds(10);
};
struct permit_wait {
  std::uint64_t ask = 0;
  monotonic again_after{};
};
struct permit_refused {
  std::uint64_t ask = 0;
  std::string why;
  std::string instead;
};
/// Op 10. `cursor`: the sequence to RESUME from at this moment (resume_cursor).
struct hello {
  link_number link = 0;
  std::uint64_t cursor = 0;
};
struct ready {
  link_number link = 0;
  std::string session_id;
  std::string resume_url;
};
struct resumed {
  link_number link = 0;
};
/// Dispatches came in. Needed only before RESUMED: a long replay is not a dead connection.
struct replayed {
  link_number link = 0;
};
/// Op 7.
struct reconnect {
  link_number link = 0;
};
/// Op 9 and its `d`.
struct invalid_session {
  link_number link = 0;
  bool resumable = false;
};
/// The connection is gone, by the peer, the network or our own missed-ACK rule. `code` 0 or 1006: no close
/// frame.
struct closed {
  link_number link = 0;
  int code = 0;
  session::reaction reaction = session::reaction::resume;
  std::string reason;
};
/// No connection came about. `retry_after`: what the edge asked for (429); `fatal`: it will never do (HTTP
/// 400, bad URL).
struct connect_failed {
  link_number link = 0;
  std::string why;
  monotonic retry_after{};
  bool fatal = false;
};
/// Ends the machine and closes an open connection with `code` (1000 and 1001 destroy the session at Discord).
struct stop {
  std::uint16_t code = 4000;
};
/// A `wake_at` came due. Early, late or doubled timers do no harm.
struct timer {};

using input = std::variant<start, permit_granted, permit_wait, permit_refused, hello, ready, resumed,
                           replayed, reconnect, invalid_session, closed, connect_failed, stop, timer>;

// Actions: what the shard has to do, in this order.

/// Ask the ledger; the answer must carry `ask`. An earlier ask is void.
struct ask_permit {
  std::uint64_t ask = 0;
  session::purpose purpose = session::purpose::start;
};
/// IDENTIFY is being sent with this permit, `age` after it was asked for.
struct permit_used {
  std::uint64_t permit = 0;
  monotonic age{};
};
/// This permit will never be used: the ledger may have it back.
struct permit_unused {
  std::uint64_t permit = 0;
};
/// Open a connection; no `url`: the base URL.
struct connect {
  link_number link = 0;
  std::optional<std::string> url;
};
struct identify {
  link_number link = 0;
};
struct resume {
  link_number link = 0;
  std::string session_id;
  std::uint64_t seq = 0;
};
/// The machine has let go of this link; nothing more is expected of it.
struct close {
  link_number link = 0;
  std::uint16_t code = 4000;
};
/// Send `timer` at that time; replaces an earlier wish.
struct wake_at {
  monotonic at{};
};
/// READY (`resumed` false: a new session) or RESUMED.
struct went_live {
  link_number link = 0;
  bool resumed = false;
};
/// Was live; the session is kept and will be resumed.
struct disconnected {
  std::string reason;
};
/// The session is gone for good.
struct session_lost {
  std::string session_id;
  std::string reason;
};
/// The operator should know; the machine goes on.
struct alert {
  std::string reason;
  std::string advice;
};
/// The machine has stopped for good.
struct fatal {
  std::string reason;
  std::string advice;
};

using action = std::variant<ask_permit, permit_used, permit_unused, connect, identify, resume, close, wake_at,
                            went_live, disconnected, session_lost, alert, fatal>;
using actions = std::vector<action>;

} // namespace shardyard::session
