// The key sequences of JSON objects that the process has met, each stored once and named by a number. Shared
// by all packed objects of the process; only ever grows, up to a bound, beyond which objects carry their keys
// themselves. Any thread; look-ups take no lock.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

class packed_shape {
public:
  packed_shape(std::uint16_t id, std::uint64_t hash, std::span<const std::string_view> keys);

  std::uint16_t id() const { return id_; }
  std::uint64_t hash() const { return hash_; }
  std::size_t size() const { return ends_.size(); }

  /// `{"key":` of the first, `,"key":` of the others.
  std::string_view before(std::size_t i) const {
    auto begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view{text_}.substr(begin, ends_[i] - begin);
  }
  std::string_view key(std::size_t i) const {
    auto all = before(i);
    return all.substr(2, all.size() - 4);
  }
  bool has(std::span<const std::string_view> keys) const;
  /// The keys as a file has them (packed_walk.hpp, put_keys).
  std::string_view head() const { return head_; }

private:
  std::uint16_t id_;
  std::uint64_t hash_;
  std::string text_, head_;
  std::vector<std::uint32_t> ends_;
};

inline constexpr std::size_t most_shapes = 4096;

/// The hash of a key sequence, key by key, from 0.
std::uint64_t add_key(std::uint64_t hash, std::string_view key);

/// The shape with these keys and this hash; nullptr: it is not known and there is no room for it, or it is
/// not worth it.
const packed_shape* intern_shape(std::span<const std::string_view> keys, std::uint64_t hash);

/// nullptr: there is none with this number.
const packed_shape* find_shape(std::uint16_t id);

/// Memory of the whole table.
std::size_t shape_table_bytes();

} // namespace shardyard
