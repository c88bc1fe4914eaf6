#include "net/byte_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

namespace shardyard::net {
namespace {

using boost::system::error_code;

// TLS hands out one record per call, of 16 KiB at most.
constexpr std::size_t largest_record = 16 << 10;

std::string failed(std::string_view step, const url& target, std::string_view why) {
  return std::string{step} + " " + target.host + ":" + std::to_string(target.port) + ": " + std::string{why};
}

// To connect, Asio asks the kernel to be told when the socket can be written, and never takes that back. Then
// each wait for reading would wake the thread at once, since there is room to write: one system call in four
// at a moderate rate. A socket registered anew is asked about reading alone.
void forget_interest_in_writing(boost::asio::ip::tcp::socket& x, error_code& error) {
  auto protocol = x.local_endpoint(error).protocol();
  if (error)
    return;
  auto native = x.release(error);
  if (error)
    return;
  x.assign(protocol, native, error);
  if (error)
    ::close(native);
}

} // namespace

void byte_stream::open(const url& target, const stream_rules& rules, opened done) {
  auto refuse = [&](std::string text, bool hopeless) {
    boost::asio::post(socket_.get_executor(), [done, text, hopeless] { done(failure{text, hopeless}); });
  };
  auto loopback_only = !target.secure() && !rules.allow_plaintext;
  if (loopback_only && !is_loopback_host(target.host))
    return refuse("plaintext to " + target.host + " is not allowed: use a TLS address or allow plaintext",
                  true);
  if (target.secure()) {
    try {
      tls_context_ = tls_context::shared(rules.ca_file);
    } catch (const std::runtime_error& error) {
      return refuse(error.what(), true);
    }
  }
  host_ = target.host;
  resolver_.async_resolve(
      target.host, std::to_string(target.port),
      [this, target, loopback_only, done](error_code error, const tcp::resolver::results_type& found) {
        if (error || closed_)
          return done(failure{failed("cannot resolve", target, closed_ ? "closed" : error.message())});
        auto is_far = [](auto& entry) { return !entry.endpoint().address().is_loopback(); };
        if (loopback_only && std::any_of(found.begin(), found.end(), is_far))
          return done(failure{failed("plaintext is not allowed to", target, "not a loopback address"), true});
        connect(found, [target, done](std::optional<failure> why) {
          if (why)
            why->text = failed("cannot connect to", target, why->text);
          done(std::move(why));
        });
      });
}

void byte_stream::connect(const tcp::resolver::results_type& found, opened done) {
  boost::asio::async_connect(socket_, found, [this, done](error_code error, const tcp::endpoint&) {
    if (!error)
      forget_interest_in_writing(socket_, error);
    if (!error)
      socket_.native_non_blocking(true, error);
    if (error || closed_)
      return done(failure{closed_ ? "closed" : error.message()});
    socket_.set_option(tcp::no_delay{true}, error);
    if (!tls_context_)
      return done({});
    tls_ = tls_context_->connect(socket_.native_handle(), host_);
    if (!tls_)
      return done(failure{"TLS: " + tls_error()});
    shake_hands(done);
  });
}

void byte_stream::accept(tcp::socket socket, tls_context::connection tls, opened done) {
  socket_ = std::move(socket);
  tls_ = std::move(tls);
  error_code error;
  socket_.native_non_blocking(true, error);
  if (error)
    return done(failure{error.message()});
  socket_.set_option(tcp::no_delay{true}, error);
  if (!tls_)
    return done({});
  shake_hands(std::move(done));
}

void byte_stream::shake_hands(opened done) {
  if (!tls_)
    return done(failure{"closed"});
  ERR_clear_error();
  auto result = SSL_do_handshake(tls_.get());
  if (result == 1)
    return done({});
  auto again = [this, done](error_code error) {
    if (error)
      return done(failure{error.message()});
    shake_hands(done);
  };
  switch (SSL_get_error(tls_.get(), result)) {
  case SSL_ERROR_WANT_READ:
    return wait_readable(std::move(again));
  case SSL_ERROR_WANT_WRITE:
    return wait_writable(std::move(again));
  default:
    done(failure{handshake_error()});
  }
}

std::string byte_stream::handshake_error() const {
  auto verdict = SSL_get_verify_result(tls_.get());
  if (verdict == X509_V_OK)
    return "TLS: " + tls_error();
  ERR_clear_error();
  return std::string{"TLS: certificate refused: "} + X509_verify_cert_error_string(verdict);
}

stream_result byte_stream::read(std::span<char> room) {
  return tls_ ? read_tls(room) : read_plain(room);
}

stream_result byte_stream::read_plain(std::span<char> room) {
  for (;;) {
    auto got = ::recv(socket_.native_handle(), room.data(), room.size(), MSG_DONTWAIT);
    if (got > 0)
      return {static_cast<std::size_t>(got) == room.size() ? stream_state::open : stream_state::wants_read,
              static_cast<std::size_t>(got)};
    if (got == 0)
      return {stream_state::ended, 0};
    if (errno == EAGAIN || errno == EWOULDBLOCK)
      return {stream_state::wants_read, 0};
    if (errno != EINTR)
      return {stream_state::ended, 0};
  }
}

stream_result byte_stream::read_tls(std::span<char> room) {
  std::size_t total = 0;
  while (room.size() - total >= std::min(largest_record, room.size())) {
    auto got = SSL_read(tls_.get(), room.data() + total, static_cast<int>(room.size() - total));
    if (got <= 0)
      return {tls_state(), total};
    total += static_cast<std::size_t>(got);
    // What OpenSSL has not read ahead is left to the next wait, which returns at once when there is more.
    if (SSL_has_pending(tls_.get()) == 0)
      return {stream_state::wants_read, total};
  }
  return {stream_state::open, total};
}

stream_result byte_stream::write(std::string_view bytes) {
  std::size_t total = 0;
  while (total < bytes.size()) {
    auto left = bytes.substr(total);
    if (tls_) {
      auto sent = SSL_write(tls_.get(), left.data(), static_cast<int>(std::min(left.size(), largest_record)));
      if (sent <= 0)
        return {tls_state(), total};
      total += static_cast<std::size_t>(sent);
      continue;
    }
    auto sent = ::send(socket_.native_handle(), left.data(), left.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return {stream_state::wants_write, total};
    if (sent < 0 && errno != EINTR)
      return {stream_state::ended, total};
    total += sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }
  return {stream_state::open, total};
}

/// Why a call moved nothing. Asked of the connection and its socket, as SSL_get_error does at last, but not
/// of the thread's queue of errors, which would have to be emptied before each call: 2 us of the 44 that an
/// event costs at a moderate rate.
stream_state byte_stream::tls_state() {
  // A fatal error whose alert found no room in the socket would still want to write it, for good.
  auto failed = std::string_view{SSL_state_string(tls_.get())} == "SSLERR";
  if (!failed && SSL_want_read(tls_.get()) && BIO_should_read(SSL_get_rbio(tls_.get())))
    return stream_state::wants_read;
  if (!failed && SSL_want_write(tls_.get()) && BIO_should_write(SSL_get_wbio(tls_.get())))
    return stream_state::wants_write;
  ERR_clear_error();
  return stream_state::ended;
}

void byte_stream::keep_buffers(bool keep) {
  if (keep == keeps_buffers_ || !tls_)
    return;
  keeps_buffers_ = keep;
  if (keep) {
    SSL_clear_mode(tls_.get(), SSL_MODE_RELEASE_BUFFERS);
    return;
  }
  SSL_set_mode(tls_.get(), SSL_MODE_RELEASE_BUFFERS);
  if (SSL_has_pending(tls_.get()) == 0) // half a record may lie there
    SSL_free_buffers(tls_.get());
}

void byte_stream::end_writing() {
  if (tls_) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
    ERR_clear_error();
  }
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

bool byte_stream::idle() {
  char byte = 0;
  return socket_.is_open() && (!tls_ || SSL_has_pending(tls_.get()) == 0) &&
         ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

void byte_stream::close() {
  error_code ignored;
  resolver_.cancel();
  closed_ = true;
  tls_.reset();
  socket_.close(ignored);
}

} // namespace shardyard::net
