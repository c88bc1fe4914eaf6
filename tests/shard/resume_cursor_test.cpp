#include "actors/shard/block_split.hpp"
#include "actors/shard/outbound_stream.hpp"
#include "actors/shard/resume_cursor.hpp"

#include "tests/shard/blocks.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <random>
#include <set>

namespace shardyard {
namespace {

TEST(resume_cursor, stands_before_the_lowest_unacknowledged_event) {
  resume_cursor cursor;
  cursor.begin("s1", 0);
  for (std::uint64_t s = 1; s <= 9; ++s)
    EXPECT_EQ(cursor.received(s), arrival::fresh);
  EXPECT_EQ(cursor.update(4), 3u);
  EXPECT_EQ(cursor.update(std::nullopt), 9u);
}

TEST(resume_cursor, a_replayed_event_is_recognised) {
  resume_cursor cursor;
  cursor.begin("s1", 100);
  EXPECT_EQ(cursor.received(101), arrival::fresh);
  EXPECT_EQ(cursor.received(101), arrival::repeated);
  EXPECT_EQ(cursor.received(100), arrival::repeated);
}

TEST(resume_cursor, a_missing_sequence_is_noticed_but_not_at_the_start_of_a_session) {
  resume_cursor cursor;
  cursor.begin("s1", 0);
  EXPECT_EQ(cursor.received(4), arrival::fresh);
  EXPECT_EQ(cursor.received(6), arrival::after_gap);
  EXPECT_EQ(cursor.newest(), 6u);
}

TEST(resume_cursor, a_new_session_starts_anew) {
  resume_cursor cursor;
  cursor.begin("s1", 0);
  cursor.received(50);
  cursor.update(std::nullopt);
  cursor.begin("s2", 0);
  EXPECT_EQ(cursor.value(), 0u);
  EXPECT_EQ(cursor.received(1), arrival::fresh);
}

TEST(resume_cursor, never_falls_even_if_told_something_lower) {
  resume_cursor cursor;
  cursor.begin("s1", 0);
  cursor.received(10);
  cursor.update(std::nullopt);
  EXPECT_EQ(cursor.update(3), 10u);
}

/// A shard with three groups, and Discord's side of the session that replays behind whatever cursor it is
/// given.
class shard_model {
public:
  shard_model(std::uint64_t seed, const std::filesystem::path& folder)
      : random_(seed), splitter_({0, 1, 2, 0, 1, 2, 0}) {
    stream_limits limits;
    limits.credit_events = 5 + random_() % 20;
    limits.memory_bytes = 2'000 + random_() % 20'000;
    for (int i = 0; i < 3; ++i) {
      streams_.emplace_back(limits, spool_settings{folder / std::to_string(i)});
      sent_through_.push_back(0);
    }
    cursor_.begin("s1", 0);
  }

  void step() {
    auto& stream = streams_[random_() % 3];
    auto group = static_cast<std::size_t>(&stream - streams_.data());
    switch (random_() % 6) {
    case 0:
    case 1:
      receive(1 + random_() % 20);
      break;
    case 2:
      while (auto next = stream.next_to_send())
        note_sent(group, *next);
      break;
    case 3:
      acknowledge(group);
      break;
    case 4:
      if (random_() % 4 == 0)
        restart(group);
      break;
    default:
      if (random_() % 4 == 0)
        resume();
    }
    check();
  }

  void drain() {
    for (std::size_t group = 0; group < 3; ++group)
      while (!streams_[group].empty()) {
        while (auto next = streams_[group].next_to_send())
          note_sent(group, *next);
        acknowledge_through(group, sent_through_[group]);
      }
    check();
    RC_ASSERT(unacknowledged_.empty());
    RC_ASSERT(cursor_.value() == newest_at_discord_);
  }

private:
  void receive(std::uint64_t count) {
    auto first = next_from_discord_;
    next_from_discord_ += count;
    newest_at_discord_ = std::max(newest_at_discord_, next_from_discord_ - 1);
    std::vector<test_event> fresh;
    for (auto s = first; s < first + count; ++s)
      if (cursor_.received(s) != arrival::repeated)
        fresh.push_back({s * 0x9E3779B97F4A7C15ULL, s});
    if (fresh.empty())
      return;
    for (auto& part : splitter_.split(make_block(fresh))) {
      for (auto& e : part.block->entries)
        RC_ASSERT(unacknowledged_.insert(e.s).second);
      streams_[part.group].push(std::move(part.block));
    }
  }

  void note_sent(std::size_t group, const numbered_item& item) {
    sent_through_[group] = item.ordinal;
    std::set<std::uint64_t> held;
    if (auto* block = std::get_if<std::shared_ptr<const event_block>>(&item.item))
      for (auto& e : (*block)->entries)
        held.insert(e.s);
    in_flight_[group][item.ordinal] = std::move(held);
  }

  void acknowledge(std::size_t group) {
    if (sent_through_[group] > 0)
      acknowledge_through(group, 1 + random_() % sent_through_[group]);
  }

  void acknowledge_through(std::size_t group, std::uint64_t through) {
    RC_ASSERT(streams_[group].acked(through));
    auto& sent = in_flight_[group];
    while (!sent.empty() && sent.begin()->first <= through) {
      for (auto s : sent.begin()->second)
        unacknowledged_.erase(s);
      sent.erase(sent.begin());
    }
  }

  void restart(std::size_t group) {
    streams_[group].restart({{{1, 0, 4}, "s1"}, mark_kind::resynced});
    sent_through_[group] = 0;
    in_flight_[group].clear();
  }

  void resume() { next_from_discord_ = cursor_.value() + 1; }

  void check() {
    auto before = cursor_.value();
    auto now = cursor_.update_from(streams_);
    RC_ASSERT(now >= before);
    RC_ASSERT(unacknowledged_.empty() || now < *unacknowledged_.begin());
    RC_ASSERT(now <= newest_at_discord_);
  }

  std::mt19937_64 random_;
  block_splitter splitter_;
  std::vector<outbound_stream> streams_;
  std::vector<std::uint64_t> sent_through_;
  std::map<std::size_t, std::map<std::uint64_t, std::set<std::uint64_t>>> in_flight_;
  std::set<std::uint64_t> unacknowledged_;
  resume_cursor cursor_;
  std::uint64_t next_from_discord_ = 1;
  std::uint64_t newest_at_discord_ = 0;
};

TEST(resume_cursor,
     under_random_acknowledgements_restarts_and_replays_it_never_passes_an_unacknowledged_event) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    scratch_folder folder;
    shard_model model(seed, folder.path());
    for (int i = 0; i < 400; ++i)
      model.step();
    model.drain();
  }));
}

} // namespace
} // namespace shardyard
