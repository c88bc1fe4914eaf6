// What a hand-over remembers of a guild lane: marks (16 bytes, enough to compare) and queues of them or of
// events. A queue is a vector with a head, so that its front goes cheaply and its contents stay one span; one
// that never held anything, or was trimmed while empty, is a single null pointer, since most guilds of a
// cluster have nothing waiting at any moment.
#pragma once

#include "messages/event_type.hpp"
#include "messages/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
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
  std::size_t size() const { return room_ ? room_->items.size() - room_->head : 0; }
  bool empty() const { return size() == 0; }
  T& operator[](std::size_t i) { return room_->items[room_->head + i]; }
  const T& operator[](std::size_t i) const { return room_->items[room_->head + i]; }
  T& front() { return room_->items[room_->head]; }
  std::span<T> all() { return room_ ? std::span<T>{room_->items}.subspan(room_->head) : std::span<T>{}; }
  std::span<const T> all() const {
    return room_ ? std::span<const T>{room_->items}.subspan(room_->head) : std::span<const T>{};
  }
  std::size_t reserved_bytes() const {
    return room_ ? sizeof(room) + room_->items.capacity() * sizeof(T) : 0;
  }

  void push(T x) {
    if (!room_)
      room_ = std::make_unique<room>();
    // Closing the hole in front only when the vector would grow keeps a push at constant cost on average.
    if (room_->head != 0 && room_->items.size() == room_->items.capacity())
      room_->compact();
    room_->items.push_back(std::move(x));
  }

  void pop(std::size_t count) {
    if (count == 0)
      return;
    for (std::size_t i = 0; i < count; ++i)
      (*this)[i] = T{};
    room_->head += static_cast<std::uint32_t>(count);
    if (empty()) {
      room_->head = 0;
      room_->items.clear();
      if (room_->items.capacity() > small)
        room_.reset();
    }
  }

  void erase(std::size_t i) {
    room_->items.erase(room_->items.begin() + static_cast<std::ptrdiff_t>(room_->head + i));
  }

  /// Forgets everything and gives the memory back.
  void clear() { room_.reset(); }

  /// Gives back the room that is more than twice of what is used.
  void trim() {
    if (empty()) {
      room_.reset();
    } else if (room_->items.capacity() > 2 * size()) {
      room_->compact();
      room_->items.shrink_to_fit();
    }
  }

  /// Takes everything out, in order.
  std::vector<T> take() {
    if (!room_)
      return {};
    room_->compact();
    return std::move(std::exchange(room_, {})->items);
  }

private:
  static constexpr std::size_t small = 64; // entries that an empty queue may keep reserved until trimmed

  struct room {
    std::vector<T> items;
    std::uint32_t head = 0;

    void compact() {
      items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(head));
      head = 0;
    }
  };
  std::unique_ptr<room> room_;
};

} // namespace shardyard
