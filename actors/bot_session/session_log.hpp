// What one session got, by sequence: for each `s` a reference of four bytes, either to the ring that all
// sessions share or to an event of its own, such as READY. So RESUME replays the same events under the same
// sequences, and an event costs a session four bytes. Not thread-safe.
#pragma once

#include "actors/bot_session/delivery_ring.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace shardyard {

class session_log {
public:
  using time = std::chrono::steady_clock::time_point;

  /// An event that only this session gets.
  struct own_event {
    std::string_view t; ///< a literal
    std::string d;
    time since;
  };

  /// `own_bytes`: how many bytes of own events are kept after they were sent.
  explicit session_log(std::size_t own_bytes) : own_bound_(own_bytes) {}

  /// The next sequence is this event of the ring.
  void append(std::uint64_t position) { refs_.push_back(static_cast<std::uint32_t>(position) & low); }
  void append(std::string_view t, std::string d, time now);

  /// Sequences kept: [first, end).
  std::uint64_t first() const { return first_; }
  std::uint64_t end() const { return first_ + refs_.size(); }

  /// What stands at a sequence that is kept.
  bool is_own(std::uint64_t s) const { return (ref(s) & own_bit) != 0; }
  const own_event& own(std::uint64_t s) const;
  std::uint64_t position(std::uint64_t s, const delivery_ring& ring) const;

  /// Whether everything from `s` on can still be sent.
  bool whole_from(std::uint64_t s, const delivery_ring& ring) const;

  /// Forgets, from the front, what the ring holds no more, and own events that are older than `age` or
  /// beyond the bound. Sequences from `unsent` on stay, except those that the ring has lost.
  void trim(const delivery_ring& ring, std::uint64_t unsent, time oldest);

  std::size_t own_bytes() const { return own_size_; }

private:
  static constexpr std::uint32_t own_bit = 1u << 31;
  static constexpr std::uint32_t low = own_bit - 1;

  std::uint32_t ref(std::uint64_t s) const { return refs_[s - first_]; }
  std::uint64_t full(std::uint32_t reference, std::uint64_t end) const {
    return end - ((static_cast<std::uint32_t>(end) - reference) & low);
  }
  bool alive(std::uint64_t s, const delivery_ring& ring) const;
  void drop_first();

  std::deque<std::uint32_t> refs_;
  std::deque<own_event> own_;
  std::uint64_t first_ = 1;
  std::uint64_t first_own_ = 0;
  std::size_t own_bound_;
  std::size_t own_size_ = 0;
};

} // namespace shardyard
