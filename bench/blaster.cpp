#include "bench/blaster.hpp"

#include "bench/blaster_session.hpp"
#include "bench/clocks.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace shardyard::bench {

blaster::blaster(blaster_settings settings)
    : settings_(std::move(settings)),
      world_(settings_.seed, settings_.guilds),
      tls_(make_server_settings(settings_.ca_file)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(settings_.port);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 512) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error{"cannot listen on port " + std::to_string(settings_.port)};
  port_ = ntohs(address.sin_port);
}

void blaster::serve() {
  for (;;) {
    auto socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) {
      if (errno == EINTR || errno == ECONNABORTED)
        continue;
      throw std::runtime_error{"accept failed"};
    }
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    tls_connection tls{SSL_new(tls_.get())};
    SSL_set_fd(tls.get(), socket);
    SSL_set_accept_state(tls.get());
    std::thread{[this, socket, tls = std::move(tls)]() mutable {
      try {
        blaster_session{*this, std::move(tls), socket}.run();
      } catch (const std::exception& e) {
        tell(std::string{"note "} + e.what());
      }
      close(socket);
    }}.detach();
  }
}

void blaster::stream(stream_order order) {
  std::lock_guard lock{mutex_};
  order.number = static_cast<std::uint32_t>(orders_.size());
  // A fast stream's clock depends on its seed alone, so that every client gets the same bytes; a greater seed
  // is a later stream, as snowflakes on Discord only grow.
  auto later_ms = static_cast<std::int64_t>(order.seed) * 1'000'000;
  order.start_ms = order.per_second == 0 ? started_ms_ + later_ms : unix_ms();
  order.start_ns = monotonic_ns() + 20'000'000; // late enough for every session to wake up before
  order.sessions = watchers_.size();
  orders_.push_back(order);
  for (auto watcher : watchers_)
    eventfd_write(watcher, 1);
}

std::vector<stream_order> blaster::orders(std::uint32_t from) {
  std::lock_guard lock{mutex_};
  return {orders_.begin() + std::min<std::ptrdiff_t>(from, std::ssize(orders_)), orders_.end()};
}

std::uint32_t blaster::watch(int wake) {
  std::lock_guard lock{mutex_};
  watchers_.push_back(wake);
  return static_cast<std::uint32_t>(orders_.size());
}

void blaster::unwatch(int wake) {
  std::lock_guard lock{mutex_};
  std::erase(watchers_, wake);
}

void blaster::meet(const stream_order& order) {
  std::unique_lock lock{mutex_};
  auto& met = met_[order.number];
  ++met;
  met_changed_.notify_all();
  // A session that ended meanwhile must not keep the others forever.
  met_changed_.wait_for(lock, std::chrono::seconds(20), [&] { return met >= order.sessions; });
}

void blaster::keep_step(const stream_order& order, const void* session, std::size_t sent) {
  if (order.sessions < 2)
    return;
  std::unique_lock lock{mutex_};
  auto& all = sent_[order.number];
  all[session] = sent;
  sent_changed_.notify_all();
  if (sent == all_sent)
    return;
  auto least = [&] { return std::ranges::min_element(all, {}, [](auto& x) { return x.second; })->second; };
  sent_changed_.wait_for(lock, std::chrono::seconds(20), [&] { return sent <= least() + most_ahead; });
}

std::shared_ptr<void> blaster::enter(std::uint32_t id, std::uint32_t count, std::uint32_t& others) {
  std::lock_guard lock{mutex_};
  auto& alive = alive_[{id, count}];
  others = alive++;
  return {&alive, [this](std::uint32_t* x) {
            std::lock_guard again{mutex_};
            --*x;
          }};
}

std::shared_ptr<const prepared_stream> blaster::prepared(const stream_key& key,
                                                         const std::function<prepared_stream()>& make) {
  std::promise<std::shared_ptr<const prepared_stream>> promise;
  std::shared_future<std::shared_ptr<const prepared_stream>> future;
  auto is_first = false;
  {
    std::lock_guard lock{mutex_};
    auto [place, is_new] = prepared_.try_emplace(key);
    if (is_new)
      place->second = promise.get_future().share();
    is_first = is_new;
    future = place->second;
  }
  if (is_first) {
    try {
      promise.set_value(std::make_shared<const prepared_stream>(make()));
    } catch (...) {
      promise.set_exception(std::current_exception());
    }
  }
  return future.get();
}

void blaster::tell(const std::string& line) {
  std::lock_guard lock{mutex_};
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

} // namespace shardyard::bench
