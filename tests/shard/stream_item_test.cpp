// Items as the spool has them.
#include "tests/shard/stream_items.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

TEST(stream_item, every_field_survives_the_spool) {
  auto block = make_block({{11, 2, "{\"a\":1}"}, {12, 3, ""}}, "session");
  auto back = decode_item(encode_item(stream_item{block}));
  ASSERT_TRUE(back);
  auto& restored = *std::get<0>(*back);
  EXPECT_EQ(restored.from, block->from);
  EXPECT_EQ(restored.received_ns, block->received_ns);
  EXPECT_EQ(restored.newest_ms, block->newest_ms);
  EXPECT_EQ(text_of(restored), text_of(*block));
  EXPECT_EQ(restored.name(restored.entries[1]), "MESSAGE_CREATE");

  event_source from{{2, 3, 8}, "session"};
  source_mark mark{from, mark_kind::transfer, 4, 5, 6, 7, 8, true, {8, 9}, "why"};
  auto mark_back = decode_item(encode_item(stream_item{mark}));
  ASSERT_TRUE(mark_back);
  auto& m = std::get<source_mark>(*mark_back);
  EXPECT_EQ(std::tie(m.from, m.kind, m.s, m.plan, m.cluster_epoch, m.newest_ms, m.began_ns, m.connected,
                     m.guilds, m.reason),
            std::tie(mark.from, mark.kind, mark.s, mark.plan, mark.cluster_epoch, mark.newest_ms,
                     mark.began_ns, mark.connected, mark.guilds, mark.reason));
}

TEST(stream_item, a_record_cut_anywhere_is_refused) {
  for (auto& item : {stream_item{one_event(2)}, stream_item{make_mark(mark_kind::lost, "why")}}) {
    auto record = encode_item(item);
    for (std::size_t size = 0; size < record.size(); ++size)
      EXPECT_FALSE(decode_item(std::string_view(record).substr(0, size))) << size;
    EXPECT_FALSE(decode_item(record + "x"));
  }
}

} // namespace
} // namespace shardyard
