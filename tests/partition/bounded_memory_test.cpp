// The bounded memories of a partition: keyed ids, repeats of rare events, presences in overlap, delays, and
// the ledger of streams.
#include "actors/partition/delay_histogram.hpp"
#include "actors/partition/presence_level.hpp"
#include "actors/partition/repeat_window.hpp"
#include "actors/partition/stream_ledger.hpp"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardyard {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(keyed_windows, an_id_is_known_for_at_least_the_window) {
  for (auto offset = 0min; offset < 30min; offset += 1min) {
    keyed_window w{15min, 1000};
    w.insert({1, 1}, 100min);
    EXPECT_TRUE(w.insert({1, 2}, 100min + offset));
    EXPECT_FALSE(w.insert({1, 2}, 100min + offset + 15min - 1ns)) << offset.count();
  }
}

TEST(keyed_windows, ids_of_different_types_differ) {
  keyed_window w{15min, 1000};
  EXPECT_TRUE(w.insert({1, 5}, 0min));
  EXPECT_TRUE(w.insert({2, 5}, 0min));
}

TEST(keyed_windows, memory_is_bounded_and_what_is_forgotten_early_is_counted) {
  keyed_window w{15min, 100};
  for (std::uint64_t i = 0; i < 1000; ++i)
    w.insert({1, i}, 1min);
  EXPECT_LE(w.keys().size(), 200u);
  EXPECT_GE(w.forgotten_early(), 800u);
}

TEST(keyed_windows, an_old_id_is_forgotten) {
  keyed_window w{15min, 100};
  w.insert({1, 1}, 1min);
  w.insert({1, 2}, 40min);
  EXPECT_THAT(w.keys(), ElementsAre(event_key{1, 2}));
}

TEST(repeat_windows, a_session_is_not_expected_to_show_what_happened_before_it_began) {
  repeat_window w{15min};
  EXPECT_TRUE(w.insert({1, 7}, 1, 0s, 10s));
  // Session 2 began later: its first copy is a repeat of its own.
  EXPECT_TRUE(w.insert({1, 7}, 2, 20s, 30s));
  EXPECT_FALSE(w.insert({1, 7}, 1, 0s, 31s));
}

TEST(repeat_windows, what_an_earlier_run_delivered_is_not_delivered_again) {
  repeat_window w{15min};
  w.restore({1, 7}, 5s);
  EXPECT_FALSE(w.insert({1, 7}, 1, 0s, 10s));
  EXPECT_THAT(w.keys(), ElementsAre(event_key{1, 7}));
}

presence_level::shown_event presence(std::string d) {
  auto block = std::make_shared<event_block>();
  event_entry e;
  e.d_size = static_cast<std::uint32_t>(d.size());
  block->bytes = std::make_shared<const std::string>(std::move(d) + std::string(10'000, ' '));
  block->entries.push_back(e);
  return {block, 0};
}

TEST(presence_levels, only_users_that_differ_are_levelled) {
  presence_level level;
  level.seen(side::first, 1, presence("a"));
  level.seen(side::second, 1, presence("a"));
  level.seen(side::first, 2, presence("a"));
  level.seen(side::second, 2, presence("b"));
  level.seen(side::first, 3, presence("c"));
  auto events = level.take_differences(side::second);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].data(), "b");
}

TEST(presence_levels, a_difference_counts_until_the_other_side_shows_the_same_content) {
  presence_level level;
  level.seen(side::first, 1, presence(R"({"status":"idle","user":1})"));
  level.seen(side::second, 1, presence(R"({"user":1,"status":"idle"})"));
  level.seen(side::first, 1, presence(R"({"status":"dnd","user":1})"));
  level.seen(side::first, 1, presence(R"({"status":"online","user":1})"));
  level.seen(side::second, 1, presence(R"({"user":1,"status":"dnd"})"));
  level.seen(side::second, 1, presence(R"({"user":1,"status":"online"})"));
  level.seen(side::first, 3, presence(R"({"status":"idle","user":3})"));
  level.seen(side::second, 3, presence(R"({"user":3,"status":"dnd"})"));
  level.seen(side::second, 2, presence("a"));
  level.seen(side::second, 2, presence("b"));
  level.seen(side::first, 2, presence("b"));
  level.seen(side::second, 2, presence("a"));
  auto events = level.take_differences(side::second);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].data(), "a");
  EXPECT_EQ(events[1].data(), R"({"user":3,"status":"dnd"})");
  EXPECT_TRUE(level.take_differences(side::second).empty());
}

TEST(presence_levels, copies_in_another_form_are_forgotten_when_their_blocks_are) {
  presence_level level;
  level.seen(side::first, 1, presence(R"({"status":"idle","user":1})"));
  level.seen(side::second, 1, presence(R"({"user":1,"status":"idle"})"));
  level.seen(side::first, 2, presence(R"({"status":"idle","user":2})"));
  level.seen(side::second, 2, presence(R"({"user":2,"status":"dnd"})"));
  level.let_blocks_go();
  level.let_blocks_go();
  auto events = level.take_differences(side::first);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].data(), R"({"status":"idle","user":2})");
  EXPECT_TRUE(level.empty());
}

