#include "actors/shard/outbound_stream.hpp"

#include "tests/shard/blocks.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <map>
#include <random>

namespace shardyard {
namespace {

std::string text_of(const stream_item& item) {
  if (auto* mark = std::get_if<source_mark>(&item))
    return "mark " + std::to_string(static_cast<int>(mark->kind)) + " " + mark->reason;
  return text_of(*std::get<0>(item));
}

source_mark make_mark(mark_kind kind, std::string reason = "") {
  source_mark mark;
  mark.from = {{1, 0, 4}, "s1"};
  mark.kind = kind;
  mark.reason = std::move(reason);
  return mark;
}

std::shared_ptr<const event_block> one_event(std::uint64_t s, std::size_t bytes = 2) {
  return make_block({{1, s, std::string(bytes, 'd')}});
}

std::vector<std::string> send_all(outbound_stream& stream) {
  std::vector<std::string> result;
  while (auto next = stream.next_to_send())
    result.push_back(std::to_string(next->ordinal) + " " + text_of(next->item));
  return result;
}

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

/// Ten events of 1 kB, two of them in memory, each spooled one in a segment of its own.
outbound_stream make_spooling(const scratch_folder& folder) {
  stream_limits limits;
  limits.memory_bytes = 2'700;
  outbound_stream stream(limits, {folder.path(), 256u << 20, 1'000});
  for (std::uint64_t s = 1; s <= 10; ++s)
    stream.push(make_block({{1, s, std::string(1000, 'd')}}, s <= 6 ? "old" : "new"));
  return stream;
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

  source_mark mark{{{2, 3, 8}, "session"}, mark_kind::transfer, 4, 5, 6, 7, 8, true, {8, 9}, "why"};
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

/// A group that may restart at any time, beside a list of what must come.
class random_group {
public:
  random_group(std::uint64_t seed, std::filesystem::path folder)
      : random_(seed), stream_(draw_limits(), {std::move(folder), 5'000 + random_() % 40'000, 4'000}) {}

  void step() {
    switch (random_() % 10) {
    case 0:
    case 1:
    case 2:
    case 3:
      push();
      break;
    case 4:
    case 5:
    case 6:
      send();
      break;
    case 7:
    case 8:
      acknowledge();
      break;
    default:
      if (random_() % 5 == 0)
        restart();
    }
    check();
  }

  /// The group takes and acknowledges everything; nothing may be missing at the end.
  void drain() {
    while (!expected_.empty() || !stream_.empty()) {
      auto before = expected_.size();
      while (send()) {
      }
      RC_ASSERT(stream_.acked(sent_through_));
      forget(sent_through_);
      check();
      RC_ASSERT(expected_.size() < before);
    }
    RC_ASSERT(!stream_.full());
    RC_ASSERT(stream_.bytes_held() == 0u);
  }

private:
  struct wanted {
    std::string text;
    std::string session; ///< empty: a mark
    std::uint64_t first_s = 0;
  };

  stream_limits draw_limits() {
    stream_limits limits;
    limits.credit_events = 1 + random_() % 20;
    limits.credit_bytes = 200 + random_() % 4000;
    limits.memory_bytes = 500 + random_() % 8000;
    return limits;
  }

  void push() {
    stream_item item;
    wanted next;
    if (random_() % 8 == 0) {
      if (random_() % 3 == 0)
        session_ = "s" + std::to_string(++sessions_), s_ = 0;
      item = make_mark(mark_kind::flushed, std::to_string(random_()));
    } else {
      std::vector<test_event> events;
      for (auto n = 1 + random_() % 4; n > 0; --n)
        events.push_back({random_() % 9, s_ += 1 + random_() % 3, std::string(random_() % 800, 'x')});
      next.session = session_;
      next.first_s = events.front().s;
      item = make_block(events, session_);
    }
    next.text = text_of(item);
    expected_.push_back(next);
    stream_.push(std::move(item));
  }

  bool send() {
    auto next = stream_.next_to_send();
    if (!next)
      return false;
    RC_ASSERT(next->ordinal == sent_through_ + 1);
    auto at = next->ordinal - acked_through_ - 1;
    RC_ASSERT(at < expected_.size());
    RC_ASSERT(text_of(next->item) == expected_[at].text);
    sent_through_ = next->ordinal;
    return true;
  }

  void acknowledge() {
    auto through = acked_through_ + random_() % (sent_through_ - acked_through_ + 2);
    RC_ASSERT(stream_.acked(through) == (through <= sent_through_));
    if (through <= sent_through_)
      forget(through);
  }

  void forget(std::uint64_t through) {
    for (; acked_through_ < through; ++acked_through_)
      expected_.pop_front();
  }

  void restart() {
    auto mark = make_mark(mark_kind::resynced, std::to_string(random_()));
    if (!expected_.empty() && expected_.front().text.starts_with("mark 1 "))
      expected_.pop_front();
    expected_.push_front({text_of(stream_item{mark}), "", 0});
    stream_.restart(mark);
    acked_through_ = sent_through_ = 0;
  }

  void check() {
    std::map<std::string, std::uint64_t> lowest;
    for (auto& x : expected_)
      if (!x.session.empty())
        lowest.try_emplace(x.session, x.first_s);
    for (int i = 0; i <= sessions_; ++i) {
      auto session = "s" + std::to_string(i);
      auto told = stream_.oldest_unacked_s(session);
      RC_ASSERT(told.has_value() == lowest.contains(session));
      if (told)
        RC_ASSERT(*told <= lowest[session]);
    }
  }

  std::mt19937_64 random_;
  outbound_stream stream_;
  std::deque<wanted> expected_;
  std::uint64_t acked_through_ = 0;
  std::uint64_t sent_through_ = 0;
  std::string session_ = "s0";
  int sessions_ = 0;
  std::uint64_t s_ = 0;
};

TEST(outbound_stream,
     under_random_restarts_bounds_and_acknowledgements_nothing_is_lost_doubled_or_reordered) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    scratch_folder folder;
    {
      random_group group(seed, folder.path());
      for (int i = 0; i < 400; ++i)
        group.step();
      group.drain();
    }
    RC_ASSERT(folder.files() == 0u);
  }));
}

} // namespace
} // namespace shardyard
