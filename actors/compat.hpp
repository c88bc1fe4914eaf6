// Sending, requesting and watching in the common subset of CAF 0.18 and 1.x. Actors use these names only, so
// that a newer CAF costs one header. Measured facts behind the choices: docs/decisions.md.
#pragma once

#include <caf/all.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <utility>

#define SHARDYARD_CAF1 (CAF_MAJOR_VERSION >= 1)

namespace shardyard::compat {

template <class Self, class Handle, class... Ts>
void send(Self* self, const Handle& to, Ts&&... xs) {
#if SHARDYARD_CAF1
  self->mail(std::forward<Ts>(xs)...).send(to);
#else
  self->send(to, std::forward<Ts>(xs)...);
#endif
}

/// 0.18 cannot cancel a delayed message: receivers ignore what is stale.
template <class Self, class Handle, class... Ts>
void send_after(Self* self, std::chrono::nanoseconds delay, const Handle& to, Ts&&... xs) {
#if SHARDYARD_CAF1
  self->mail(std::forward<Ts>(xs)...).delay(delay).send(to);
#else
  self->delayed_send(to, std::chrono::duration_cast<caf::timespan>(delay), std::forward<Ts>(xs)...);
#endif
}

/// Requests to remote actors always carry a timeout: one to a dead host is never bounced.
template <class Self, class Handle, class... Ts>
auto request(Self* self, const Handle& to, std::chrono::nanoseconds timeout, Ts&&... xs) {
#if SHARDYARD_CAF1
  return self->mail(std::forward<Ts>(xs)...).request(to, timeout);
#else
  return self->request(to, std::chrono::duration_cast<caf::timespan>(timeout), std::forward<Ts>(xs)...);
#endif
}

/// For actors of this process that the caller keeps alive. Without timeout, because 0.18 keeps the timer of
/// every request until it expires, answered or not, and searches all of them for each new one.
template <class Self, class Handle, class... Ts>
auto request_local(Self* self, const Handle& to, Ts&&... xs) {
#if SHARDYARD_CAF1
  return self->mail(std::forward<Ts>(xs)...).request(to, caf::infinite);
#else
  return self->request(to, caf::infinite, std::forward<Ts>(xs)...);
#endif
}

/// From any thread.
template <class Handle, class... Ts>
void anon_send(const Handle& to, Ts&&... xs) {
#if SHARDYARD_CAF1
  caf::anon_mail(std::forward<Ts>(xs)...).send(to);
#else
  caf::anon_send(to, std::forward<Ts>(xs)...);
#endif
}

/// Watches actors, each with a callback of its own that runs in the watching actor. A member of that actor's
/// state.
class down_watch {
public:
  using callback = std::function<void(const caf::error&)>;

  template <class Self, class Handle>
  void add(Self* self, const Handle& watched, callback f) {
#if SHARDYARD_CAF1
    self->monitor(watched, std::move(f));
#else
    if (!installed_) {
      installed_ = true;
      self->set_down_handler([this](caf::down_msg& down) { fire(down); });
    }
    callbacks_.insert_or_assign(watched.address(), std::move(f));
    self->monitor(watched);
#endif
  }

private:
#if !SHARDYARD_CAF1
  void fire(caf::down_msg& down) {
    auto node = callbacks_.extract(down.source);
    if (!node.empty())
      node.mapped()(down.reason);
  }
  bool installed_ = false;
  std::map<caf::actor_addr, callback> callbacks_;
#endif
};

} // namespace shardyard::compat
