// A link_events that keeps one line per call and lets a test wait for lines. Thread-safe.
#pragma once

#include "net/gateway_link.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace shardyard::net {

class link_record final : public link_events {
public:
  /// Run on the link's thread within on_hello; set before the link is made.
  std::function<void()> hello;

  void on_hello(std::chrono::milliseconds interval) override {
    note("hello " + std::to_string(interval.count()));
    if (hello)
      hello();
  }
  void on_events(event_block block) override {
    std::lock_guard lock{mutex_};
    for (auto& e : block.entries)
      lines_.push_back("event " + std::to_string(e.s) + " " + std::string{block.name(e)});
    blocks_.push_back(std::move(block));
    changed_.notify_all();
  }
  void on_ready(ready_view ready) override { note("ready " + ready.session_id); }
  void on_resumed(std::uint64_t s) override { note("resumed " + std::to_string(s)); }
  void on_reconnect() override { note("reconnect"); }
  void on_invalid_session(bool resumable) override { note(resumable ? "invalid true" : "invalid false"); }
  void on_heartbeat_ack(std::uint64_t s) override { note("ack " + std::to_string(s)); }
  void on_closed(const close_reason& reason) override {
    {
      std::lock_guard lock{mutex_};
      reason_ = reason;
    }
    note("closed");
  }

  /// Waits until a line equal to `line` has come. False when it did not come in time.
  bool await(const std::string& line) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, std::chrono::seconds{20}, [&] { return count(line) > 0; });
  }

  /// Waits for the end and returns its reason.
  close_reason closed() {
    if (!await("closed"))
      return {close_kind::lost, 0, "the link did not end in time"};
    std::lock_guard lock{mutex_};
    return reason_;
  }

  std::vector<std::string> lines() {
    std::lock_guard lock{mutex_};
    return lines_;
  }

  /// Lines that are neither heartbeats nor HELLO.
  std::vector<std::string> story() {
    auto result = lines();
    std::erase_if(result, [](auto& line) { return line.starts_with("ack") || line.starts_with("hello"); });
    return result;
  }

  std::vector<event_block> blocks() {
    std::lock_guard lock{mutex_};
    return blocks_;
  }

  std::size_t times(const std::string& line) {
    std::lock_guard lock{mutex_};
    return count(line);
  }

private:
  void note(std::string line) {
    std::lock_guard lock{mutex_};
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  std::size_t count(const std::string& line) const {
    return static_cast<std::size_t>(std::ranges::count(lines_, line));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  std::vector<event_block> blocks_;
  close_reason reason_;
};

} // namespace shardyard::net
