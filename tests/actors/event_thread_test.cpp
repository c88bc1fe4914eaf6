// Shards and their partition group run on the io threads and at the scheduler in turn; under ThreadSanitizer
// this file shows that nothing of theirs is shared without order.
#include "tests/actors/live_scene.hpp"

namespace shardyard::testing {
namespace {

struct event_path : live_scene {};

TEST_F(event_path, two_io_threads_and_the_scheduler_keep_every_guild_in_order) {
  spawn_group(group_setup());
  shard({1, 0, 2});
  shard({1, 1, 2});
  await_ready({1, 0, 2});
  await_ready({1, 1, 2});
  discord.rate(2000);
  await_events(2000);
  discord.rate(0);
  expect_unbroken(record->now());
}

TEST_F(event_path, guilds_move_between_sessions_of_different_threads) {
  spawn_group(group_setup());
  auto old = shard({1, 0, 1});
  await_ready({1, 0, 1});
  discord.rate(500);
  await_events(200);
  shard({2, 0, 2});
  shard({2, 1, 2});
  await_ready({2, 0, 2});
  await_ready({2, 1, 2});
  assignment moving;
  moving.plan = 1;
  moving.cluster_epoch = 1;
  compat::anon_send(group, moving);
  compat::anon_send(old, transfer{1, 1, {1, 0, 1}});
  record->await("every guild cut", [](auto& story) {
    auto& rows = story.news.handovers;
    auto row = std::ranges::find(rows, shard_key{1, 0, 1}, &handover_report::shard);
    return row != rows.end() && row->transferred && row->led == 0;
  });
  compat::anon_send(old, drain{1, 1, {1, 0, 1}});
  record->await("the old shard closed", [](auto& story) {
    return story.closed.contains(shard_key{1, 0, 1});
  });
  await_events(200);
  discord.rate(0);
  expect_unbroken(record->now());
}

TEST_F(event_path, connections_that_drop_under_load_are_resumed) {
  spawn_group(group_setup());
  shard({1, 0, 2});
  shard({1, 1, 2});
  await_ready({1, 0, 2});
  await_ready({1, 1, 2});
  discord.rate(300);
  for (std::uint64_t round = 1; round <= 2; ++round) {
    await_events(100);
    discord.fault({{"kind", "reset"}});
    record->await("both shards resumed", [&](auto& story) {
      return story.shards.at({1, 0, 2}).resumes >= round && story.shards.at({1, 1, 2}).resumes >= round;
    });
  }
  await_events(100);
  discord.rate(0);
  expect_unbroken(record->now());
}

} // namespace
} // namespace shardyard::testing
