#include "net/bot_pass_on.hpp"

#include <utility>

namespace shardyard::net {
namespace {

constexpr std::size_t most_held = 64 << 10; // per direction; one read more may come on top
constexpr int turns_at_a_time = 16;
constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS";
}

} // namespace

pass_on::pass_on(std::shared_ptr<door_room> room, byte_stream& client, http_requests& requests,
                 passed_request to, std::function<void(passed_end)> done)
    : room_(std::move(room)),
      requests_(requests),
      to_(std::move(to)),
      done_(std::move(done)),
      deadline_(room_->context()) {
  client_.stream = &client;
  asked_ = requests_.head().body == http_body::none;
}

void pass_on::start() {
  if (auto idle = room_->upstreams.take()) {
    upstream_ = std::move(idle);
    return boost::asio::post(room_->context(), [me = shared_from_this()] { me->connected({}); });
  }
  connect();
}

void pass_on::connect() {
  arm();
  upstream_ = room_->upstreams.open([me = shared_from_this()](const auto& why) { me->connected(why); });
}

void pass_on::connected(const std::optional<byte_stream::failure>& why) {
  if (!done_)
    return;
  if (why)
    return fail(502, "Discord cannot be reached: " + why->text);
  connected_ = true;
  discord_ = {&upstream_->stream};
  auto& request = requests_.head();
  upstream_->answers.next(request.method == "HEAD");
  to_discord_ = request_head(request, to_);
  if (request.body != http_body::none && request.version == 11 && request.find("Expect"))
    to_client_ = go_on;
  take_request_body();
  if (done_)
    pump();
}

/// Moves what can be moved without waiting, then waits for whatever is in the way.
void pass_on::pump() {
  for (int turn = 0; turn < turns_at_a_time; ++turn) {
    auto moved = false;
    for (auto step :
         {&pass_on::read_client, &pass_on::write_upstream, &pass_on::read_upstream, &pass_on::write_client}) {
      moved = (this->*step)() || moved;
      if (!done_ || !connected_)
        return;
    }
    if (answered_ && to_client_.empty())
      return finish();
    if (!moved)
      return wait_for_more();
    arm();
  }
  boost::asio::post(room_->context(), [me = shared_from_this()] {
    if (me->done_)
      me->pump();
  });
}

// ---- the request

bool pass_on::wants_request() const {
  return !asked_ && !deaf_ && to_discord_.size() < most_held;
}

bool pass_on::read_client() {
  if (!wants_request())
    return false;
  auto got = client_.stream->read({room_->scratch.data(), door_room::http_read_bytes});
  client_.read_state = got.state;
  if (got.bytes > 0) {
    requests_.push({room_->scratch.data(), got.bytes});
    take_request_body();
  }
  if (done_ && got.state == stream_state::ended && !asked_)
    end({.lost = true});
  return got.bytes > 0;
}

void pass_on::take_request_body() {
  auto chunked = goes_in_chunks(requests_.head());
  decoded_.clear();
  auto progress = requests_.read_body(chunked ? decoded_ : to_discord_);
  if (progress == http_progress::broken)
    return fail(requests_.fault_status(), requests_.fault());
  if (chunked)
    append_chunk(to_discord_, decoded_);
  if (progress == http_progress::more)
    return;
  asked_ = true;
  if (chunked)
    to_discord_ += last_chunk;
}

bool pass_on::write_upstream() {
  if (to_discord_.empty())
    return false;
  auto sent = discord_.stream->write(to_discord_);
  to_discord_.erase(0, sent.bytes);
  discord_.write_state = sent.state;
  if (sent.state == stream_state::ended) {
    // It may have answered before it closed: what it says is worth more than that it went.
    deaf_ = true;
    to_discord_.clear();
  }
  return sent.bytes > 0;
}

// ---- the answer

bool pass_on::read_upstream() {
  if (answered_ || to_client_.size() >= most_held)
    return false;
  auto got = discord_.stream->read({room_->scratch.data(), door_room::http_read_bytes});
  discord_.read_state = got.state;
  if (got.bytes > 0) {
    upstream_->answers.push({room_->scratch.data(), got.bytes});
    take_answer();
  }
  if (done_ && got.state == stream_state::ended && !answered_)
    upstream_ended();
  return got.bytes > 0;
}

void pass_on::take_answer() {
  auto& answers = upstream_->answers;
  while (!answering_) {
    auto progress = answers.read_head();
    if (progress == http_progress::more)
      return;
    if (progress == http_progress::broken || answers.head().status == 101)
      return fail(502, "Discord's answer cannot be read: " + answers.fault());
    if (answers.head().status / 100 != 1)
      begin_answer();
    else
      answers.next(requests_.head().method ==
                   "HEAD"); // interim: 100 is ours to say, the rest nobody asked for
  }
  auto chunked = answers_in_chunks(answers.head(), requests_.head());
  decoded_.clear();
  auto progress = answers.read_body(chunked ? decoded_ : to_client_);
  if (progress == http_progress::broken)
    return fail(502, "Discord's answer cannot be read: " + answers.fault());
  if (chunked)
    append_chunk(to_client_, decoded_);
  if (progress == http_progress::more)
    return;
  answered_ = true;
  if (chunked)
    to_client_ += last_chunk;
}

