#include "sim/peer.hpp"

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <sys/ioctl.h>
#include <sys/socket.h>

#ifdef __linux__
#include <linux/sockios.h>
#endif

namespace shardyard::sim {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using error_code = boost::system::error_code;
using tls_stream = asio::ssl::stream<tcp::socket>;
using namespace std::chrono_literals;

constexpr std::size_t truth_piece = 256u << 10;        // bytes of GET /truth per write
constexpr std::size_t payload_compress_from = 2048;    // smaller messages stay text under IDENTIFY `compress`
constexpr std::size_t client_message_limit = 1u << 20; // the gateway's own limit answers first
constexpr auto close_wait = 2s;

template <class Stream>
constexpr bool is_tls = std::is_same_v<Stream, tls_stream>;

template <class Stream>
class peer_on final : public peer, public std::enable_shared_from_this<peer_on<Stream>> {
public:
  peer_on(peer_context& context, Stream stream, bool control_only)
      : context_(context),
        stream_(std::move(stream)),
        timer_(stream_.get_executor()),
        reader_(client_message_limit),
        encoder_(compression::none, {}),
        control_only_(control_only) {}

  void start() {
    context_.all.insert(self());
    if constexpr (is_tls<Stream>) {
      stream_.async_handshake(tls_stream::server,
                              [me = self()](error_code error) { error ? me->shut() : me->read_request(); });
    } else {
      read_request();
    }
  }

  // ---- link

  void send(std::string_view json) override {
    if (ended_)
      return;
    touch();
    if (encoder_.kind() != compression::none)
      return put_pieces(encoder_.encode(json));
    if (compress_payloads_ && json.size() >= payload_compress_from)
      return put_ws_frame(out_, ws_opcode::binary, zlib_whole(json, context_.discord.chosen().zlib_level));
    put_ws_frame(out_, ws_opcode::text, json);
  }

  void close(int code, std::string_view reason) override {
    if (ended_)
      return;
    touch();
    put_ws_close(out_, code, reason);
    ended_ = true;
    wait_for_end();
  }

  void drop() override {
    if (ended_)
      return;
    ended_ = fin_after_write_ = true;
    touch();
  }

  void reset() override {
    ended_ = true;
    error_code ignored;
    socket().set_option(asio::socket_base::linger(true, 0), ignored);
    shut();
  }

  void fall_silent() override {
    ended_ = silent_ = true;
    out_.clear();
    timer_.expires_after(context_.discord.chosen().session_ttl);
    timer_.async_wait([me = self()](error_code) { me->shut(); });
  }

  void stall(std::chrono::milliseconds duration) override {
    stalled_ = true;
    timer_.expires_after(duration);
    timer_.async_wait([me = self()](error_code error) {
      if (error)
        return;
      me->stalled_ = false;
      me->flush();
      if (me->read_waits_)
        me->read_frames();
    });
  }

  void compress_payloads() override { compress_payloads_ = true; }

  std::size_t queued_bytes() const override { return out_.size() + writing_.size(); }

  std::size_t unacked_bytes() const override {
    int bytes = 0;
#ifdef SIOCOUTQ
    if (ioctl(const_cast<peer_on*>(this)->socket().native_handle(), SIOCOUTQ, &bytes) != 0)
      return 0;
#endif
    return static_cast<std::size_t>(bytes);
  }

  // ---- peer

  void flush() override {
    dirty_ = false;
    if (busy_ || stalled_ || silent_)
      return;
    if (out_.empty())
      return after_write();
    busy_ = true;
    std::swap(out_, writing_);
    asio::async_write(stream_, asio::buffer(writing_), [me = self()](error_code error, std::size_t) {
      me->busy_ = false;
      me->writing_.clear();
      if (error)
        return me->lost(1006);
      me->flush();
    });
  }

  void shut() override {
    error_code ignored;
    socket().close(ignored);
    timer_.cancel();
    context_.all.erase(self());
  }

private:
  std::shared_ptr<peer_on> self() {
    return this->shared_from_this();
  }