// Row 25 of the test matrix: a storm costs neither memory without bound nor the block that brought it.
TEST(presence_levels, memory_is_bounded) {
  presence_level level{100};
  std::vector<std::weak_ptr<const event_block>> blocks;
  for (snowflake user = 0; user < 10'000; ++user) {
    auto event = presence("x");
    blocks.push_back(event.block);
    level.seen(side::first, user, event);
  }
  EXPECT_EQ(level.dropped(), 9'900u);
  EXPECT_LT(level.bytes(), 100u * 600u);
  level.let_blocks_go();
  level.let_blocks_go();
  EXPECT_TRUE(std::ranges::all_of(blocks, [](auto& x) { return x.expired(); }));
  EXPECT_EQ(level.take_differences(side::first).size(), 100u);
}

TEST(presence_levels, a_storm_does_not_wait_for_the_next_look_to_let_its_blocks_go) {
  presence_level level{1000};
  std::vector<std::weak_ptr<const event_block>> blocks;
  for (snowflake user = 0; user < 1000; ++user) {
    auto event = presence(std::to_string(user));
    blocks.push_back(event.block);
    level.seen(side::first, user, event);
  }
  EXPECT_LE(std::ranges::count_if(blocks, [](auto& x) { return !x.expired(); }), 256);
  auto events = level.take_differences(side::first);
  ASSERT_EQ(events.size(), 1000u);
  std::set<std::string_view> shown;
  for (auto& event : events)
    shown.insert(event.data());
  EXPECT_EQ(shown.size(), 1000u);
}

TEST(delay_histograms, quantiles_are_at_most_an_eighth_too_high_and_never_too_low) {
  delay_histogram h;
  for (int i = 1; i <= 1000; ++i)
    h.add(i * 1ms);
  EXPECT_EQ(h.count(), 1000u);
  EXPECT_EQ(h.max(), 1000ms);
  for (auto [q, exact] : {std::pair{.5, 501ms}, {.99, 991ms}, {.01, 11ms}, {1., 1000ms}}) {
    EXPECT_GE(h.quantile(q), exact);
    EXPECT_LE(h.quantile(q), exact * 9 / 8 + 1ms);
  }
  h.add(0ms, 100'000);
  EXPECT_EQ(h.quantile(.5), 0ms);
  EXPECT_EQ(delay_histogram{}.quantile(.99), 0ms);
}

const shard_key a{1, 0, 1};

TEST(stream_ledgers, acknowledgements_are_cumulative_and_wait_for_the_slowest_item) {
  stream_ledger l;
  for (std::uint64_t gate : {1, 0, 3, 2}) {
    l.begin(a);
    l.finish(gate);
  }
  EXPECT_THAT(l.take_acks(0), IsEmpty());
  EXPECT_THAT(l.take_acks(1), ElementsAre(stream_ack{a, 2}));
  EXPECT_THAT(l.take_acks(2), IsEmpty());
  EXPECT_THAT(l.take_acks(3), ElementsAre(stream_ack{a, 4}));
  EXPECT_THAT(l.take_acks(3), IsEmpty());
  EXPECT_EQ(l.outstanding(), 0u);
}

TEST(stream_ledgers, a_hold_keeps_its_item_and_all_later_ones) {
  stream_ledger l;
  l.begin(a);
  l.finish(0);
  l.begin(a);
  auto hold = l.hold();
  l.finish(0);
  l.begin(a);
  l.finish(0);
  EXPECT_THAT(l.take_acks(9), ElementsAre(stream_ack{a, 1}));
  l.release(hold, 10);
  EXPECT_THAT(l.take_acks(9), IsEmpty());
  EXPECT_THAT(l.take_acks(10), ElementsAre(stream_ack{a, 3}));
}

TEST(stream_ledgers, a_hold_survives_a_restart_of_its_stream) {
  stream_ledger l;
  l.begin(a);
  auto hold = l.hold();
  l.finish(0);
  l.restart(a, 0);
  l.finish(0);
  EXPECT_THAT(l.take_acks(9), IsEmpty());
  l.release(hold, 4);
  EXPECT_THAT(l.take_acks(4), ElementsAre(stream_ack{a, 1}));
}

TEST(stream_ledgers, a_repeated_item_is_acknowledged_again_and_a_withheld_one_never) {
  stream_ledger l;
  l.begin(a);
  l.finish(0);
  EXPECT_THAT(l.take_acks(0), ElementsAre(stream_ack{a, 1}));
  EXPECT_EQ(l.judge(a, 1), stream_ledger::verdict::repeated);
  EXPECT_THAT(l.take_acks(0), ElementsAre(stream_ack{a, 1}));
  EXPECT_EQ(l.judge(a, 3), stream_ledger::verdict::jump);
  EXPECT_EQ(l.judge(a, 2), stream_ledger::verdict::next);
  l.begin(a);
  l.withhold();
  l.finish(0);
  EXPECT_THAT(l.take_acks(1'000'000), IsEmpty());
}

} // namespace
} // namespace shardyard
