// Items of an outbound stream for its tests: short to write, easy to compare.
#pragma once

#include "actors/shard/outbound_stream.hpp"
#include "tests/shard/blocks.hpp"

namespace shardyard {

inline std::string text_of(const stream_item& item) {
  if (auto* mark = std::get_if<source_mark>(&item))
    return "mark " + std::to_string(static_cast<int>(mark->kind)) + " " + mark->reason;
  return text_of(*std::get<0>(item));
}

inline source_mark make_mark(mark_kind kind, std::string reason = "") {
  source_mark mark;
  mark.from = {{1, 0, 4}, "s1"};
  mark.kind = kind;
  mark.reason = std::move(reason);
  return mark;
}

inline std::shared_ptr<const event_block> one_event(std::uint64_t s, std::size_t bytes = 2) {
  return make_block({{1, s, std::string(bytes, 'd')}});
}

inline std::vector<std::string> send_all(outbound_stream& stream) {
  std::vector<std::string> result;
  while (auto next = stream.next_to_send())
    result.push_back(std::to_string(next->ordinal) + " " + text_of(next->item));
  return result;
}

/// Ten events of 1 kB, two of them in memory, each spooled one in a segment of its own.
inline outbound_stream make_spooling(const scratch_folder& folder) {
  stream_limits limits;
  limits.memory_bytes = 2'700;
  outbound_stream stream(limits, {folder.path(), 256u << 20, 1'000});
  for (std::uint64_t s = 1; s <= 10; ++s)
    stream.push(make_block({{1, s, std::string(1000, 'd')}}, s <= 6 ? "old" : "new"));
  return stream;
}

} // namespace shardyard
