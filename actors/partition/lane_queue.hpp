// What a hand-over remembers of a guild lane: marks (16 bytes, enough to compare) and queues of them or of
// events. A queue is a vector with a head, so that its front goes cheaply and its contents stay one span.
#pragma once

#include "messages/event_type.hpp"
#include "messages/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace shardyard {

/// Identity of one event of the guild lane: anchors by (type, snowflake), plain events by (type, content
/// hash).
struct lane_mark {
  std::uint64_t value = 0;
  event_type_id type = unknown_event;
  bool anchor = false;

  auto operator<=>(const lane_mark&) const = default;
};

template <class T>
class lane_queue {
public:
  std::size_t size() const { return items_.size() - head_; }
  bool empty() const { return items_.size() == head_; }
  T& operator[](std::size_t i) { return items_[head_ + i]; }
  const T& operator[](std::size_t i) const { return items_[head_ + i]; }
  T& front() { return items_[head_]; }
  std::span<T> all() { return std::span<T>{items_}.subspan(head_); }
  std::span<const T> all() const { return std::span<const T>{items_}.subspan(head_); }
  std::size_t reserved_bytes() const { return items_.capacity() * sizeof(T); }

  void push(T x) {
    // Closing the hole in front only when the vector would grow keeps a push at constant cost on average.
    if (head_ != 0 && items_.size() == items_.capacity())
      compact();
    items_.push_back(std::move(x));
  }

  void pop(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      items_[head_ + i] = T{};
    head_ += static_cast<std::uint32_t>(count);
    if (empty()) {
      head_ = 0;
      items_.clear();
      if (items_.capacity() > small)
        items_ = {};
    }
  }

  void erase(std::size_t i) { items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(head_ + i)); }

  /// Forgets everything and gives the memory back.
  void clear() {
    items_ = {};
    head_ = 0;
  }

  /// Takes everything out, in order.
  std::vector<T> take() {
    compact();
    return std::exchange(items_, {});
  }

private:
  static constexpr std::size_t small = 64; // entries that an empty queue may keep reserved

  void compact() {
    items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }

  std::vector<T> items_;
  std::uint32_t head_ = 0;
};

} // namespace shardyard
