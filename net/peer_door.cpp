#include "net/peer_door.hpp"

#include "net/accepting.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <list>
#include <thread>

#include <openssl/err.h>
#include <sys/socket.h>

namespace shardyard::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using steady = std::chrono::steady_clock;

namespace {

link_table::end end_of(int fd) {
  return [fd] { ::shutdown(fd, SHUT_RDWR); };
}

tcp::endpoint resolve(asio::io_context& context, const std::string& host, std::uint16_t port) {
  return tcp::resolver{context}.resolve(host, std::to_string(port), tcp::resolver::passive)->endpoint();
}

} // namespace

struct peer_door::state {
  struct visitor {
    visitor(tcp::socket accepted, const state& door)
        : socket(std::move(accepted)),
          address(address_of(socket)),
          deadline(socket.get_executor()),
          tls(door.tls->accept(socket.native_handle())) {}

    tcp::socket socket;
    std::string address;
    asio::steady_timer deadline;
    tls_context::connection tls; // freed before the socket closes
    bool met = false;            // the handshake is done, its greeting is awaited
    std::string greeting;        // size byte, name, mark: what came of it
    bool gone = false;
    std::list<std::shared_ptr<visitor>>::iterator place;
  };
  using visitor_ptr = std::shared_ptr<visitor>;

  state(std::shared_ptr<const peer_tls> x, std::shared_ptr<link_table> table, const std::string& host,
        std::uint16_t port, callbacks calls, peer_door_limits limits)
      : tls(std::move(x)),
        links(std::move(table)),
        calls(std::move(calls)),
        limits(limits),
        acceptor(context, resolve(context, host, port)),
        again(context) {
    next();
  }

  void next() {
    acceptor.async_accept([this](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted)
        return;
      if (error) {
        again.expires_after(pause_after_failed_accept);
        again.async_wait([this](error_code stopped) {
          if (!stopped)
            next();
        });
        return;
      }
      greet(std::move(socket));
      next();
    });
  }

  void greet(tcp::socket socket) {
    if (visitors.size() >= limits.handshakes)
      refuse(visitors.front(), "it did not finish its handshake while many others began one");
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.set_option(tcp::no_delay{true}, ignored);
    auto guest = std::make_shared<visitor>(std::move(socket), *this);
    guest->place = visitors.insert(visitors.end(), guest);
    if (!guest->tls)
      return refuse(guest, "out of memory");
    guest->deadline.expires_after(limits.handshake);
    guest->deadline.async_wait([this, weak = std::weak_ptr{guest}](error_code stopped) {
      if (auto late = weak.lock(); late && !stopped && !late->gone)
        refuse(late, "it did not finish its handshake in time");
    });
    step(guest);
  }

  void step(const visitor_ptr& guest) {
    if (guest->gone)
      return;
    ERR_clear_error();
    auto result = guest->met ? hear(*guest) : SSL_do_handshake(guest->tls.get());
    if (result == 1)
      return guest->met ? admit(guest) : meet(guest);
    auto error = SSL_get_error(guest->tls.get(), result);
    if (guest->met && error == SSL_ERROR_ZERO_RETURN) // it had a look who we are, and that is fine
      return dismiss(guest);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
      return refuse(guest, peer_tls::refusal(guest->tls.get()));
    auto direction = error == SSL_ERROR_WANT_READ ? tcp::socket::wait_read : tcp::socket::wait_write;
    guest->socket.async_wait(direction, [this, guest](error_code failed) {
      if (failed && !guest->gone)
        refuse(guest, "its connection is lost");
      step(guest);
    });
  }

  void meet(const visitor_ptr& guest) {
    auto* ssl = guest->tls.get();
    if (auto why = tls->objection(ssl, false); !why.empty())
      return refuse(guest, why);
    // One record into the empty buffer of a new connection: never partial.
    auto& own = links->own();
    auto welcome = std::string{peer_welcome, static_cast<char>(own.size())} + own;
    if (SSL_write(ssl, welcome.data(), static_cast<int>(welcome.size())) != static_cast<int>(welcome.size()))
      return refuse(guest, "its connection is lost");
    guest->met = true;
    step(guest);
  }

  /// Never reads beyond the greeting: what follows is CAF's. 1 when it is whole, else as SSL_read.
  static int hear(visitor& guest) {
    auto& text = guest.greeting;
    auto whole = [&text] { return text.empty() ? 1 : 2 + std::size_t{static_cast<unsigned char>(text[0])}; };
    while (text.empty() || text.size() < whole()) {
      char piece[256];
      auto got =
          SSL_read(guest.tls.get(), piece, static_cast<int>(std::min(sizeof piece, whole() - text.size())));
      if (got <= 0)
        return got;
      text.append(piece, static_cast<std::size_t>(got));
    }
    return 1;
  }

  void admit(const visitor_ptr& guest) {
    auto* ssl = guest->tls.get();
    auto& text = guest->greeting;
    peer_greeting greeting{text.substr(1, text.size() - 2), text.back() == peer_linked};
    link_table::held held;
    if (!greeting.node.empty()) {
      std::string why;
      held = links->accepted(greeting, end_of(guest->socket.native_handle()), steady::now(), why);
      if (!held)
        return dismiss(guest);
    }
    if (SSL_write(ssl, &peer_welcome, 1) != 1) {
      held.reset(); // before its socket closes
      return refuse(guest, "its connection is lost");
    }
    leave(guest);
    error_code failed;
    auto fd = guest->socket.release(failed);
    if (failed)
      return;
    peer_socket peer{fd, std::move(guest->tls), peer_tls::peer_name(ssl), guest->address};
    peer.node = std::move(greeting.node);
    peer.held = std::move(held);
    calls.arrived(std::move(peer));
  }

  void dismiss(visitor_ptr guest) {
    SSL_shutdown(guest->tls.get());
    leave(guest);
    error_code ignored;
    guest->socket.close(ignored);
  }

  void refuse(visitor_ptr guest, const std::string& why) {
    leave(guest);
    error_code ignored;
    guest->socket.close(ignored);
    calls.refused(guest->address, why);
  }

  void leave(const visitor_ptr& guest) {
    guest->gone = true;
    guest->deadline.cancel();
    visitors.erase(guest->place);
  }

  std::shared_ptr<const peer_tls> tls;
  std::shared_ptr<link_table> links;
  callbacks calls;
  peer_door_limits limits;
  asio::io_context context{1};
  tcp::acceptor acceptor;
  asio::steady_timer again;
  std::list<visitor_ptr> visitors;
  std::thread thread;
};

peer_door::peer_door(std::shared_ptr<const peer_tls> tls, std::shared_ptr<link_table> links,
                     const std::string& host, std::uint16_t port, callbacks calls, peer_door_limits limits)
    : state_(
          std::make_unique<state>(std::move(tls), std::move(links), host, port, std::move(calls), limits)) {
  state_->thread = std::thread{[&context = state_->context] { context.run(); }};
}

peer_door::~peer_door() {
  state_->context.stop();
  state_->thread.join();
}

std::uint16_t peer_door::port() const {
  return state_->acceptor.local_endpoint().port();
}

} // namespace shardyard::net
