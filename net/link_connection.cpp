#include "net/link_connection.hpp"

#include <algorithm>
#include <charconv>
#include <random>

namespace shardyard::net {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;

constexpr std::size_t read_bytes = 64 << 10;
constexpr int link_reads_per_turn =
    1; // other connections of the thread have theirs: copies of one event meet in the cache
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
  for (int turn = 0; turn < link_reads_per_turn && state == stream_state::open; ++turn) {
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
  stream_.keep_buffers(pace_.steady(now));
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

} // namespace shardyard::net
