// Actors in one thread under a clock that only the test moves: CAF's testing scheduler, and the few words
// that the tests of this folder are written in. No socket, no thread, no real time.
#pragma once

#include "actors/compat.hpp"
#include "actors/local_messages.hpp"

#include <caf/scheduler/test_coordinator.hpp>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace shardyard::testing {

using namespace std::chrono_literals;

/// What main() does before there is any other thread: CAF takes the message types of a process once, and
/// spdlog, whose library ThreadSanitizer cannot see into, makes its logger on first use.
inline void register_once() {
  [[maybe_unused]] static auto once = (register_local_messages(), spdlog::default_logger_raw());
}

class world {
  struct config : caf::actor_system_config {
    config() {
      register_once();
      set("caf.scheduler.policy", "testing");
    }
  };
  config config_;

public:
  caf::actor_system system{config_};

  world() { clock().clock().current_time += 1h; } // like a host that has been up for a while

  /// Ends every actor that was handed to keep(), so that the system can go.
  ~world() {
    for (auto& x : kept_)
      caf::anon_send_exit(x, caf::exit_reason::kill);
    kept_.clear();
    run();
  }

  template <class Handle>
  Handle keep(Handle x) {
    kept_.push_back(caf::actor_cast<caf::strong_actor_ptr>(x));
    return x;
  }

  /// Delivers what is in the mailboxes; no time passes. CAF's testing scheduler has no lock: an actor in a
  /// thread of its own would write into the queue that is being read here.
  void run() {
    EXPECT_EQ(system.detached_actors(), 0u) << "an actor of this test has a thread of its own";
    while (clock().has_job())
      clock().run();
  }

  /// Time passes from timer to timer; after each, mailboxes are emptied.
  void pass(std::chrono::nanoseconds time) {
    run();
    auto end = now() + time;
    auto& timers = clock().clock().schedule;
    while (!timers.empty() && timers.begin()->first <= end) {
      clock().advance_time(std::max(caf::timespan{1}, timers.begin()->first - now()));
      run();
    }
    if (end > now())
      clock().advance_time(end - now());
    run();
  }

  caf::actor_clock::time_point now() { return clock().clock().now(); }
  std::size_t pending_timers() { return clock().clock().schedule.size(); }

  /// Sends as if `from` did.
  template <class From, class To, class Message>
  void send_as(const From& from, const To& to, Message x) {
    caf::send_as(from, to, std::move(x));
    run();
  }
  template <class To, class Message>
  void send(const To& to, Message x) {
    compat::anon_send(to, std::move(x));
    run();
  }

  /// The answer, or why there is none.
  template <class Answer, class To, class... Ts>
  std::variant<Answer, std::string> ask(const To& to, Ts... xs) {
    caf::scoped_actor self{system};
    auto response = compat::request_local(self.ptr(), to, std::move(xs)...);
    run();
    std::variant<Answer, std::string> result = "no answer";
    if (self->mailbox().empty())
      return result; // receiving would wait for ever
    response.receive([&](Answer& x) { result = std::move(x); },
                     [&](caf::error& error) { result = caf::to_string(error); });
    return result;
  }

  /// Ends the actor; its state is gone when this returns.
  template <class Handle>
  void end(Handle& x) {
    caf::anon_send_exit(x, caf::exit_reason::kill);
    auto address = caf::actor_cast<caf::strong_actor_ptr>(x);
    std::erase(kept_, address);
    address = nullptr;
    x = nullptr;
    run();
  }

private:
  caf::scheduler::test_coordinator& clock() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  std::vector<caf::strong_actor_ptr> kept_;
};

} // namespace shardyard::testing
