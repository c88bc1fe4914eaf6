// What is on its way to one session: each copy has a moment of its own, and those of one guild keep their
// order as long as their moments do not fall. Slots of one millisecond, so that adding and taking cost the
// same however long the lag.
#pragma once

#include "sim/occurrence.hpp"

#include <cstdint>
#include <deque>
#include <vector>

namespace shardyard::sim {

inline constexpr std::uint32_t no_guild = 0xFFFFFFFF;

enum class copy_kind : std::uint8_t {
  event,    ///< a dispatch of an occurrence
  snapshot, ///< the guild's GUILD_CREATE; it holds everything up to `occurrence`
  reply,    ///< answers a request of this session; nobody's occurrence
  outage,   ///< from here on the session has lost the guild; `occurrence` is the last that it was to get
};

/// A copy of something for one session.
struct copy {
  copy_kind kind = copy_kind::event;
  std::uint32_t guild_index = no_guild;
  std::uint64_t occurrence = 0;
  shared_payload content;
};

class delay_line {
public:
  void push(std::int64_t due_ms, copy item) {
    if (slots_.empty())
      first_ms_ = due_ms;
    while (due_ms < first_ms_) {
      slots_.emplace_front();
      --first_ms_;
    }
    auto at = static_cast<std::size_t>(due_ms - first_ms_);
    if (at >= slots_.size())
      slots_.resize(at + 1);
    slots_[at].push_back(std::move(item));
    ++size_;
  }

  /// `take(copy)` for everything due at `now_ms` or before, in order.
  template <class Take>
  void release(std::int64_t now_ms, Take take) {
    while (!slots_.empty() && first_ms_ <= now_ms) {
      auto due = std::move(slots_.front());
      slots_.pop_front();
      ++first_ms_;
      size_ -= due.size();
      for (auto& item : due)
        take(item);
    }
  }

  std::size_t size() const { return size_; }

private:
  std::deque<std::vector<copy>> slots_;
  std::int64_t first_ms_ = 0;
  std::size_t size_ = 0;
};

} // namespace shardyard::sim
