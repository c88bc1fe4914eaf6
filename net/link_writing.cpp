// What a connection sends: payloads within the send limit, heartbeats, and the end.
#include "net/link_connection.hpp"

namespace shardyard::net {
namespace {

using boost::system::error_code;

constexpr std::size_t most_waiting = 256;    // payloads that wait for the send limit
constexpr std::size_t most_unsent = 1 << 20; // bytes a server that does not read can make us hold

std::string close_payload(std::uint16_t code) {
  return {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
}

} // namespace

// ---- writing

send_status gateway_link::connection::check(const std::string& payload) {
  if (ended_.load())
    return send_status::not_open;
  if (payload.size() > settings_.longest_payload)
    return send_status::too_large;
  if (waiting_count_.fetch_add(1) < most_waiting)
    return send_status::accepted;
  waiting_count_.fetch_sub(1);
  return send_status::full;
}

void gateway_link::connection::on_ping(std::string_view payload) {
  if (stage_ != stage::open)
    return;
  write_frame(client_frame::pong, payload);
}

void gateway_link::connection::write_frame(client_frame kind, std::string_view payload) {
  append_frame(out_, kind, payload, random_mask());
  write_out();
}

void gateway_link::connection::write_out() {
  if (waiting_to_write_ || out_.empty() || stage_ == stage::ended)
    return;
  auto result = stream_.write(out_);
  out_.erase(0, result.bytes);
  if (out_.empty()) {
    out_.shrink_to_fit();
    return;
  }
  if (out_.size() > most_unsent)
    return gone("the server does not read");
  if (result.state == stream_state::ended) {
    // The reading side may still find the server's close frame; only without it the loss is reported here.
    if (paused_)
      gone("connection lost");
    return;
  }
  waiting_to_write_ = true;
  auto ready = [me = shared_from_this()](error_code error) {
    me->waiting_to_write_ = false;
    if (!error)
      me->write_out();
  };
  if (result.state == stream_state::wants_read)
    stream_.wait_readable(std::move(ready));
  else
    stream_.wait_writable(std::move(ready));
}

void gateway_link::connection::expect_after(std::uint64_t seq, std::int64_t newest_ms) {
  if (stage_ == stage::open)
    reader_.expect_after(seq, newest_ms);
}

void gateway_link::connection::enqueue(std::string payload, priority rank) {
  if (stage_ != stage::open) {
    waiting_count_.fetch_sub(1);
    return;
  }
  if (rank == priority::handshake)
    waiting_.push_front(std::move(payload));
  else
    waiting_.push_back(std::move(payload));
  send_waiting();
}

void gateway_link::connection::send_waiting() {
  slot_armed_ = false;
  auto now = clock::now();
  auto sent = false;
  while (stage_ == stage::open && !waiting_.empty() && limit_.may_send(now)) {
    sent = true;
    limit_.sent(now);
    append_frame(out_, client_frame::text, waiting_.front(), random_mask());
    waiting_.pop_front();
    waiting_count_.fetch_sub(1);
  }
  write_out();
  if (stage_ == stage::open && !waiting_.empty())
    wait_for_slot();
  else if (sent && stage_ == stage::open)
    events_->on_room();
}

void gateway_link::connection::wait_for_slot() {
  if (slot_armed_)
    return;
  slot_armed_ = true;
  arm(slot_timer_, limit_.next_slot(), &connection::send_waiting);
}

// ---- heartbeats

void gateway_link::connection::wait_for_beat() {
  arm(beat_timer_, heartbeat_.due(), &connection::beat_due);
}

void gateway_link::connection::beat_due() {
  if (stage_ != stage::open)
    return;
  if (settings_.acks == ack_rule::any_payload && reader_.payloads() != payloads_at_beat_)
    heartbeat_.sign_of_life();
  if (paused_)
    heartbeat_.forgive();
  // The ACK may lie unread in the socket because this thread was late, which is not the server's fault.
  if (heartbeat_.overdue() && read_once() == stream_state::open)
    post([](connection& me) { me.read_on(); });
  if (stage_ != stage::open)
    return;
  if (heartbeat_.overdue())
    return begin_close({close_kind::zombie, resumable_close, "heartbeat not acknowledged", reaction::resume},
                       false);
  send_beat(true);
  if (stage_ == stage::open)
    wait_for_beat();
}

void gateway_link::connection::extra_heartbeat() {
  if (stage_ == stage::open && heartbeat_.interval().count() > 0 && limit_.may_send(clock::now()))
    send_beat(false);
}

void gateway_link::connection::send_beat(bool scheduled) {
  auto now = clock::now();
  auto s = reader_.last_s();
  if (scheduled) {
    heartbeat_.beat(s, now);
    payloads_at_beat_ = reader_.payloads();
  } else {
    heartbeat_.extra_beat(s, now);
  }
  limit_.sent(now);
  write_frame(client_frame::text, heartbeat_text(s));
}

// ---- ending

void gateway_link::connection::on_close_frame(std::uint16_t code, std::string_view text) {
  if (stage_ != stage::open)
    return;
  auto& rule = rule_of(code);
  write_frame(client_frame::close, code == 1005 ? std::string{} : close_payload(code));
  if (stage_ == stage::ended)
    return;
  close_reason reason{close_kind::by_server, code, std::string{rule.text}, rule.reaction};
  if (!text.empty())
    reason.text += " (\"" + header_safe(text) + "\")";
  finish(std::move(reason));
}

void gateway_link::connection::close_asked(std::uint16_t code) {
  if (stage_ == stage::ended || stage_ == stage::closing)
    return;
  auto after = ends_session(code) ? reaction::identify : reaction::resume;
  close_reason reason{close_kind::asked, code, "closed by us", after};
  if (stage_ != stage::open)
    return finish(std::move(reason));
  begin_close(std::move(reason), true);
}

/// Sends our close frame. The socket is read until the server answers: closing it with unread bytes inside
/// would reset the connection and might take the close frame with it.
void gateway_link::connection::begin_close(close_reason reason, bool await_answer) {
  write_frame(client_frame::close, close_payload(reason.code));
  if (stage_ == stage::ended)
    return;
  if (!await_answer)
    return finish(std::move(reason));
  stage_ = stage::closing;
  reason.last_s = reader_.last_s();
  reason_ = std::move(reason);
  beat_timer_.cancel();
  slot_timer_.cancel();
  arm(deadline_, clock::now() + settings_.close_timeout, &connection::deadline_passed);
  if (!waiting_to_read_)
    wait_for(stream_state::wants_read);
}

void gateway_link::connection::deadline_passed() {
  if (stage_ == stage::closing)
    return finish(std::move(reason_));
  if (stage_ == stage::connecting || stage_ == stage::upgrading)
    finish({close_kind::connect_failed, 1006, "no connection within the time allowed", reaction::resume});
}

void gateway_link::connection::finish(close_reason reason) {
  if (stage_ == stage::ended)
    return;
  if (stage_ != stage::closing) // what came behind our close frame was not handed out
    reason.last_s = reader_.last_s();
  drop_socket();
  auto events = std::move(events_);
  events->on_closed(reason);
}

void gateway_link::connection::abandon() {
  if (stage_ == stage::ended)
    return;
  drop_socket();
  events_.reset();
}

void gateway_link::connection::drop_socket() {
  stage_ = stage::ended;
  ended_.store(true);
  deadline_.cancel();
  beat_timer_.cancel();
  slot_timer_.cancel();
  stream_.close();
  waiting_.clear();
}

} // namespace shardyard::net
