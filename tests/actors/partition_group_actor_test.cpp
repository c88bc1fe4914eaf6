#include "tests/actors/partition_scene.hpp"

#include <numeric>

namespace shardyard::testing {
namespace {

using partition_group = partition_scene;

TEST_F(partition_group, acknowledges_only_what_the_sink_has_accepted) {
  mark(mark_kind::started);
  events();
  events();
  w.pass(10s);
  ASSERT_EQ(sink->waiting.size(), 2u);
  EXPECT_EQ(heard->acknowledged(), 1u); // the mark delivers nothing
  accept_one();
  w.pass(1s);
  EXPECT_EQ(heard->acknowledged(), 2u);
  w.pass(60s);
  EXPECT_EQ(heard->acknowledged(), 2u);
  accept_one();
  w.pass(1s);
  EXPECT_EQ(heard->acknowledged(), 3u);
  EXPECT_EQ(heard->restarts(), 0u);
}

TEST_F(partition_group, acknowledges_soon_after_the_sink_accepted) {
  sink->at_once = true;
  mark(mark_kind::started);
  events();
  w.pass(150ms);
  EXPECT_EQ(heard->acknowledged(), 2u);
}

TEST_F(partition_group, acknowledges_what_fills_a_shards_credit_without_waiting_for_its_time) {
  sink->at_once = true;
  mark(mark_kind::started);
  ASSERT_EQ(heard->acknowledged(), 1u);
  auto large = '"' + std::string(1 << 20, 'x') + '"';
  events(1, large);
  EXPECT_EQ(heard->acknowledged(), 2u) << "few events, many bytes";
  events();
  EXPECT_EQ(heard->acknowledged(), 2u) << "its time comes";
  events(2048);
  EXPECT_EQ(heard->acknowledged(), 4u) << "many events, few bytes";
}

TEST_F(partition_group, acknowledges_what_fills_a_shards_credit_as_soon_as_a_late_sink_has_it) {
  mark(mark_kind::started);
  for (int i = 0; i < 4; ++i)
    events(2048);
  EXPECT_EQ(heard->acknowledged(), 1u);
  accept_one();
  EXPECT_EQ(heard->acknowledged(), 2u) << "though its shard can send no more before";
  accept_all();
  w.pass(200ms);
  EXPECT_EQ(heard->acknowledged(), 5u);
}

TEST_F(partition_group, a_sink_that_stops_holds_back_and_loses_nothing) {
  mark(mark_kind::started);
  for (int i = 0; i < 500; ++i)
    events();
  w.pass(60s);
  auto given = sink->waiting.size();
  EXPECT_LT(given, 500u);
  EXPECT_GT(given, 0u);
  EXPECT_EQ(heard->acknowledged(), 1u);
  ASSERT_FALSE(news->empty());
  EXPECT_EQ(news->back().figures.undelivered, 500u);
  accept_all();
  w.pass(1s);
  EXPECT_EQ(heard->acknowledged(), 501u);
  std::vector<std::uint64_t> all(500);
  std::iota(all.begin(), all.end(), 2);
  EXPECT_EQ(sink->sequences, all);
  EXPECT_EQ(news->back().figures.undelivered, 0u);
}

TEST_F(partition_group, every_sink_must_have_accepted) {
  w.end(group);
  auto quick = std::make_shared<late_sink>();
  quick->at_once = true;
  partition_group_setup setup;
  setup.node = "a";
  setup.place = {1, 1, "a", {0, 1}};
  setup.partition_count = 2;
  setup.state_dir = (folder.path() / "two").string();
  setup.receivers = {sink_handle, w.keep(spawn_late_sink(w.system, quick))};
  setup.guilds_intent = false;
  setup.log_thread = false;
  setup.listener = listener;
  group = w.keep(spawn_partition_group(w.system, std::move(setup)));
  mark(mark_kind::started);
  events();
  w.pass(1s);
  EXPECT_EQ(quick->sequences, std::vector<std::uint64_t>{2});
  EXPECT_EQ(heard->acknowledged(), 1u);
  accept_all();
  w.pass(1s);
  EXPECT_EQ(heard->acknowledged(), 2u);
}

TEST_F(partition_group, asks_once_for_the_stream_anew_after_a_hole) {
  sink->at_once = true;
  mark(mark_kind::started);
  events();
  ++ordinal; // lost on the way
  for (int i = 0; i < 5; ++i)
    events();
  w.pass(5s);
  EXPECT_EQ(heard->restarts(), 1u);
  EXPECT_EQ(heard->acknowledged(), 2u);
  EXPECT_EQ(sink->sequences, std::vector<std::uint64_t>{2});
  for (auto& x : heard->stream)
    EXPECT_EQ(x.group, 1u);
}

TEST_F(partition_group, takes_the_stream_that_begins_anew_and_repeats_nothing) {
  sink->at_once = true;
  mark(mark_kind::started);
  events();
  w.pass(1s);
  ++ordinal;
  events(); // s 3, refused
  w.pass(1s);
  ASSERT_EQ(heard->restarts(), 1u);
  stream = 2;
  ordinal = 0;
  s = 1;
  mark(mark_kind::resynced);
  for (int i = 0; i < 3; ++i)
    events(); // s 2 again, then 3 and 4
  w.pass(1s);
  EXPECT_EQ(sink->sequences, (std::vector<std::uint64_t>{2, 3, 4}));
  EXPECT_EQ(heard->stream.back().stream, 2u);
  EXPECT_EQ(heard->stream.back().through, 4u);
}

TEST_F(partition_group, ignores_what_belongs_to_an_older_stream) {
  sink->at_once = true;
  mark(mark_kind::started);
  stream = 2;
  ordinal = 0;
  mark(mark_kind::resynced);
  w.pass(1s);
  auto answered = heard->stream.size();
  w.send_as(shard, group, stream_block{2, 1, 1, make_block({{some_guild, 2}})});
  w.send_as(shard, group, stream_block{9, 1, 1, make_block({{some_guild, 3}})});
  w.pass(10s);
  EXPECT_TRUE(sink->sequences.empty());
  EXPECT_EQ(heard->stream.size(), answered);
}

// A timer that was replaced by an earlier one must not arm a further one when it comes.
TEST_F(partition_group, ten_thousand_events_leave_as_many_timers_as_one) {
  sink->at_once = true;
  mark(mark_kind::started);
  std::size_t most = 0;
  for (int i = 0; i < 10'000; ++i) {
    events();
    w.pass(3ms);
    most = std::max(most, w.pending_timers());
  }
  EXPECT_EQ(sink->sequences.size(), 10'000u);
  EXPECT_LE(most, 4u);
  w.pass(1s);
  EXPECT_LE(w.pending_timers(), 1u);
}

TEST_F(partition_group, ticks_sent_by_others_do_not_multiply_its_timers) {
  mark(mark_kind::started);
  for (int i = 0; i < 1000; ++i) {
    w.send(group, tick{});
    w.pass(1ms);
  }
  EXPECT_LE(w.pending_timers(), 2u);
}

TEST_F(partition_group, answers_a_drain_with_the_guilds_that_the_shard_still_leads) {
  sink->at_once = true;
  mark(mark_kind::started);
  events();
  mark(mark_kind::transfer);
  mark(mark_kind::drain);
  w.pass(1s);
  ASSERT_EQ(heard->drain.size(), 1u);
  EXPECT_EQ(heard->drain[0].led, 1u);
  EXPECT_EQ(heard->drain[0].plan, 1u);
  EXPECT_EQ(heard->drain[0].shard, (shard_key{1, 0, 4}));
  EXPECT_EQ(heard->drain[0].group, 1u);
}

TEST_F(partition_group, answers_a_drain_even_while_the_sink_stands_still) {
  mark(mark_kind::started);
  events();
  mark(mark_kind::drain);
  w.pass(1s);
  EXPECT_EQ(heard->drain.size(), 1u);
}

TEST_F(partition_group, counts_deliveries_on_after_a_restart_from_its_log) {
  sink->at_once = true;
  mark(mark_kind::started);
  for (int i = 0; i < 5; ++i)
    events();
  w.pass(1s);
  w.end(group);
  group = spawn();
  stream = 2;
  ordinal = 0;
  s = 4; // one less than acknowledged: the group must know
  mark(mark_kind::resynced);
  for (int i = 0; i < 5; ++i)
    events();
  w.pass(1s);
  EXPECT_EQ(sink->sequences, (std::vector<std::uint64_t>{2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(sink->delivery_numbers, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_F(partition_group, tells_its_node_twice_a_second_even_when_nothing_happens) {
  w.pass(10s);
  EXPECT_GE(news->size(), 18u);
  EXPECT_LE(news->size(), 22u);
}

TEST_F(partition_group, tells_its_node_at_once_that_a_plan_has_come_and_five_times_a_second_while_it_runs) {
  w.pass(1s);
  news->clear();
  assignment planned;
  planned.plan = 7;
  w.send(group, planned);
  w.pass(1ms);
  ASSERT_EQ(news->size(), 1u);
  EXPECT_EQ(news->front().plan, 7u);
  w.pass(10s);
  EXPECT_GE(news->size(), 45u);
  EXPECT_LE(news->size(), 55u);
}

} // namespace
} // namespace shardyard::testing
