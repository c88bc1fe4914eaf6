#include "net/peer_door.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <fcntl.h>
#include <poll.h>

#include <openssl/err.h>
#include <sys/socket.h>

namespace shardyard::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;
using steady = std::chrono::steady_clock;

namespace {

constexpr auto closed = "it closed the connection after the handshake";

int connect_tcp(const std::string& host, std::uint16_t port, milliseconds deadline, std::string& why) {
  asio::io_context context;
  tcp::resolver resolver{context};
  error_code error;
  auto endpoints = resolver.resolve(host, std::to_string(port), error);
  if (error) {
    why = "cannot resolve '" + host + "': " + error.message();
    return -1;
  }
  tcp::socket socket{context};
  why = "no answer within " + std::to_string(deadline.count()) + " ms";
  asio::async_connect(socket, endpoints, [&why](error_code outcome, const auto&) {
    why = outcome ? outcome.message() : std::string{};
  });
  context.run_for(deadline);
  if (!why.empty())
    return -1;
  socket.non_blocking(true, error);
  socket.set_option(tcp::no_delay{true}, error);
  return socket.release();
}

bool wait_for(int fd, short events, steady::time_point until) {
  auto left = std::chrono::ceil<milliseconds>(until - steady::now()).count();
  pollfd entry{fd, events, 0};
  return left > 0 && ::poll(&entry, 1, static_cast<int>(left)) > 0;
}

/// Repeats one OpenSSL call until it is done. Empty on success.
template <class Call>
std::string carry_out(peer_socket& peer, steady::time_point until, Call call) {
  for (;;) {
    ERR_clear_error();
    auto result = call(peer.tls.get());
    if (result == 1)
      return {};
    auto error = SSL_get_error(peer.tls.get(), result);
    if (error == SSL_ERROR_ZERO_RETURN)
      return closed;
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
      return peer_tls::refusal(peer.tls.get());
    if (!wait_for(peer.fd, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until))
      return "it did not finish the handshake in time";
  }
}

/// Exactly so many bytes; those after them are CAF's.
std::string read(peer_socket& peer, steady::time_point until, char* to, std::size_t size) {
  for (std::size_t got = 0; got < size; ++got)
    if (auto why = carry_out(peer, until, [&](SSL* ssl) { return SSL_read(ssl, to + got, 1); }); !why.empty())
      return why;
  return {};
}

std::string hear_welcome(peer_socket& peer, steady::time_point until) {
  char head[2] = {};
  if (auto why = read(peer, until, head, sizeof head); !why.empty())
    return why;
  if (head[0] != peer_welcome)
    return "it does not answer as a node does";
  peer.node.resize(static_cast<unsigned char>(head[1]));
  return read(peer, until, peer.node.data(), peer.node.size());
}

std::string meet(const peer_tls& tls, peer_socket& peer, steady::time_point until) {
  auto why = carry_out(peer, until, [](SSL* ssl) { return SSL_do_handshake(ssl); });
  if (why.empty())
    why = tls.objection(peer.tls.get(), true);
  return why.empty() ? hear_welcome(peer, until) : why;
}

std::string be_let_in(peer_socket& peer, steady::time_point until, link_table* links) {
  peer_greeting greeting;
  std::string why;
  if (links && !links->greet(peer.node, steady::now(), greeting, why)) {
    SSL_shutdown(peer.tls.get());
    return why;
  }
  auto text = std::string{static_cast<char>(greeting.node.size())} + greeting.node +
              (greeting.linked ? peer_linked : peer_unlinked);
  auto size = static_cast<int>(text.size());
  why = carry_out(peer, until, [&](SSL* ssl) { return SSL_write(ssl, text.data(), size) == size ? 1 : -1; });
  if (!why.empty())
    return why;
  char verdict = 0;
  why = read(peer, until, &verdict, 1);
  if (why == closed)
    why = "it ends an earlier connection with this node first";
  if (why.empty() && links)
    peer.held = links->dialled(
        peer.node, [fd = peer.fd] { ::shutdown(fd, SHUT_RDWR); }, steady::now(), why);
  return why;
}

} // namespace

peer_socket dial_peer(const peer_tls& tls, const std::string& host, std::uint16_t port, milliseconds deadline,
                      link_table* links, std::string& why) {
  auto until = steady::now() + deadline;
  peer_socket peer;
  peer.address = host + ":" + std::to_string(port);
  peer.fd = connect_tcp(host, port, std::min(deadline, milliseconds{1000}), why);
  if (peer.fd < 0)
    return {};
  peer.tls = tls.dial(peer.fd);
  why = peer.tls ? meet(tls, peer, until) : "out of memory";
  if (why.empty())
    why = be_let_in(peer, until, links);
  if (!why.empty())
    return {};
  peer.name = peer_tls::peer_name(peer.tls.get());
  return peer;
}

} // namespace shardyard::net
