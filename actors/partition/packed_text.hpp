// Text on its way out of packed values: appended in many small steps, so room is asked for rarely and short
// pieces are copied inline. Included by packed_*.cpp alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace shardyard::packed {

class text_buffer {
public:
  std::string_view view() const { return {bytes_.get(), size_}; }

  /// Empties it; gives the memory back when more than `keep` bytes are held.
  void clear(std::size_t keep) {
    size_ = 0;
    if (room_ > keep) {
      bytes_.reset();
      room_ = 0;
    }
  }

  /// Where the next `wanted` bytes can be written; commit() says how many were.
  char* reserve(std::size_t wanted) {
    if (room_ - size_ < wanted)
      grow(wanted);
    return bytes_.get() + size_;
  }
  void commit(std::size_t written) { size_ += written; }

  void put(char c) {
    *reserve(1) = c;
    commit(1);
  }

  void append(std::string_view x) {
    copy(reserve(x.size()), x);
    commit(x.size());
  }

private:
  /// Two moves of a fixed size that overlap, where a call of memcpy would cost more than the bytes.
  static void copy(char* to, std::string_view x) {
    if (x.size() > 2 * sizeof(std::uint64_t))
      std::memcpy(to, x.data(), x.size());
    else if (x.size() >= sizeof(std::uint64_t))
      copy_ends<std::uint64_t>(to, x);
    else if (x.size() >= sizeof(std::uint32_t))
      copy_ends<std::uint32_t>(to, x);
    else
      std::copy(x.begin(), x.end(), to);
  }

  template <class Word>
  static void copy_ends(char* to, std::string_view x) {
    Word first, last;
    std::memcpy(&first, x.data(), sizeof first);
    std::memcpy(&last, x.data() + x.size() - sizeof last, sizeof last);
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + x.size() - sizeof last, &last, sizeof last);
  }

  void grow(std::size_t wanted) {
    auto room = std::max<std::size_t>({size_ + wanted, 2 * room_, 4096});
    auto bytes = std::make_unique_for_overwrite<char[]>(room);
    if (size_ > 0)
      std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    room_ = room;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0, room_ = 0;
};

} // namespace shardyard::packed
