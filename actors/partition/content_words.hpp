// The hash of a payload's content, piece by piece: what a string, a number, a member of an object stands for.
// Shared by the two readers of content_hash, which must give the same for the same content. Included by
// content_*.cpp alone.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace shardyard {

enum content_tag : std::uint64_t {
  null_tag = 1,
  true_tag,
  false_tag,
  integer_tag,
  real_tag,
  string_tag,
  array_tag,
  object_tag
};

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t words[2] = {a, b};
  return XXH3_64bits(words, sizeof words);
}

inline std::uint64_t hash_bytes(std::string_view x, std::uint64_t seed) {
  return XXH3_64bits_withSeed(x.data(), x.size(), seed);
}

inline std::uint64_t hash_integer(std::uint64_t x) {
  return mix(integer_tag, x);
}

/// Sum over the members of an object, in whatever order they come.
class object_hash {
public:
  /// `value` is the hash of the member's value. What Discord writes at sending does not count.
  void member(std::string_view key, std::uint64_t value) {
    if (key == "processed_at_timestamp")
      return;
    sum_ += mix(hash_bytes(key, object_tag), value);
    ++count_;
  }
  std::uint64_t result() const { return mix(object_tag + count_, sum_); }

private:
  std::uint64_t sum_ = 0;
  std::uint64_t count_ = 0;
};

/// A string that may hold a signed link of Discord's.
std::uint64_t hash_long_string(std::string_view x);

inline std::uint64_t hash_string(std::string_view x) {
  constexpr std::size_t shortest_link = 20;
  return x.size() < shortest_link ? hash_bytes(x, string_tag) : hash_long_string(x);
}

/// The content hash of `d` in one pass without a tree. None when something in it needs a real parser:
/// escapes, fractions, great numbers, deep nesting, or no JSON at all.
std::optional<std::uint64_t> scan_content(std::string_view d);

} // namespace shardyard
