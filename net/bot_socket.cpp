#include "net/bot_socket.hpp"

#include "net/frame_opcodes.hpp"

#include <charconv>
#include <utility>

namespace shardyard::net {
namespace {

constexpr std::size_t drained_mark = 64 << 10;
constexpr std::size_t write_at_once = 256 << 10;     // more is not gathered in one turn
constexpr std::size_t whole_from = 1024;             // smaller payloads stay text under IDENTIFY's `compress`
constexpr std::size_t longest_reason = 123;          // RFC 6455, section 5.5: 125 with the code
constexpr auto close_wait = std::chrono::seconds(5); // for the bot's close frame
constexpr int bot_reads_per_turn = 4;
/// cloudstorm and discordeno lose what comes in the same read as the answer to the upgrade; Discord's HELLO
/// comes later, too. discordeno needs some time to load its zstd decoder first.
constexpr auto greeting_delay = std::chrono::milliseconds(100);

/// `reason` cut where a character ends.
std::string_view fitting(std::string_view reason) {
  if (reason.size() <= longest_reason)
    return reason;
  auto end = longest_reason;
  while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xC0) == 0x80)
    --end;
  return reason.substr(0, end);
}

} // namespace

bot_socket::bot_socket(std::shared_ptr<door_room> room, std::unique_ptr<byte_stream> stream,
                       const bot_query& query)
    : room_(std::move(room)),
      stream_(std::move(stream)),
      compressor_(make_compressor(query.compress, {room_->settings.zlib_level, room_->settings.zstd_level,
                                                   room_->settings.zstd_window_log})),
      frames_(room_->settings.longest_payload) {}

