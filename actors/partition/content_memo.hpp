// Content hashes of the newest payloads, by the hash of their bytes: the second session brings nearly always
// the same bytes as the first, and comparing by content costs some thirty times as much as by bytes. Owned by
// a partition; takes no memory before its first question.
#pragma once

#include "actors/partition/content_hash.hpp"

#include <memory>

namespace shardyard {

class content_memo {
public:
  /// content_hash(d). That two payloads have the same 64 bits of bytes_hash is as unlikely as for the hash of
  /// the content itself.
  std::uint64_t hash(std::string_view d) {
    if (!known_)
      known_ = std::make_unique<pair[]>(slots);
    auto bytes = bytes_hash(d);
    auto& x = known_[bytes % slots];
    if (x.bytes != bytes || x.content == 0)
      x = {bytes, content_hash(d, bytes)};
    return x.content;
  }

private:
  static constexpr std::size_t slots = 64; ///< what is under way between two sessions in one partition
  struct pair {
    std::uint64_t bytes = 0, content = 0;
  };
  std::unique_ptr<pair[]> known_;
};

} // namespace shardyard
