// The last dispatches of a session, kept for RESUME. Bounded: what falls out makes older positions
// unresumable.
#pragma once

#include "sim/occurrence.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>

namespace shardyard::sim {

class replay_buffer {
public:
  explicit replay_buffer(std::size_t limit = 0) : limit_(limit) {}

  /// Sequences rise by one; the first is 1.
  void push(shared_payload dispatched) {
    kept_.push_back(std::move(dispatched));
    ++newest_;
    if (kept_.size() > limit_)
      kept_.pop_front();
  }

  std::uint64_t newest() const { return newest_; }
  std::uint64_t oldest() const { return newest_ - kept_.size() + 1; }

  /// Whether everything after `seq` is still here. False also for a `seq` that was never sent.
  bool covers(std::uint64_t seq) const { return seq <= newest_ && seq + 1 >= oldest(); }

  /// `send(s, payload)` for each dispatch after `seq`, in order.
  template <class Send>
  void replay(std::uint64_t seq, Send send) const {
    for (auto s = seq + 1; s <= newest_; ++s)
      send(s, kept_[s - oldest()]);
  }

private:
  std::size_t limit_;
  std::uint64_t newest_ = 0;
  std::deque<shared_payload> kept_;
};

} // namespace shardyard::sim
