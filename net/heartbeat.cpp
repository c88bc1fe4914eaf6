#include "net/heartbeat.hpp"

namespace shardyard::net {
namespace {

// A server that never acknowledges is a zombie after two beats; only an owner who forgives keeps more
// outstanding.
constexpr std::size_t most_outstanding = 64;

} // namespace

void heartbeat::start(std::chrono::milliseconds interval, double jitter, clock::time_point now) {
  interval_ = interval;
  due_ = now +
         std::chrono::milliseconds{static_cast<std::int64_t>(static_cast<double>(interval.count()) * jitter)};
  last_scheduled_.reset();
  outstanding_.clear();
}

void heartbeat::beat(std::uint64_t s, clock::time_point now) {
  extra_beat(s, now);
  last_scheduled_ = now;
  due_ += interval_;
  if (due_ <= now) // the thread was late by a whole interval: do not send the missed beats in a row
    due_ = now + interval_;
}

void heartbeat::extra_beat(std::uint64_t s, clock::time_point now) {
  if (outstanding_.size() == most_outstanding)
    outstanding_.erase(outstanding_.begin());
  outstanding_.push_back({now, s});
}

std::optional<std::uint64_t> heartbeat::acknowledged() {
  if (outstanding_.empty())
    return std::nullopt;
  auto s = outstanding_.front().s;
  outstanding_.erase(outstanding_.begin());
  return s;
}

void heartbeat::sign_of_life() {
  last_scheduled_.reset();
}

bool heartbeat::overdue() const {
  return last_scheduled_ && !outstanding_.empty() && outstanding_.front().at <= *last_scheduled_;
}

} // namespace shardyard::net