void bot_socket::open(const std::shared_ptr<door_room>& room, std::unique_ptr<byte_stream> stream,
                      const bot_query& query, std::string_view accept, std::string_view rest) {
  auto me = std::make_shared<bot_socket>(room, std::move(stream), query);
  room->enter(me);
  ++room->figures.web_sockets;
  // An offer of permessage-deflate is declined by leaving it out.
  me->out_ = room->take_buffer();
  for (auto part :
       {std::string_view{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Accept: "},
        accept, std::string_view{"\r\n\r\n"}})
    me->out_.append(part);
  me->appended();
  me->write_out();
  me->deadline_ = std::make_unique<boost::asio::steady_timer>(room->context(), greeting_delay);
  me->deadline_->async_wait([me, query, rest = std::string{rest}](error_code stopped) {
    if (!stopped && me->stage_ == stage::open)
      me->greet(query, rest);
  });
}

void bot_socket::greet(const bot_query& query, std::string_view rest) {
  auto me = shared_from_this();
  auto decides = room_->events;
  auto listener = decides->on_connected(me, query);
  if (room_->ended)
    return;
  events_ = std::move(listener);
  if (stage_ == stage::ended) // aborted in that call
    return tell_closed(1006);
  if (!events_)
    return end(1006);
  byte_buffer first;
  first.append(rest);
  first.reserve(1);
  handle({first.begin(), first.size()});
  read_on();
}

// ---- reading

void bot_socket::read_on() {
  auto state = stream_state::open;
  for (int turn = 0; turn < bot_reads_per_turn && state == stream_state::open; ++turn) {
    if (stage_ == stage::ended || waits_to_read_)
      return;
    auto got = stream_->read({room_->scratch.data(), door_room::read_bytes});
    handle({room_->scratch.data(), got.bytes});
    if (stage_ == stage::ended)
      return;
    if (got.state == stream_state::ended)
      return end(1006);
    state = got.state;
  }
  if (state == stream_state::open) // others have their turn before the rest of it
    return boost::asio::post(room_->context(), [me = shared_from_this()] { me->read_on(); });
  wait_to_read(state);
}

void bot_socket::wait_to_read(stream_state state) {
  waits_to_read_ = true;
  auto ready = [me = shared_from_this()](error_code) {
    me->waits_to_read_ = false;
    me->read_on();
  };
  if (state == stream_state::wants_write)
    stream_->wait_writable(std::move(ready));
  else
    stream_->wait_readable(std::move(ready));
}

void bot_socket::handle(std::span<char> bytes) {
  while (stage_ == stage::open || stage_ == stage::closing) {
    auto piece = frames_.next(bytes);
    if (piece.kind == client_piece_kind::need_more)
      return;
    take(piece);
  }
}

void bot_socket::take(const client_piece& piece) {
  auto listener = events_; // a call may end the connection
  auto heard = stage_ == stage::open && listener;
  switch (piece.kind) {
  case client_piece_kind::text:
    return heard ? listener->on_payload(piece.bytes) : void();
  case client_piece_kind::undecodable:
    return heard ? listener->on_undecodable() : void();
  case client_piece_kind::ping:
    // Who asks without reading the answers gets no more of them.
    if (stage_ == stage::open && queued() < drained_mark)
      put_frame(pong_opcode, {piece.bytes});
    return;
  case client_piece_kind::close:
    return answer_close(piece.close_code, piece.close_code, {});
  case client_piece_kind::broken:
    return answer_close(1006, 1002, piece.bytes);
  case client_piece_kind::pong:
  case client_piece_kind::need_more:
    return;
  }
}

/// The bot says nothing more that counts: `theirs` is told, `ours` goes out unless a close frame has already.
void bot_socket::answer_close(std::uint16_t theirs, std::uint16_t ours, std::string_view reason) {
  tell_closed(theirs);
  if (stage_ == stage::open)
    begin_close(ours, reason);
  stage_ = stage::answered;
  if (queued() == 0)
    end_writing();
}

// ---- writing

void bot_socket::dispatch(std::string_view t, std::uint64_t s, std::string_view d) {
  if (stage_ != stage::open)
    return;
  std::array<char, 20> number;
  auto digits = std::to_chars(number.data(), number.data() + number.size(), s).ptr;
  auto& prefix = room_->prefix;
  prefix.assign(R"({"t":")");
  prefix.append(t).append(R"(","s":)").append(number.data(), digits).append(R"(,"op":0,"d":)");
  put_message(prefix, d, "}");
}

void bot_socket::send(std::string_view payload) {
  if (stage_ == stage::open)
    put_message(payload, {}, {});
}

void bot_socket::compress_payloads() {
  whole_payloads_ = !compressor_;
}

void bot_socket::put_message(std::string_view head, std::string_view body, std::string_view tail) {
  auto whole = whole_payloads_ && head.size() + body.size() + tail.size() >= whole_from;
  if (!compressor_ && !whole)
    return put_frame(text_opcode, {head, body, tail});
  auto& packed = room_->compressed;
  packed.clear(door_room::read_bytes);
  (whole ? *room_->whole : *compressor_).pack({head, body, tail}, packed);
  put_frame(binary_opcode, {packed.view()});
}

/// RFC 6455, section 5.2; a server's frames are not masked.
void bot_socket::put_frame(unsigned opcode, std::initializer_list<std::string_view> parts) {
  std::uint64_t size = 0;
  for (auto part : parts)
    size += part.size();
  if (out_.size() == 0)
    out_ = room_->take_buffer();
  constexpr std::size_t longest_head = 10;
  auto* at = out_.reserve(longest_head + size);
  auto put = [&at](std::uint64_t value, int bytes) {
    for (auto shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      *at++ = static_cast<char>(value >> shift & 0xFF);
  };
  auto* start = at;
  put(0x80 | opcode, 1);
  if (size < 126) {
    put(size, 1);
  } else {
    put(size <= 0xFFFF ? 126 : 127, 1);
    put(size, size <= 0xFFFF ? 2 : 8);
  }
  for (auto part : parts)
    if (!part.empty()) {
      std::memcpy(at, part.data(), part.size());
      at += part.size();
    }
  out_.commit(static_cast<std::size_t>(at - start));
  appended();
}

void bot_socket::put_close(std::uint16_t code, std::string_view reason) {
  if (code == 1005) // there is no such code on the wire
    return put_frame(close_opcode, {});
  const std::array<char, 2> bytes{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  put_frame(close_opcode, {{bytes.data(), bytes.size()}, fitting(reason)});
}

void bot_socket::appended() {
  was_high_ = was_high_ || queued() >= drained_mark;
  if (!dirty_) {
    dirty_ = true;
    room_->touch(shared_from_this());
  }
  if (queued() >= write_at_once)
    write_out();
}

void bot_socket::flush() {
  dirty_ = false;
  write_out();
  if (stage_ == stage::answered && queued() == 0)
    return end_writing();
  if (!was_high_ || queued() >= drained_mark)
    return;
  was_high_ = false;
  if (auto listener = events_; listener && stage_ == stage::open)
    listener->on_drained();
}

void bot_socket::write_out() {
  if (waits_to_write_ || stage_ == stage::ended || queued() == 0)
    return;
  auto result = stream_->write(out_.view(sent_));
  sent_ += result.bytes;
  // The reading side may still find the bot's close frame, and finds in any case that it is gone.
  if (queued() == 0 || result.state == stream_state::ended)
    return forget_output();
  if (sent_ > out_.size() / 2) {
    byte_buffer rest;
    rest.append(out_.view(sent_));
    out_ = std::move(rest);
    sent_ = 0;
  }
  waits_to_write_ = true;
  auto ready = [me = shared_from_this()](error_code) {
    me->waits_to_write_ = false;
    if (me->stage_ != stage::ended)
      me->flush();
  };
  if (result.state == stream_state::wants_read)
    stream_->wait_readable(std::move(ready));
  else
    stream_->wait_writable(std::move(ready));
}

void bot_socket::forget_output() {
  sent_ = 0;
  room_->give_back(std::exchange(out_, {}));
}

// ---- ending

void bot_socket::close(std::uint16_t code, std::string_view reason) {
  if (stage_ == stage::open)
    begin_close(code, reason);
}

void bot_socket::begin_close(std::uint16_t code, std::string_view reason) {
  stage_ = stage::closing;
  put_close(code, reason);
  deadline_ = std::make_unique<boost::asio::steady_timer>(room_->context(), close_wait);
  deadline_->async_wait([me = shared_from_this()](error_code stopped) {
    if (!stopped)
      me->end(1006);
  });
}

/// The socket is read until the bot closes too: closing it with unread bytes inside would reset the
/// connection and might take the close frame with it.
void bot_socket::end_writing() {
  if (!std::exchange(fin_sent_, true))
    stream_->end_writing();
}

void bot_socket::abort() {
  end(1006);
}

/// In a turn of its own: never from within a call of the link.
void bot_socket::tell_closed(std::uint16_t code) {
  if (auto listener = std::exchange(events_, nullptr))
    room_->post([listener = std::move(listener), code] { listener->on_closed(code); });
}

void bot_socket::end(std::uint16_t code) {
  if (stage_ == stage::ended)
    return;
  tell_closed(code);
  drop();
  room_->leave(shared_from_this());
}

void bot_socket::drop() {
  if (stage_ == stage::ended)
    return;
  stage_ = stage::ended;
  events_.reset();
  --room_->figures.web_sockets;
  if (deadline_)
    deadline_->cancel();
  stream_->close();
  forget_output();
}

} // namespace shardyard::net
