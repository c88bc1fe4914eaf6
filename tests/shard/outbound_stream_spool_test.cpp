// A stream beyond its memory: on disk, full, unreadable.
#include "tests/shard/stream_items.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace shardyard {
namespace {

TEST(outbound_stream, beyond_the_memory_bound_it_spools_and_stays_open) {
  scratch_folder folder;
  stream_limits limits;
  limits.memory_bytes = 10'000;
  outbound_stream stream(limits, {folder.path()});
  for (std::uint64_t s = 1; s <= 100; ++s)
    stream.push(one_event(s, 1000));
  EXPECT_FALSE(stream.full());
  EXPECT_LE(stream.bytes_held(), 10'000u);
  EXPECT_GT(stream.bytes_spooled(), 90'000u);
  for (std::uint64_t s = 1; s <= 100; ++s) {
    auto next = stream.next_to_send();
    ASSERT_TRUE(next);
    EXPECT_EQ(text_of(next->item), text_of(*one_event(s, 1000)));
    stream.acked(next->ordinal);
  }
  EXPECT_TRUE(stream.empty());
  EXPECT_EQ(folder.files(), 0u);
}

TEST(outbound_stream, when_memory_and_spool_are_full_it_says_so_and_drops_nothing) {
  scratch_folder folder;
  stream_limits limits;
  limits.memory_bytes = 5'000;
  outbound_stream stream(limits, {folder.path(), 20'000, 4'000});
  std::uint64_t pushed = 0;
  while (!stream.full())
    stream.push(one_event(++pushed, 1000));
  EXPECT_NE(stream.problem().find("full"), std::string::npos);
  for (int in_flight = 0; in_flight < 5; ++in_flight)
    stream.push(one_event(++pushed, 1000));
  for (std::uint64_t s = 1; s <= pushed; ++s) {
    auto next = stream.next_to_send();
    ASSERT_TRUE(next);
    EXPECT_EQ(text_of(next->item), text_of(*one_event(s, 1000)));
    stream.acked(next->ordinal);
  }
  EXPECT_FALSE(stream.full());
  EXPECT_EQ(stream.problem(), "");
}

TEST(outbound_stream, a_disk_that_cannot_be_written_means_full_not_lost) {
  scratch_folder folder;
  std::ofstream(folder.path() / "file") << "x";
  stream_limits limits;
  limits.memory_bytes = 2'000;
  outbound_stream stream(limits, {folder.path() / "file" / "spool"});
  for (std::uint64_t s = 1; s <= 10; ++s)
    stream.push(one_event(s, 1000));
  EXPECT_TRUE(stream.full());
  EXPECT_NE(stream.problem(), "");
  std::uint64_t s = 0;
  while (auto next = stream.next_to_send()) {
    EXPECT_EQ(text_of(next->item), text_of(*one_event(++s, 1000)));
    stream.acked(next->ordinal);
  }
  EXPECT_EQ(s, 10u);
}

TEST(outbound_stream, a_disk_that_has_room_again_is_used_again_even_while_the_group_is_away) {
  scratch_folder folder;
  auto blocker = folder.path() / "spool";
  std::ofstream(blocker) << "x";
  stream_limits limits;
  limits.memory_bytes = 2'000;
  outbound_stream stream(limits, {blocker});
  for (std::uint64_t s = 1; s <= 10; ++s)
    stream.push(one_event(s, 1000));
  stream.retry();
  EXPECT_TRUE(stream.full());
  std::filesystem::remove(blocker);
  stream.retry();
  EXPECT_FALSE(stream.full());
  EXPECT_EQ(stream.problem(), "");
  EXPECT_LE(stream.bytes_held(), 2'000u);
}

/// Takes and acknowledges until nothing comes; the last sequence seen.
std::uint64_t take_all(outbound_stream& stream) {
  std::uint64_t last = 0;
  while (auto next = stream.next_to_send()) {
    if (auto* block = std::get_if<std::shared_ptr<const event_block>>(&next->item))
      last = (*block)->entries.back().s;
    stream.acked(next->ordinal);
  }
  return last;
}

TEST(outbound_stream, a_spool_that_cannot_be_read_stops_the_stream_until_the_holes_are_named) {
  scratch_folder folder;
  auto stream = make_spooling(folder);
  ASSERT_EQ(folder.files(), 8u);
  std::filesystem::resize_file(folder.path() / "3.spool", 10);
  EXPECT_EQ(take_all(stream), 4u);
  EXPECT_TRUE(stream.stuck());
  EXPECT_TRUE(stream.full());
  EXPECT_NE(stream.problem().find("cannot read"), std::string::npos);
  EXPECT_LE(stream.oldest_unacked_s("old").value_or(99), 5u);
  EXPECT_EQ(stream.oldest_unacked_s("new"), 7u);

  stream.push(make_block({{1, 11}}, "new"));
  stream.push(make_mark(mark_kind::flushed, "kept"));
  EXPECT_FALSE(stream.next_to_send());
  auto holes = stream.skip_unreadable();
  ASSERT_EQ(holes.size(), 2u);
  EXPECT_EQ(std::tie(holes[0].session_id, holes[0].after_s, holes[0].last_s), std::tuple("old", 4u, 6u));
  EXPECT_EQ(std::tie(holes[1].session_id, holes[1].after_s, holes[1].last_s), std::tuple("new", 6u, 11u));
  EXPECT_FALSE(stream.full());
  EXPECT_EQ(stream.oldest_unacked_s("new"), std::nullopt);
  EXPECT_EQ(text_of(stream.next_to_send()->item), "mark 5 kept");
  EXPECT_FALSE(stream.next_to_send());
}

TEST(outbound_stream, a_hole_can_be_filled_by_a_replay_in_order) {
  scratch_folder folder;
  auto stream = make_spooling(folder);
  std::filesystem::resize_file(folder.path() / "7.spool", 10);
  EXPECT_EQ(take_all(stream), 8u);
  auto holes = stream.skip_unreadable();
  ASSERT_EQ(holes.size(), 1u);
  EXPECT_EQ(holes[0].after_s, 8u);
  for (auto s = holes[0].after_s + 1; s <= holes[0].last_s; ++s)
    stream.push(make_block({{1, s}}, "new"));
  EXPECT_EQ(stream.oldest_unacked_s("new"), 9u);
  EXPECT_EQ(take_all(stream), 10u);
  EXPECT_TRUE(stream.empty());
}

} // namespace
} // namespace shardyard
