// What is numbered, sent, acknowledged and sent again.
#include "tests/shard/stream_items.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

TEST(outbound_stream, numbers_blocks_and_marks_from_one) {
  scratch_folder folder;
  outbound_stream stream({}, {folder.path()});
  stream.push(make_mark(mark_kind::started, "r"));
  stream.push(one_event(2));
  EXPECT_EQ(send_all(stream), (std::vector<std::string>{"1 mark 0 r", "2 s1: 1/2=dd"}));
}

TEST(outbound_stream, a_local_block_is_never_copied_on_the_way) {
  scratch_folder folder;
  outbound_stream stream({}, {folder.path()});
  auto block = one_event(2);
  stream.push(block);
  EXPECT_EQ(std::get<0>(stream.next_to_send()->item), block);
}

TEST(outbound_stream, sends_no_more_than_the_credit_in_events) {
  scratch_folder folder;
  stream_limits limits;
  limits.credit_events = 3;
  outbound_stream stream(limits, {folder.path()});
  for (std::uint64_t s = 1; s <= 5; ++s)
    stream.push(one_event(s));
  EXPECT_EQ(send_all(stream).size(), 3u);
  EXPECT_TRUE(stream.acked(2));
  EXPECT_EQ(send_all(stream).size(), 2u);
}

TEST(outbound_stream, one_item_larger_than_the_credit_still_goes) {
  scratch_folder folder;
  stream_limits limits;
  limits.credit_bytes = 10;
  outbound_stream stream(limits, {folder.path()});
  stream.push(one_event(1, 5000));
  stream.push(one_event(2, 5000));
  EXPECT_EQ(send_all(stream).size(), 1u);
  EXPECT_TRUE(stream.acked(1));
  EXPECT_EQ(send_all(stream).size(), 1u);
}

TEST(outbound_stream, refuses_an_acknowledgement_of_what_was_not_sent) {
  scratch_folder folder;
  outbound_stream stream({}, {folder.path()});
  stream.push(one_event(1));
  EXPECT_FALSE(stream.acked(1));
  send_all(stream);
  EXPECT_FALSE(stream.acked(2));
  EXPECT_EQ(stream.oldest_unacked_s("s1"), 1u);
  EXPECT_TRUE(stream.acked(1));
  EXPECT_TRUE(stream.acked(1)) << "a repeated acknowledgement is harmless";
  EXPECT_TRUE(stream.empty());
}

TEST(outbound_stream, a_group_that_came_back_gets_everything_again_behind_a_resynced_mark) {
  scratch_folder folder;
  outbound_stream stream({}, {folder.path()});
  for (std::uint64_t s = 1; s <= 3; ++s)
    stream.push(one_event(s));
  send_all(stream);
  stream.acked(1);
  stream.restart(make_mark(mark_kind::resynced));
  EXPECT_EQ(send_all(stream), (std::vector<std::string>{"1 mark 1 ", "2 s1: 1/2=dd", "3 s1: 1/3=dd"}));
}

TEST(outbound_stream, a_second_restart_replaces_the_unacknowledged_mark_of_the_first) {
  scratch_folder folder;
  outbound_stream stream({}, {folder.path()});
  stream.push(one_event(1));
  stream.restart(make_mark(mark_kind::resynced, "first"));
  send_all(stream);
  stream.restart(make_mark(mark_kind::resynced, "second"));
  EXPECT_EQ(send_all(stream), (std::vector<std::string>{"1 mark 1 second", "2 s1: 1/1=dd"}));
}

TEST(outbound_stream, the_oldest_unacknowledged_sequence_is_told_per_session) {
  scratch_folder folder;
  outbound_stream stream({}, {folder.path()});
  stream.push(make_block({{1, 5}, {1, 6}}, "old"));
  stream.push(make_block({{1, 9}}, "old"));
  stream.push(make_mark(mark_kind::lost));
  stream.push(make_block({{1, 2}}, "new"));
  EXPECT_EQ(stream.oldest_unacked_s("old"), 5u);
  EXPECT_EQ(stream.oldest_unacked_s("new"), 2u);
  send_all(stream);
  stream.acked(1);
  EXPECT_EQ(stream.oldest_unacked_s("old"), 9u);
  stream.acked(3);
  EXPECT_EQ(stream.oldest_unacked_s("old"), std::nullopt);
  EXPECT_EQ(stream.oldest_unacked_s("new"), 2u);
}

TEST(outbound_stream, a_waiting_block_does_not_keep_a_large_shared_buffer_alive) {
  scratch_folder folder;
  stream_limits limits;
  limits.credit_events = 1;
  outbound_stream stream(limits, {folder.path()});
  stream.push(one_event(1));
  send_all(stream);
  auto large =
      std::make_shared<event_block>(*make_block({{1, 2, "small"}, {2, 3, std::string(100'000, 'x')}}));
  large->entries.resize(1);
  std::weak_ptr<const std::string> buffer = large->bytes;
  stream.push(std::shared_ptr<const event_block>(std::move(large)));
  EXPECT_TRUE(buffer.expired());
  stream.acked(1);
  EXPECT_EQ(text_of(stream.next_to_send()->item), "s1: 1/2=small");
}

} // namespace
} // namespace shardyard
