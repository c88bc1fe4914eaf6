// Lets the actors of the event path, a shard, the partition group behind it, a sink that never stalls and the
// endpoint of the bots, run on the io thread that read the socket: an event then reaches its sink without
// waking another thread, which at a moderate rate costs more than all work on the event. An actor that is
// running elsewhere just gets its message there, and every other actor that these wake goes to the scheduler.
#pragma once

#include "actors/compat.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <string_view>

namespace shardyard {

#if SHARDYARD_CAF1

/// Sends `x` to `to`. From any thread.
template <class Handle, class T>
void send_here(const Handle& to, T x) {
  compat::anon_send(to, std::move(x));
}

#else

/// One per io thread; it outlives every run of an actor, which keeps a pointer to where it ran last.
class event_thread final : public caf::execution_unit {
public:
  static event_thread& current() {
    thread_local event_thread result;
    return result;
  }

  void send(const caf::strong_actor_ptr& to, caf::message x) {
    system_ = to->home_system;
    to->enqueue(nullptr, caf::make_message_id(), std::move(x), this);
    if (!running_)
      run();
  }

  void exec_later(caf::resumable* job) override {
    if (on_event_path(job))
      jobs_.push_back(job);
    else
      system().scheduler().enqueue(job);
  }

private:
  /// Messages that an actor may take in a row here; with a longer backlog it goes on at the scheduler, so
  /// that heartbeats never wait for it.
  static constexpr std::size_t most_messages = 64;
  /// A block takes some five actors. A bot that asks for all its guilds keeps the endpoint and the groups at
  /// it for long: from so many on the time is looked at, and beyond so much they go on at the scheduler.
  static constexpr int few_jobs = 5;
  static constexpr auto most_time = std::chrono::milliseconds(5);

  bool on_event_path(caf::resumable* job) {
    if (job->subtype() != caf::resumable::scheduled_actor)
      return false;
    auto* its_name = static_cast<caf::scheduled_actor*>(job)->name();
    if (std::ranges::find(known_, its_name) != known_.end())
      return true;
    if (!is_of_event_path(its_name))
      return false;
    known_[names_known_++ % known_.size()] = its_name;
    return true;
  }

  static bool is_of_event_path(std::string_view name) {
    return name == "shardyard.shard" || name == "shardyard.partition_group" ||
           name == "shardyard.jsonl_sink" || name == "shardyard.bot_endpoint";
  }

  void run() {
    using clock = std::chrono::steady_clock;
    auto until = clock::now() + most_time;
    running_ = true;
    for (int jobs = 0; !jobs_.empty(); ++jobs) {
      auto* job = jobs_.front();
      jobs_.pop_front();
      if (jobs >= few_jobs && clock::now() >= until)
        system().scheduler().enqueue(job);
      else if (job->resume(this, most_messages) == caf::resumable::resume_later)
        system().scheduler().enqueue(job); // with the reference that the queue held
      else
        caf::intrusive_ptr_release(job);
    }
    running_ = false;
  }

  std::deque<caf::resumable*> jobs_;
  bool running_ = false;
  std::array<const char*, 4> known_{}; ///< names that are of the event path, by address: asked for per event
  std::size_t names_known_ = 0;
};

/// Sends `x` to `to` and runs it on this thread when it is idle. Only from an io thread.
template <class Handle, class T>
void send_here(const Handle& to, T x) {
  event_thread::current().send(caf::actor_cast<caf::strong_actor_ptr>(to), caf::make_message(std::move(x)));
}

#endif

} // namespace shardyard
