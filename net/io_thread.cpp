#include "net/io_thread.hpp"

#include "net/io_worker.hpp"

#include <algorithm>
#include <atomic>

#include <boost/asio/post.hpp>
#include <signal.h>

namespace shardyard::net {

io_worker::io_worker() {
  thread_ = std::thread{[this] {
    // OpenSSL writes without MSG_NOSIGNAL; a peer that went away must not end the process.
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    context_.run();
  }};
}

io_worker::~io_worker() {
  stop();
}

void io_worker::post(work_queue::work work) {
  if (queue_.give(std::move(work)))
    wake();
}

void io_worker::wake() {
  asio::post(context_, [this] { queue_.run(); });
}

void io_worker::enrol(const std::shared_ptr<io_client>& client) {
  std::lock_guard lock{clients_mutex_};
  std::erase_if(clients_, [](auto& known) { return known.expired(); });
  clients_.push_back(client);
}

void io_worker::abandon_clients() {
  std::vector<std::weak_ptr<io_client>> clients;
  {
    std::lock_guard lock{clients_mutex_};
    clients.swap(clients_);
  }
  for (auto& known : clients)
    if (auto client = known.lock())
      client->abandon();
}

// The context is not stopped but runs dry: every handler that holds a connection is called, so none is left
// behind. It is woken whether or not work was waiting: whoever gave that may not have come to wake it yet.
void io_worker::stop() {
  if (!thread_.joinable())
    return;
  queue_.give([this] {
    abandon_clients();
    queue_.close();
  });
  wake();
  work_.reset();
  if (thread_.get_id() == std::this_thread::get_id())
    thread_.detach();
  else
    thread_.join();
}

struct io_thread::state {
  std::vector<std::shared_ptr<io_worker>> workers;
  std::atomic<std::size_t> turn = 0;
};

io_thread::io_thread(unsigned threads) : state_(std::make_unique<state>()) {
  for (unsigned i = 0; i < std::max(threads, 1U); ++i)
    state_->workers.push_back(std::make_shared<io_worker>());
}

io_thread::~io_thread() {
  for (auto& worker : state_->workers)
    worker->stop();
}

void io_thread::post(std::function<void()> work) {
  state_->workers.front()->post(std::move(work));
}

std::shared_ptr<io_worker> io_thread::next_worker() {
  return state_->workers[state_->turn++ % state_->workers.size()];
}

} // namespace shardyard::net
