// Emptying a stream, wherever its items stand: in memory, on disk, in the overflow, behind an unreadable
// record.
#include "tests/shard/stream_items.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>
#include <fstream>
#include <map>
#include <random>

namespace shardyard {
namespace {

using texts = std::vector<std::string>;

std::shared_ptr<const event_block> long_event(std::uint64_t s, std::string session = "s1") {
  return make_block({{1, s, std::string(1000, 'd')}}, std::move(session));
}

texts take_all(outbound_stream& stream, std::vector<stream_hole>& holes) {
  texts result;
  for (auto& item : stream.take_all(holes))
    result.push_back(text_of(item));
  return result;
}

texts take_all_without_holes(outbound_stream& stream) {
  std::vector<stream_hole> holes;
  auto result = take_all(stream, holes);
  EXPECT_TRUE(holes.empty());
  return result;
}

texts events(std::uint64_t from, std::uint64_t through) {
  texts result;
  for (auto s = from; s <= through; ++s)
    result.push_back(text_of(*long_event(s)));
  return result;
}

void expect_like_new(outbound_stream& stream) {
  EXPECT_TRUE(stream.empty());
  EXPECT_FALSE(stream.full());
  EXPECT_FALSE(stream.stuck());
  EXPECT_EQ(stream.problem(), "");
  EXPECT_EQ(stream.bytes_held(), 0u);
  EXPECT_EQ(stream.unacknowledged(), 0u);
  EXPECT_EQ(stream.events_outstanding(), 0u);
  EXPECT_EQ(stream.oldest_unacked_s("s1"), std::nullopt);
  EXPECT_FALSE(stream.next_to_send());
  stream.push(make_block({{1, 500}}, "after"));
  auto next = stream.next_to_send();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->ordinal, 1u);
  EXPECT_EQ(text_of(next->item), text_of(*make_block({{1, 500}}, "after")));
  EXPECT_TRUE(stream.acked(1));
  EXPECT_TRUE(stream.empty());
}

stream_limits small_memory() {
  stream_limits limits;
  limits.memory_bytes = 2'700; // two events of 1 kB
  return limits;
}

TEST(outbound_stream_take_all, an_empty_stream_gives_nothing) {
  scratch_folder folder;
  outbound_stream stream({}, {folder.path()});
  EXPECT_TRUE(take_all_without_holes(stream).empty());
  expect_like_new(stream);
}

TEST(outbound_stream_take_all, what_was_sent_and_not_acknowledged_comes_again_with_what_was_not_sent) {
  scratch_folder folder;
  outbound_stream stream({}, {folder.path()});
  for (std::uint64_t s = 1; s <= 4; ++s)
    stream.push(long_event(s));
  for (int i = 0; i < 3; ++i)
    stream.next_to_send();
  stream.acked(1);
  EXPECT_EQ(take_all_without_holes(stream), events(2, 4));
  EXPECT_FALSE(stream.acked(2)) << "an answer to the life before";
  expect_like_new(stream);
}

TEST(outbound_stream_take_all, the_mark_of_the_last_restart_is_not_passed_on_but_others_are) {
  scratch_folder folder;
  outbound_stream stream({}, {folder.path()});
  stream.push(make_mark(mark_kind::started, "start"));
  stream.push(long_event(1));
  stream.restart(make_mark(mark_kind::resynced, "again"));
  EXPECT_EQ(take_all_without_holes(stream), (texts{"mark 0 start", text_of(*long_event(1))}));
  expect_like_new(stream);
}

TEST(outbound_stream_take_all, what_is_on_disk_comes_in_its_place_and_the_disk_is_free_again) {
  scratch_folder folder;
  outbound_stream stream(small_memory(), {folder.path()});
  for (std::uint64_t s = 1; s <= 10; ++s)
    stream.push(long_event(s));
  ASSERT_GT(stream.bytes_spooled(), 0u);
  EXPECT_EQ(take_all_without_holes(stream), events(1, 10));
  EXPECT_EQ(folder.files(), 0u);
  expect_like_new(stream);
}

TEST(outbound_stream_take_all, what_has_no_room_on_disk_comes_last_and_nothing_is_full_any_more) {
  scratch_folder folder;
  outbound_stream stream(small_memory(), {folder.path(), 4'000, 2'000});
  for (std::uint64_t s = 1; s <= 12; ++s)
    stream.push(long_event(s));
  ASSERT_TRUE(stream.full());
  ASSERT_GT(stream.bytes_spooled(), 0u);
  EXPECT_EQ(take_all_without_holes(stream), events(1, 12));
  expect_like_new(stream);
}

TEST(outbound_stream_take_all, without_any_disk_all_of_it_comes) {
  scratch_folder folder;
  std::ofstream(folder.path() / "file") << "x";
  outbound_stream stream(small_memory(), {folder.path() / "file" / "spool"});
  for (std::uint64_t s = 1; s <= 8; ++s)
    stream.push(long_event(s));
  ASSERT_NE(stream.problem(), "");
  EXPECT_EQ(take_all_without_holes(stream), events(1, 8));
  expect_like_new(stream);
}

void expect_hole(const stream_hole& hole, std::string_view session, std::uint64_t after, std::uint64_t last) {
  EXPECT_EQ(hole.session_id, session);
  EXPECT_EQ(hole.after_s, after);
  EXPECT_EQ(hole.last_s, last);
}

TEST(outbound_stream_take_all, what_the_disk_does_not_give_back_is_named_and_nothing_behind_it_passes_it) {
  scratch_folder folder;
  auto stream = make_spooling(folder);
  std::filesystem::resize_file(folder.path() / "3.spool", 10);
  std::vector<stream_hole> holes;
  auto taken = take_all(stream, holes);
  ASSERT_EQ(taken.size(), 4u);
  EXPECT_EQ(taken.back(), text_of(*long_event(4, "old")));
  ASSERT_EQ(holes.size(), 2u);
  expect_hole(holes[0], "old", 4, 6);
  expect_hole(holes[1], "new", 6, 10);
  expect_like_new(stream);
}

TEST(outbound_stream_take_all, a_stream_that_is_stuck_already_gives_what_it_has_and_names_the_rest) {
  scratch_folder folder;
  auto stream = make_spooling(folder);
  std::filesystem::resize_file(folder.path() / "3.spool", 10);
  while (auto next = stream.next_to_send())
    if (next->ordinal <= 3)
      stream.acked(next->ordinal);
  ASSERT_TRUE(stream.stuck());
  std::vector<stream_hole> holes;
  EXPECT_EQ(take_all(stream, holes), (texts{text_of(*long_event(4, "old"))}));
  ASSERT_EQ(holes.size(), 2u);
  expect_hole(holes[0], "old", 4, 6);
  expect_hole(holes[1], "new", 6, 10);
  expect_like_new(stream);
}

TEST(outbound_stream_take_all, marks_behind_an_unreadable_record_come_all_and_at_once) {
  scratch_folder folder;
  auto stream = make_spooling(folder);
  std::filesystem::resize_file(folder.path() / "1.spool", 10);
  stream.acked(stream.next_to_send()->ordinal);
  ASSERT_TRUE(stream.stuck());
  for (auto reason : {"one", "two", "three"}) {
    stream.push(make_mark(mark_kind::flushed, reason + std::string(2'000, '.')));
    stream.push(long_event(11, "new"));
  }
  std::vector<stream_hole> holes;
  auto taken = take_all(stream, holes);
  ASSERT_EQ(taken.size(), 4u);
  EXPECT_EQ(taken[0], text_of(*long_event(2, "old")));
  EXPECT_TRUE(taken[1].starts_with(text_of(stream_item{make_mark(mark_kind::flushed, "one")})));
  EXPECT_TRUE(taken[2].starts_with(text_of(stream_item{make_mark(mark_kind::flushed, "two")})));
  EXPECT_TRUE(taken[3].starts_with(text_of(stream_item{make_mark(mark_kind::flushed, "three")})));
  ASSERT_EQ(holes.size(), 2u);
  expect_hole(holes[0], "old", 2, 6);
  expect_hole(holes[1], "new", 6, 11);
  expect_like_new(stream);
}

/// A stream that is filled, sent from, acknowledged and restarted at random, beside a list of what it holds.
void random_life(std::uint64_t seed, const std::filesystem::path& folder) {
  std::mt19937_64 random(seed);
  stream_limits limits;
  limits.memory_bytes = random() % 5'000;
  limits.credit_events = 1 + random() % 20;
  outbound_stream stream(limits, {folder, 3'000 + random() % 20'000, 2'000});
  std::deque<std::string> held; // without marks of restarts
  std::uint64_t s = 0, sent = 0, acked = 0, marks = 0;
  for (int step = 0; step < 200; ++step) {
    switch (random() % 8) {
    case 0:
    case 1:
    case 2: {
      stream_item item = make_block({{1, ++s, std::string(random() % 1'500, 'x')}});
      if (random() % 6 == 0)
        item = make_mark(mark_kind::flushed, std::to_string(random()));
      held.push_back(text_of(item));
      stream.push(std::move(item));
      break;
    }
    case 3:
    case 4:
      if (auto next = stream.next_to_send())
        sent = next->ordinal;
      break;
    case 5:
      if (sent > acked) {
        RC_ASSERT(stream.acked(++acked));
        if (marks == 0)
          held.pop_front();
        marks = 0;
      }
      break;
    case 6:
      if (random() % 4 == 0) {
        stream.restart(make_mark(mark_kind::resynced, "again"));
        marks = 1;
        sent = acked = 0;
      }
      break;
    default:
      if (random() % 8 != 0)
        break;
      std::vector<stream_hole> holes;
      auto taken = take_all(stream, holes);
      RC_ASSERT(holes.empty());
      RC_ASSERT(taken == texts(held.begin(), held.end()));
      RC_ASSERT(stream.empty() && !stream.full() && stream.problem().empty());
      RC_ASSERT(stream.bytes_held() == 0u && stream.bytes_spooled() == 0u);
      held.clear();
      sent = acked = marks = 0;
    }
  }
}

TEST(outbound_stream_take_all, at_any_moment_it_gives_exactly_what_is_not_acknowledged) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    scratch_folder folder;
    random_life(seed, folder.path());
  }));
}

} // namespace
} // namespace shardyard
