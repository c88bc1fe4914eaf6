#include "actors/node/tls_scribe_actor.hpp"

#include "actors/node/peer_links_actor.hpp"

#include <caf/io/basp/header.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/stream_impl.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <climits>
#include <utility>

#include <openssl/err.h>

namespace shardyard {
namespace {

using caf::io::network::native_socket;
using caf::io::network::rw_state;
using multiplexer = caf::io::network::default_multiplexer;

/// A handshake of CAF names the node, its applications and one interface.
constexpr std::size_t max_first_frame_bytes = 64u << 10;
constexpr std::size_t max_write_bytes = 256u << 10; ///< in one turn of the multiplexer

/// TLS state shared by the connection and the policy of its stream.
struct tls_session {
  net::tls_context::connection tls;
  bool refused = false; ///< the peer announced too much: the next read fails
};

// No read-ahead: what OpenSSL has taken from the socket is at most the rest of one record, which
// `must_read_more` asks for. So the socket's readiness, which wakes the multiplexer, misses nothing.
class tls_policy {
public:
  explicit tls_policy(std::shared_ptr<tls_session> session) : session_(std::move(session)) {}

  rw_state read_some(std::size_t& got, native_socket, void* buffer, std::size_t size) {
    got = 0;
    if (session_->refused)
      return rw_state::failure;
    ERR_clear_error();
    auto result = SSL_read(tls(), buffer, clamped(size));
    if (result <= 0)
      return SSL_get_error(tls(), result) == SSL_ERROR_WANT_READ ? rw_state::success : rw_state::failure;
    got = static_cast<std::size_t>(result);
    return rw_state::success;
  }

  rw_state write_some(std::size_t& sent, native_socket, const void* buffer, std::size_t size) {
    sent = 0;
    if (size == 0)
      return rw_state::indeterminate;
    // Record after record, since each return to the multiplexer costs a wake-up of its own; but not without
    // end, so that one busy link leaves room for the others.
    auto bytes = static_cast<const char*>(buffer);
    auto limit = std::min(size, max_write_bytes);
    while (sent < limit) {
      ERR_clear_error();
      auto result = SSL_write(tls(), bytes + sent, clamped(size - sent));
      if (result <= 0)
        return SSL_get_error(tls(), result) == SSL_ERROR_WANT_WRITE ? rw_state::success : rw_state::failure;
      sent += static_cast<std::size_t>(result);
    }
    return rw_state::success;
  }

  bool must_read_more(native_socket, std::size_t threshold) {
    return session_->refused || static_cast<std::size_t>(SSL_pending(tls())) >= threshold;
  }

private:
  static int clamped(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }
  SSL* tls() const { return session_->tls.get(); }

  std::shared_ptr<tls_session> session_;
};

class tls_scribe final : public caf::io::scribe {
public:
  tls_scribe(multiplexer& backend, native_socket fd, std::shared_ptr<tls_session> session, std::string peer,
             std::shared_ptr<void> held)
      : scribe(caf::io::network::conn_hdl_from_socket(fd)),
        session_(session),
        peer_(std::move(peer)),
        stream_(backend, fd, std::move(session)),
        held_(std::move(held)) {}

  void configure_read(caf::io::receive_policy::config wanted) override {
    // CAF asks for a header, then for the payload that the header announced, and would allocate it at once.
    if (wanted.second > (greeted_ ? max_frame_bytes : max_first_frame_bytes)) {
      spdlog::warn("{} announces a message of {} bytes; its connection is closed", peer_, wanted.second);
      session_->refused = true;
      wanted = caf::io::receive_policy::exactly(1);
    }
    greeted_ = greeted_ || wanted.second > caf::io::basp::header_size;
    stream_.configure_read(wanted);
    if (!std::exchange(launched_, true))
      stream_.start(this);
  }

  void ack_writes(bool enable) override { stream_.ack_writes(enable); }
  caf::byte_buffer& wr_buf() override { return stream_.wr_buf(); }
  caf::byte_buffer& rd_buf() override { return stream_.rd_buf(); }
  void flush() override { stream_.flush(this); }

  void graceful_shutdown() override {
    stream_.graceful_shutdown();
    detach(&stream_.backend(), false);
  }

  std::string addr() const override {
    auto address = caf::io::network::remote_addr_of_fd(stream_.fd());
    return address ? *address : std::string{};
  }
  std::uint16_t port() const override {
    auto port = caf::io::network::remote_port_of_fd(stream_.fd());
    return port ? *port : std::uint16_t{0};
  }

  void add_to_loop() override { stream_.activate(this); }
  void remove_from_loop() override { stream_.passivate(); }

private:
  std::shared_ptr<tls_session> session_;
  std::string peer_;
  bool greeted_ = false;
  bool launched_ = false;
  caf::io::network::stream_impl<tls_policy> stream_;
  std::shared_ptr<void> held_; // net::peer_socket: goes before the stream
};

} // namespace

caf::io::scribe_ptr make_tls_scribe(caf::actor_system& system, net::peer_socket peer) {
  auto& backend = dynamic_cast<multiplexer&>(system.middleman().backend());
  auto session = std::make_shared<tls_session>();
  session->tls = std::move(peer.tls);
  auto fd = std::exchange(peer.fd, -1);
  return caf::make_counted<tls_scribe>(backend, fd, std::move(session), peer.name + " at " + peer.address,
                                       std::move(peer.held));
}

} // namespace shardyard
