#include "net/bot_door.hpp"

#include "net/accepting.hpp"
#include "net/bot_http.hpp"
#include "net/io_thread.hpp"

#include <future>
#include <stdexcept>

namespace shardyard::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

tcp::acceptor listen_at(asio::io_context& context, const std::string& host, std::uint16_t port) {
  try {
    return {context,
            tcp::resolver{context}.resolve(host, std::to_string(port), tcp::resolver::passive)->endpoint()};
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error{"cannot listen for bots at " + host + ":" + std::to_string(port) + ": " +
                             error.code().message()};
  }
}

} // namespace

struct bot_door::state final : io_client, std::enable_shared_from_this<state> {
  state(const std::shared_ptr<io_worker>& worker, bot_door_settings settings,
        std::shared_ptr<bot_door_events> events)
      : room(std::make_shared<door_room>(worker, std::move(settings), std::move(events))),
        acceptor(listen_at(worker->context(), room->settings.host, room->settings.port)),
        port(acceptor.local_endpoint().port()),
        again(worker->context()) {}

  void next() {
    if (room->ended)
      return;
    acceptor.async_accept([me = shared_from_this()](error_code error, tcp::socket socket) {
      if (me->room->ended)
        return;
      if (error)
        return me->pause();
      me->admit(std::move(socket));
      me->next();
    });
  }

  void pause() {
    again.expires_after(pause_after_failed_accept);
    again.async_wait([me = shared_from_this()](error_code) { me->next(); });
  }

  void admit(tcp::socket socket) {
    if (room->guests.size() >= room->settings.most_connections) {
      ++room->figures.refused;
      return; // closes
    }
    error_code ignored;
    socket.set_option(asio::socket_base::keep_alive{true}, ignored);
    auto guest = std::make_shared<bot_http>(room);
    room->enter(guest);
    guest->start(std::move(socket));
  }

  void abandon() override {
    error_code ignored;
    acceptor.close(ignored);
    again.cancel();
    room->end();
  }

  std::shared_ptr<door_room> room;
  tcp::acceptor acceptor;
  std::uint16_t port;
  asio::steady_timer again;
};

bot_door::bot_door(io_thread& thread, bot_door_settings settings, std::shared_ptr<bot_door_events> events) {
  auto worker = thread.next_worker();
  state_ = std::make_shared<state>(worker, std::move(settings), std::move(events));
  worker->enrol(state_);
  state_->room->post([state = state_] { state->next(); });
}

bot_door::~bot_door() {
  end();
}

void bot_door::end() {
  auto& worker = *state_->room->worker;
  if (worker.context().get_executor().running_in_this_thread()) {
    state_->abandon();
    return;
  }
  // A worker that has stopped meanwhile drops the work, which breaks the promise: that ends the wait too.
  auto done = std::make_shared<std::promise<void>>();
  auto over = done->get_future();
  worker.post([state = state_, done = std::move(done)] {
    state->abandon();
    done->set_value();
  });
  over.wait();
}

std::uint16_t bot_door::port() const {
  return state_->port;
}

void bot_door::post(std::function<void()> work) {
  state_->room->post(std::move(work));
}

void bot_door::post_after(std::chrono::milliseconds delay, std::function<void()> work) {
  state_->room->post_after(delay, std::move(work));
}

bot_door_figures bot_door::figures() const {
  auto result = state_->room->figures;
  result.connections = state_->room->guests.size();
  return result;
}

} // namespace shardyard::net