  tcp::socket& socket() {
    if constexpr (is_tls<Stream>)
      return stream_.next_layer();
    else
      return stream_;
  }

  void touch() {
    if (!dirty_)
      context_.dirty.push_back(self());
    dirty_ = true;
  }

  void put_pieces(std::string_view bytes) {
    auto most = context_.discord.chosen().split_bytes;
    while (most != 0 && encoder_.kind() == compression::zlib_stream && bytes.size() > most) {
      put_ws_frame(out_, ws_opcode::binary, bytes.substr(0, most));
      bytes.remove_prefix(most);
    }
    put_ws_frame(out_, ws_opcode::binary, bytes);
  }

  void after_write() {
    if (!fin_after_write_)
      return;
    error_code ignored;
    socket().shutdown(tcp::socket::shutdown_both, ignored);
    shut();
  }

  /// The peer should answer the close frame; if it does not, the socket ends anyway.
  void wait_for_end() {
    timer_.expires_after(close_wait);
    timer_.async_wait([me = self()](error_code error) {
      if (!error)
        me->shut();
    });
  }

  /// The connection ended or is about to; the gateway hears it once.
  void lost(int code) {
    ended_ = true;
    if (auto number = std::exchange(client_, 0); number != 0)
      context_.discord.disconnected(number, code, context_.now());
    shut();
  }

  // ---- HTTP

  void read_request() {
    request_ = {};
    http::async_read(stream_, buffer_, request_, [me = self()](error_code error, std::size_t) {
      if (error)
        return me->shut();
      me->handle_request();
    });
  }

  void handle_request() {
    auto& asked = request_;
    auto upgrade = asked[http::field::upgrade];
    if (boost::beast::iequals(upgrade, "websocket") && !control_only_)
      return open_websocket();
    error_code error;
    auto from = socket().remote_endpoint(error);
    http_question question{.method = std::string{asked.method_string()},
                           .target = std::string{asked.target()},
                           .authorization = std::string{asked[http::field::authorization]},
                           .user_agent = std::string{asked[http::field::user_agent]},
                           .body = asked.body(),
                           .from_loopback = !error && from.address().is_loopback()};
    auto result = control_only_ && !is_control(question.target)
                      ? http_answer{.status = 400, .body = R"({"message":"this port speaks TLS","code":0})"}
                      : answer(context_.discord, question, context_.gateway_url, context_.now());
    writing_ = head_of(result);
    if (result.stream) {
      truth_ = std::move(result.stream);
      return write_truth();
    }
    writing_ += result.body;
    write_answer();
  }

  void write_answer() {
    asio::async_write(stream_, asio::buffer(writing_), [me = self()](error_code error, std::size_t) {
      me->writing_.clear();
      if (error || !me->request_.keep_alive())
        return me->shut();
      me->context_.flush();
      me->read_request();
    });
    context_.flush();
  }

  void write_truth() {
    std::string lines;
    auto more = truth_->read(lines, truth_piece);
    if (truth_->failed())
      return shut(); // the end of the chunks stays out: the client sees that this is not all
    if (!lines.empty()) {
      char size[20];
      writing_.append(size,
                      static_cast<std::size_t>(std::snprintf(size, sizeof size, "%zx\r\n", lines.size())));
      writing_ += lines;
      writing_ += "\r\n";
    }
    if (!more) {
      writing_ += "0\r\n\r\n";
      truth_.reset();
      return write_answer();
    }
    asio::async_write(stream_, asio::buffer(writing_), [me = self()](error_code error, std::size_t) {
      me->writing_.clear();
      error ? me->shut() : me->write_truth();
    });
  }

  // ---- WebSocket

