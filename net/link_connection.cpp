#include "net/link_connection.hpp"

#include <algorithm>
#include <charconv>
#include <random>

namespace shardyard::net {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;

constexpr std::size_t read_bytes = 64 << 10;
constexpr std::size_t most_waiting = 256;    // payloads that wait for the send limit
constexpr std::size_t most_unsent = 1 << 20; // bytes a server that does not read can make us hold
constexpr int reads_per_turn = 8;            // before other connections of the thread have theirs
constexpr milliseconds least_block_wait{60'000};

// Used within one read only, so that idle connections hold none of it.
struct thread_space {
  std::unique_ptr<char[]> socket = std::make_unique_for_overwrite<char[]>(read_bytes);
  read_space read;
};

thread_space& space() {
  thread_local thread_space result;
  return result;
}

double jitter(std::uint64_t seed) {
  std::mt19937_64 random{seed != 0 ? seed : std::random_device{}()};
  return std::uniform_real_distribution<double>{0, 1}(random);
}

std::string close_payload(std::uint16_t code) {
  return {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
}

milliseconds read_retry_after(std::string_view text) {
  std::uint32_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::seconds{seconds};
}

close_kind kind_of(read_fault_kind fault) {
  return fault == read_fault_kind::sequence_gap ? close_kind::sequence_gap : close_kind::malformed;
}

} // namespace

gateway_link::connection::connection(std::shared_ptr<io_worker> worker, link_settings settings,
                                     std::shared_ptr<link_events> events)
    : worker_(std::move(worker)),
      settings_(std::move(settings)),
      events_(std::move(events)),
      stream_(worker_->context()),
      deadline_(worker_->context()),
      beat_timer_(worker_->context()),
      slot_timer_(worker_->context()),
      reader_(settings_.compress, settings_.max_message_bytes),
      limit_(settings_.payloads_per_minute) {}

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

void gateway_link::connection::arm(boost::asio::steady_timer& timer, clock::time_point when,
                                   void (connection::*then)()) {
  timer.expires_at(when);
  timer.async_wait([me = shared_from_this(), then](error_code error) {
    if (!error && me->stage_ != stage::ended)
      ((*me).*then)();
  });
}

// ---- opening

void gateway_link::connection::start() {
  if (stage_ == stage::ended)
    return;
  worker_->enrol(shared_from_this());
  auto base = parse_url(settings_.url);
  if (!base || !base->scheme.starts_with("ws"))
    return finish(
        {close_kind::impossible, 1006, "no gateway address: \"" + settings_.url + "\"", reaction::fatal});
  target_ = with_gateway_query(*base, settings_.compress);
  arm(deadline_, clock::now() + settings_.connect_timeout, &connection::deadline_passed);
  stream_.open(*target_, {settings_.ca_file, settings_.allow_plaintext},
               [me = shared_from_this()](const auto& why) { me->opened(why); });
}

void gateway_link::connection::opened(const std::optional<byte_stream::failure>& why) {
  if (stage_ != stage::connecting)
    return;
  if (why) {
    auto hopeless = why->hopeless;
    return finish({hopeless ? close_kind::impossible : close_kind::connect_failed, 1006, why->text,
                   hopeless ? reaction::fatal : reaction::resume});
  }
  stage_ = stage::upgrading;
  key_ = upgrade_key();
  out_ = upgrade_request(*target_, settings_.user_agent, key_);
  reply_.emplace(64 << 10);
  write_out();
  wait_for(stream_state::wants_read);
}

void gateway_link::connection::read_upgrade() {
  auto got = stream_.read({space().socket.get(), read_bytes});
  auto progress = reply_->feed({space().socket.get(), got.bytes});
  if (progress == http_reply::progress::more && got.state == stream_state::ended)
    progress = reply_->end();
  if (reply_->has_head() && reply_->status() != 101)
    return upgrade_refused();
  if (progress == http_reply::progress::broken)
    return finish(
        {close_kind::connect_failed, 1006, "answer to the upgrade: " + reply_->error(), reaction::resume});
  if (progress == http_reply::progress::more)
    return wait_for(got.state == stream_state::wants_write ? got.state : stream_state::wants_read);
  if (auto why = check_upgrade(*reply_, key_); !why.empty())
    return finish({close_kind::connect_failed, 1006, std::string{why}, reaction::resume});
  auto rest = std::string{reply_->rest()};
  reply_.reset();
  upgraded(rest);
}

void gateway_link::connection::upgraded(std::string_view rest) {
  stage_ = stage::open;
  deadline_.cancel();
  key_.clear();
  if (!rest.empty()) // the server's first frames may share a segment with its answer
    handle(rest);
  if (stage_ != stage::ended)
    read_on();
}

/// Section "Connecting" of the reference says 400 for an API version that is gone; everything else is worth
/// another try, but what an edge refuses (401, 403, 429) only after a while.
void gateway_link::connection::upgrade_refused() {
  close_reason reason{close_kind::upgrade_refused, 1006};
  reason.http_status = reply_->status();
  reason.text = "the gateway answered the upgrade with HTTP " + std::to_string(reason.http_status);
  reason.after = reason.http_status == 400 ? reaction::fatal : reaction::resume;
  if (reason.http_status == 401 || reason.http_status == 403 || reason.http_status == 429)
    reason.retry_after = std::max(least_block_wait, read_retry_after(reply_->header("Retry-After")));
  finish(std::move(reason));
}

// ---- reading

void gateway_link::connection::read_on() {
  auto state = stream_state::open;
  for (int turn = 0; turn < reads_per_turn && state == stream_state::open; ++turn) {
    if ((paused_ && stage_ == stage::open) || stage_ == stage::ended)
      return;
    state = read_once();
  }
  if (stage_ == stage::ended || (paused_ && stage_ == stage::open))
    return;
  if (state == stream_state::open) // OpenSSL may hold bytes of which the socket knows nothing any more
    return post([](connection& me) { me.read_on(); });
  wait_for(state == stream_state::wants_write ? state : stream_state::wants_read);
}

stream_state gateway_link::connection::read_once() {
  auto got = stream_.read({space().socket.get(), read_bytes});
  if (got.bytes > 0)
    handle({space().socket.get(), got.bytes});
  if (got.state == stream_state::ended && stage_ != stage::ended)
    gone("connection lost");
  return got.state;
}

void gateway_link::connection::handle(std::string_view bytes) {
  if (stage_ == stage::closing)
    return await_close(bytes);
  auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(clock::now().time_since_epoch());
  auto fault = reader_.read(bytes, now.count(), space().read, *this);
  if (!fault || stage_ == stage::ended)
    return;
  close_reason reason{kind_of(fault->kind), resumable_close, std::move(fault->text), reaction::resume};
  if (reason.kind == close_kind::sequence_gap)
    reason.missing_from = reader_.last_s() + 1;
  begin_close(std::move(reason), true);
  if (stage_ == stage::closing)
    await_close(fault->rest);
}

void gateway_link::connection::await_close(std::string_view bytes) {
  if (reader_.discard(bytes))
    finish(std::move(reason_));
}

void gateway_link::connection::wait_for(stream_state state) {
  if (waiting_to_read_)
    return;
  waiting_to_read_ = true;
  auto ready = [me = shared_from_this()](error_code error) {
    me->waiting_to_read_ = false;
    if (me->stage_ == stage::ended)
      return;
    if (error)
      return me->gone(error.message());
    if (me->stage_ == stage::upgrading)
      me->read_upgrade();
    else
      me->read_on();
  };
  if (state == stream_state::wants_write)
    stream_.wait_writable(std::move(ready));
  else
    stream_.wait_readable(std::move(ready));
}

void gateway_link::connection::gone(std::string_view text) {
  if (stage_ == stage::closing)
    return finish(std::move(reason_));
  auto kind = stage_ == stage::open ? close_kind::lost : close_kind::connect_failed;
  finish({kind, 1006, std::string{text}, reaction::resume});
}

void gateway_link::connection::pause(bool paused) {
  if (paused_ == paused || stage_ == stage::ended)
    return;
  paused_ = paused;
  if (paused)
    return;
  heartbeat_.forgive();
  if (stage_ == stage::open && !waiting_to_read_)
    read_on();
}

// ---- what was read

void gateway_link::connection::on_events(event_block block) {
  if (stage_ == stage::open)
    events_->on_events(std::move(block));
}

void gateway_link::connection::on_ready(ready_view ready) {
  if (stage_ == stage::open)
    events_->on_ready(std::move(ready));
}

void gateway_link::connection::on_resumed(std::uint64_t s) {
  if (stage_ == stage::open)
    events_->on_resumed(s);
}

void gateway_link::connection::on_hello(std::uint32_t interval_ms) {
  if (stage_ != stage::open)
    return;
  milliseconds interval{interval_ms};
  heartbeat_.start(interval, jitter(settings_.jitter_seed), clock::now());
  limit_.reserve_for(interval);
  wait_for_beat();
  events_->on_hello(interval);
}

void gateway_link::connection::on_reconnect() {
  if (stage_ == stage::open)
    events_->on_reconnect();
}

void gateway_link::connection::on_invalid_session(bool resumable) {
  if (stage_ == stage::open)
    events_->on_invalid_session(resumable);
}

void gateway_link::connection::on_heartbeat_request() {
  if (stage_ == stage::open && limit_.may_beat(clock::now()))
    send_beat(false);
}

void gateway_link::connection::on_acknowledged() {
  auto s = heartbeat_.acknowledged();
  if (s && stage_ == stage::open)
    events_->on_heartbeat_ack(*s);
}

void gateway_link::connection::on_ping(std::string_view payload) {
  if (stage_ != stage::open)
    return;
  write_frame(client_frame::pong, payload);
}

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

// ---- writing

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
  while (stage_ == stage::open && !waiting_.empty() && limit_.may_send(now)) {
    limit_.sent(now);
    append_frame(out_, client_frame::text, waiting_.front(), random_mask());
    waiting_.pop_front();
    waiting_count_.fetch_sub(1);
  }
  write_out();
  if (stage_ == stage::open && !waiting_.empty())
    wait_for_slot();
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
