// A TCP connection, with TLS where the URL says so, that is read and written without blocking. OpenSSL works
// on the socket itself: no second pair of buffers per connection, and everything a read brought can be had
// before waiting again. For one thread; not for use outside net/.
#pragma once

#include "net/tls_context.hpp"
#include "net/url.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

namespace shardyard::net {

struct stream_rules {
  std::string ca_file;
  bool allow_plaintext = false; ///< ws:// and http:// to addresses other than loopback too
};

enum class stream_state : std::uint8_t {
  open,
  wants_read,  ///< nothing more now; wait_readable
  wants_write, ///< wait_writable
  ended,       ///< the peer is gone
};

struct stream_result {
  stream_state state = stream_state::open;
  std::size_t bytes = 0; ///< moved before the state was met
};

class byte_stream {
public:
  using tcp = boost::asio::ip::tcp;

  /// What went wrong, or nothing. Holds whatever keeps the stream alive until it is called.
  struct failure {
    std::string text;
    bool hopeless = false; ///< not a matter of the network: a rule of ours forbids it
  };
  using opened = std::function<void(std::optional<failure>)>;

  explicit byte_stream(boost::asio::io_context& context) : resolver_(context), socket_(context) {}

  /// Resolves, connects and shakes hands; `done` is called exactly once, later.
  void open(const url& target, const stream_rules& rules, opened done);

  /// Takes over an accepted socket, with `tls` once the handshake as its server is done; `done` as above, but
  /// without TLS it is called at once.
  void accept(tcp::socket socket, tls_context::connection tls, opened done);

  /// Reads until `room` is full or nothing more can be had without waiting.
  stream_result read(std::span<char> room);

  /// Whether OpenSSL keeps its buffers (32 KiB to read, and what it has written from) from one call to the
  /// next: an idle connection must not, and a busy one would allocate them for each read. Told not to, it
  /// gives back what it has.
  void keep_buffers(bool keep);

  /// Writes as much as possible without waiting.
  stream_result write(std::string_view bytes);

  /// `handler(error_code)` runs once, later; with an error when the stream is closed meanwhile.
  template <class Handler>
  void wait_readable(Handler handler) {
    socket_.async_wait(tcp::socket::wait_read, std::move(handler));
  }
  template <class Handler>
  void wait_writable(Handler handler) {
    socket_.async_wait(tcp::socket::wait_write, std::move(handler));
  }

  /// Says that nothing more will be written: close_notify as far as it goes without waiting, then FIN.
  void end_writing();

  /// Open, and nothing there to read: fit to be used again.
  bool idle();

  /// Ends everything at once; waiting handlers get an error.
  void close();

private:
  void connect(const tcp::resolver::results_type& found, opened done);
  void shake_hands(opened done);
  stream_result read_plain(std::span<char> room);
  stream_result read_tls(std::span<char> room);
  stream_state tls_state();
  std::string handshake_error() const;

  tcp::resolver resolver_;
  tcp::socket socket_;
  tls_context::connection tls_;
  std::shared_ptr<tls_context> tls_context_;
  std::string host_;
  bool keeps_buffers_ = false; ///< OpenSSL's, from one read to the next
  bool closed_ = false;
};

} // namespace shardyard::net
