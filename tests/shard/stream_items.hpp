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

} // namespace shardyard