  void open_websocket() {
    auto& chosen = context_.discord.chosen();
    auto query = parse_connect_query(std::string_view{request_.target().data(), request_.target().size()});
    std::string key{request_["Sec-WebSocket-Key"]};
    if (key.empty()) {
      writing_ = head_of({.status = 400});
      return write_answer();
    }
    // permessage-deflate is declined by silence.
    out_ = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
           "Upgrade\r\nSec-WebSocket-Accept: " +
           ws_accept_key(key) + "\r\n\r\n";
    auto refused = query.close_code != 0;
    encoder_ = stream_encoder{refused ? compression::none : query.compress,
                              {chosen.zlib_level, chosen.zstd_level, chosen.zstd_window_log}};
    reader_.feed({static_cast<const char*>(buffer_.data().data()), buffer_.size()});
    buffer_ = {};
    client_ = context_.discord.connect(*this, query, context_.now());
    input_.resize(16384);
    read_frames();
    context_.flush();
    flush();
  }

  void read_frames() {
    read_waits_ = false;
    while (auto message = reader_.next())
      if (!handle_message(*message))
        return;
    if (reader_.error() != 0 && !ended_) {
      context_.discord.undecodable(client_, "WebSocket error " + std::to_string(reader_.error()),
                                   context_.now());
    }
    stream_.async_read_some(asio::buffer(input_), [me = self()](error_code error, std::size_t size) {
      if (me->silent_)
        return;
      if (error)
        return me->lost(1006);
      me->reader_.feed({me->input_.data(), size});
      if (me->stalled_)
        me->read_waits_ = true;
      else
        me->read_frames();
      me->context_.flush();
    });
  }

  /// False: the connection ends, read no further.
  bool handle_message(const ws_message& message) {
    switch (message.opcode) {
    case ws_opcode::text:
      context_.discord.receive(client_, message.bytes, context_.now());
      return true;
    case ws_opcode::binary:
    case ws_opcode::continuation:
      context_.discord.undecodable(client_, "binary message", context_.now());
      return true;
    case ws_opcode::ping:
      touch();
      put_ws_frame(out_, ws_opcode::pong, message.bytes);
      return true;
    case ws_opcode::pong:
      return true;
    case ws_opcode::close:
      break;
    }
    // The client's code decides over its session; our frame echoes it.
    if (auto number = std::exchange(client_, 0); number != 0)
      context_.discord.disconnected(number, message.close_code(), context_.now());
    if (!ended_)
      put_ws_frame(out_, ws_opcode::close, std::string_view{message.bytes}.substr(0, 2));
    ended_ = fin_after_write_ = true;
    touch();
    wait_for_end();
    context_.flush();
    return false;
  }

  peer_context& context_;
  Stream stream_;
  asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  std::optional<truth_log::reader> truth_;

  ws_reader reader_;
  stream_encoder encoder_;
  std::string input_, out_, writing_;
  std::uint64_t client_ = 0; ///< the gateway's number; 0: no WebSocket, or it knows that this one ended
  bool control_only_;
  bool dirty_ = false;
  bool busy_ = false;  ///< a write is under way
  bool ended_ = false; ///< nothing more is sent
  bool fin_after_write_ = false;
  bool silent_ = false;
  bool stalled_ = false;
  bool read_waits_ = false; ///< bytes read during a stall wait in reader_
  bool compress_payloads_ = false;
};

} // namespace

void peer_context::flush() {
  auto waiting = std::exchange(dirty, {});
  for (auto& each : waiting)
    each->flush();
}

void serve(peer_context& context, tcp::socket socket, asio::ssl::context* tls) {
  error_code ignored;
  socket.set_option(tcp::no_delay{true}, ignored);
  auto waiting = std::make_shared<tcp::socket>(std::move(socket));
  waiting->async_wait(tcp::socket::wait_read, [&context, waiting, tls](error_code error) {
    char first = 0;
    if (error || recv(waiting->native_handle(), &first, 1, MSG_PEEK) != 1)
      return;
    constexpr char tls_handshake = 0x16; // first byte of a ClientHello record
    if (tls && first == tls_handshake)
      std::make_shared<peer_on<tls_stream>>(context, tls_stream{std::move(*waiting), *tls}, false)->start();
    else
      std::make_shared<peer_on<tcp::socket>>(context, std::move(*waiting), tls != nullptr)->start();
  });
}

} // namespace shardyard::sim
