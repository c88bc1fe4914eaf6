#include "net/bot_http.hpp"

#include "net/accepting.hpp"
#include "net/bot_socket.hpp"
#include "net/upgrade.hpp"

namespace shardyard::net {
namespace {

constexpr auto longest_linger = std::chrono::seconds(2);

} // namespace

bot_http::bot_http(std::shared_ptr<door_room> room)
    : room_(std::move(room)),
      stream_(std::make_unique<byte_stream>(room_->context())),
      deadline_(room_->context()),
      requests_({room_->settings.longest_head, room_->settings.longest_body}) {}

void bot_http::start(byte_stream::tcp::socket socket) {
  address_ = address_of(socket);
  arm(room_->settings.request_timeout);
  tls_context::connection tls;
  if (room_->tls) {
    tls = room_->tls->accept(socket.native_handle());
    if (!tls)
      return leave();
  }
  stream_->accept(std::move(socket), std::move(tls),
                  [me = shared_from_this()](const auto& why) { me->opened(why); });
}

void bot_http::opened(const std::optional<byte_stream::failure>& why) {
  if (stage_ == stage::gone)
    return;
  if (why) {
    ++room_->figures.refused;
    return leave();
  }
  stage_ = stage::reading; // the time allowed runs since the accept
  read_on();
}

// ---- requests

void bot_http::read_on() {
  while (stage_ == stage::idle || stage_ == stage::reading) {
    if (stage_ == stage::idle && !requests_.rest().empty()) {
      stage_ = stage::reading;
      arm(room_->settings.request_timeout);
    }
    switch (requests_.read_head()) {
    case http_progress::broken:
      return refuse(requests_.fault_status(), requests_.fault());
    case http_progress::complete:
      return handle();
    case http_progress::more:
      if (!read_once())
        return;
    }
  }
}

/// False: nothing came, and read_on is called when there is more.
bool bot_http::read_once() {
  auto got = stream_->read({room_->scratch.data(), door_room::http_read_bytes});
  requests_.push({room_->scratch.data(), got.bytes});
  if (got.bytes > 0)
    return true;
  if (got.state == stream_state::ended)
    leave();
  else
    wait(got.state, &bot_http::read_on);
  return false;
}

void bot_http::handle() {
  deadline_.cancel();
  stage_ = stage::answering;
  auto& request = requests_.head();
  if (auto wrong = objection_to(request))
    return refuse(wrong->status, wrong->why);
  auto [route, target] = route_of(request.target, room_->api_base);
  switch (route) {
  case bot_route::web_socket:
    return asks_for_web_socket(request) ? open_web_socket() : answer(404, error_body(404));
  case bot_route::gateway:
  case bot_route::gateway_bot:
    return request.method == "GET" ? handle_api(route) : answer(405, error_body(405));
  case bot_route::pass_on:
    return begin_passing_on(std::move(target));
  case bot_route::unknown:
    return answer(404, error_body(404));
  case bot_route::malformed:
    return refuse(400, "no path of Discord's API");
  }
}

void bot_http::handle_api(bot_route route) {
  auto decides = room_->events;
  if (route == bot_route::gateway)
    return answer(200, decides->gateway_body());
  if (!decides->authorize(requests_.head().find("Authorization").value_or("")))
    return answer(401, error_body(401));
  answer(200, decides->gateway_bot_body());
}

void bot_http::begin_passing_on(std::string target) {
  passed_request to{
      std::move(target), room_->api_base.authority(), {}, header_safe(room_->settings.user_agent)};
  if (auto given = requests_.head().find("Authorization")) {
    auto decides = room_->events;
    auto allowed = decides->authorize(*given);
    if (!allowed)
      return answer(401, error_body(401));
    to.authorization = header_safe(*allowed);
  }
  if (stage_ == stage::gone) // the door ended in that call
    return;
  stage_ = stage::passing_on;
  passing_ =
      std::make_shared<pass_on>(room_, *stream_, requests_, std::move(to),
                                [me = shared_from_this()](const passed_end& how) { me->passed_on(how); });
  passing_->start();
}

void bot_http::passed_on(const passed_end& how) {
  if (stage_ != stage::passing_on)
    return;
  passing_.reset();
  stage_ = stage::answering;
  if (how.lost)
    return leave();
  keep_ = how.keep;
  if (how.status != 0)
    out_ = own_answer(how.status, error_body(how.status, how.why), keep_);
  write_out();
}

void bot_http::open_web_socket() {
  auto& request = requests_.head();
  if (auto wrong = upgrade_objection(request))
    return refuse(wrong->status, wrong->why,
                  wrong->status == 426 ? "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n" : "");
  auto query = parse_bot_query(request.target);
  query.address = address_;
  auto me = shared_from_this();
  stage_ = stage::gone;
  room_->leave(me);
  bot_socket::open(room_, std::move(stream_), query, accept_value(*request.find("Sec-WebSocket-Key")),
                   requests_.rest());
}

// ---- answers

void bot_http::answer(unsigned status, std::string_view body) {
  if (stage_ == stage::gone)
    return;
  auto& request = requests_.head();
  // After HEAD no body is awaited: what follows would be taken for the next answer.
  keep_ = request.keep_alive && request.body == http_body::none && request.method != "HEAD";
  out_ = own_answer(status, body, keep_);
  write_out();
}

void bot_http::refuse(unsigned status, std::string_view why, std::string_view extra) {
  ++room_->figures.refused;
  stage_ = stage::answering;
  keep_ = false;
  out_ = own_answer(status, error_body(status, why), keep_, extra);
  write_out();
}

void bot_http::write_out() {
  if (stage_ != stage::answering)
    return;
  auto sent = stream_->write(out_);
  out_.erase(0, sent.bytes);
  if (sent.state == stream_state::ended)
    return leave();
  if (out_.empty())
    return keep_ ? next_request() : linger();
  arm(room_->settings.idle_timeout);
  wait(sent.state, &bot_http::write_out);
}

/// Goes on in a turn of its own, so that a client with many requests in one segment delays nobody.
void bot_http::next_request() {
  requests_.next();
  stage_ = stage::idle;
  arm(room_->settings.idle_timeout);
  boost::asio::post(room_->context(), [me = shared_from_this()] { me->read_on(); });
}

/// Closing with unread bytes in the socket would reset the connection and might take the answer with it.
void bot_http::linger() {
  stage_ = stage::lingering;
  stream_->end_writing();
  arm(longest_linger);
  discard();
}

void bot_http::discard() {
  if (stage_ != stage::lingering)
    return;
  auto got = stream_->read({room_->scratch.data(), door_room::http_read_bytes});
  if (got.state == stream_state::ended)
    return leave();
  if (got.state == stream_state::open)
    return boost::asio::post(room_->context(), [me = shared_from_this()] { me->discard(); });
  wait(got.state, &bot_http::discard);
}

void bot_http::leave() {
  drop();
  room_->leave(shared_from_this());
}

void bot_http::drop() {
  stage_ = stage::gone;
  deadline_.cancel();
  if (passing_)
    passing_->drop();
  if (stream_)
    stream_->close();
}

// ---- waiting

void bot_http::wait(stream_state state, void (bot_http::*then)()) {
  auto ready = [me = shared_from_this(), then](error_code) {
    if (me->stage_ != stage::gone)
      ((*me).*then)();
  };
  if (state == stream_state::wants_write)
    stream_->wait_writable(std::move(ready));
  else
    stream_->wait_readable(std::move(ready));
}

void bot_http::arm(std::chrono::milliseconds limit) {
  deadline_.expires_after(limit);
  deadline_.async_wait([me = shared_from_this()](error_code stopped) {
    if (!stopped && me->deadline_.expiry() <= door_room::clock::now())
      me->too_late();
  });
}

void bot_http::too_late() {
  switch (stage_) {
  case stage::shaking_hands:
    ++room_->figures.refused;
    return leave();
  case stage::reading:
    return refuse(408, "the request did not come within the time allowed");
  case stage::idle:
  case stage::answering:
  case stage::lingering:
    return leave();
  case stage::passing_on: // has a deadline of its own
  case stage::gone:
    return;
  }
}

} // namespace shardyard::net