void pass_on::begin_answer() {
  answering_ = true;
  ++room_->figures.passed_on;
  auto& request = requests_.head();
  auto& answer = upstream_->answers.head();
  auto to_the_end = !answers_in_chunks(answer, request) && answer.body != http_body::none &&
                    answer.body != http_body::sized;
  // An answer that came before all was asked may leave the rest of the request unread.
  keep_ = request.keep_alive && asked_ && !to_the_end;
  to_client_ += answer_head(answer, request, keep_);
}

void pass_on::upstream_ended() {
  over_ = true;
  if (answering_ && upstream_->answers.end()) {
    answered_ = true;
    if (answers_in_chunks(upstream_->answers.head(), requests_.head()))
      to_client_ += last_chunk;
    return;
  }
  if (!may_ask_again())
    return fail(502, "Discord closed the connection before its answer was complete");
  upstream_->stream.close();
  connected_ = deaf_ = over_ = false;
  connect();
}

/// A kept connection that Discord closed just as it was used again says nothing about this request.
bool pass_on::may_ask_again() const {
  return upstream_->used_before && !answering_ && upstream_->answers.rest().empty() &&
         requests_.head().body == http_body::none && is_idempotent(requests_.head().method);
}

bool pass_on::write_client() {
  if (to_client_.empty())
    return false;
  auto sent = client_.stream->write(to_client_);
  to_client_.erase(0, sent.bytes);
  client_.write_state = sent.state;
  if (sent.state == stream_state::ended)
    end({.lost = true});
  return sent.bytes > 0;
}

// ---- waiting

void pass_on::wait_for_more() {
  if (!connected_)
    return;
  if (wants_request())
    wait(client_, client_.read_state == stream_state::wants_write ? stream_state::wants_write
                                                                  : stream_state::wants_read);
  if (!to_client_.empty())
    wait(client_, client_.write_state == stream_state::wants_read ? stream_state::wants_read
                                                                  : stream_state::wants_write);
  if (!answered_ && to_client_.size() < most_held)
    wait(discord_, discord_.read_state == stream_state::wants_write ? stream_state::wants_write
                                                                    : stream_state::wants_read);
  if (!to_discord_.empty())
    wait(discord_, discord_.write_state == stream_state::wants_read ? stream_state::wants_read
                                                                    : stream_state::wants_write);
}

void pass_on::wait(side& at, stream_state state) {
  auto& waits = state == stream_state::wants_read ? at.waits_to_read : at.waits_to_write;
  if (std::exchange(waits, true))
    return;
  auto ready = [me = shared_from_this(), &waits, stream = at.stream, &at](error_code) {
    if (!me->done_ || at.stream != stream)
      return;
    waits = false;
    if (me->connected_)
      me->pump();
  };
  if (state == stream_state::wants_read)
    at.stream->wait_readable(std::move(ready));
  else
    at.stream->wait_writable(std::move(ready));
}

bool pass_on::client_is_slow() const {
  return connected_ && (!to_client_.empty() || (!asked_ && !deaf_ && to_discord_.empty()));
}

void pass_on::arm() {
  deadline_.expires_after(client_is_slow() ? room_->settings.idle_timeout : room_->settings.upstream_timeout);
  deadline_.async_wait([me = shared_from_this()](error_code stopped) {
    if (!stopped && me->done_ && me->deadline_.expiry() <= door_room::clock::now())
      me->too_late();
  });
}

void pass_on::too_late() {
  if (client_is_slow())
    return end({.lost = true});
  fail(504, connected_ ? "no answer from Discord within the time allowed"
                       : "no connection to Discord within the time allowed");
}

// ---- the end

void pass_on::finish() {
  auto reusable = asked_ && !deaf_ && !over_ && to_discord_.empty() && upstream_->answers.rest().empty() &&
                  upstream_->answers.head().keep_alive;
  if (reusable)
    room_->upstreams.give_back(std::exchange(upstream_, nullptr));
  end({.keep = keep_});
}

/// What has begun, an answer or half of "100 Continue", can only be cut off.
void pass_on::fail(unsigned status, std::string why) {
  if (answering_ || (!to_client_.empty() && to_client_ != go_on))
    return end({.lost = true});
  end({.keep = asked_ && requests_.head().keep_alive, .status = status, .why = std::move(why)});
}

void pass_on::end(passed_end how) {
  auto done = std::exchange(done_, nullptr);
  drop();
  if (done)
    done(std::move(how));
}

void pass_on::drop() {
  done_ = nullptr;
  deadline_.cancel();
  if (upstream_)
    upstream_->stream.close();
}

} // namespace shardyard::net
