// A growing run of bytes that is never zero-filled: decompressors write straight into its room. It always
// keeps the padding that simdjson may read beyond the end. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace shardyard::net {

class byte_buffer {
public:
  /// Readable bytes kept behind the last one; equals simdjson's SIMDJSON_PADDING.
  static constexpr std::size_t padding = 64;

  char* begin() { return bytes_.get(); }
  std::size_t size() const { return size_; }
  std::string_view view(std::size_t from = 0) const { return {bytes_.get() + from, size_ - from}; }

  /// Bytes that can be written behind the end without growing.
  std::size_t room() const { return capacity_ - size_; }

  /// Makes room for at least `wanted` more bytes and returns where they start. Invalidates views.
  char* reserve(std::size_t wanted) {
    if (room() < wanted)
      grow(size_ + wanted);
    return bytes_.get() + size_;
  }

  /// `written` bytes of the room are now content.
  void commit(std::size_t written) { size_ += written; }

  void append(std::string_view bytes) {
    if (bytes.empty())
      return;
    std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
    commit(bytes.size());
  }

  void truncate(std::size_t size) { size_ = std::min(size_, size); }

  /// Empties the buffer; gives the memory back when more than `keep` bytes are held.
  void clear(std::size_t keep) {
    size_ = 0;
    if (capacity_ > keep) {
      bytes_.reset();
      capacity_ = 0;
    }
  }

private:
  void grow(std::size_t needed) {
    auto capacity = std::max<std::size_t>({needed, capacity_ * 2, 4096});
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity + padding);
    if (size_ > 0)
      std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

} // namespace shardyard::net
