// What an outbox logs of the positions that its batches brought.
#include "actors/partition/delivery_outbox.hpp"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace shardyard {
namespace {

using numbers = std::map<snowflake, std::uint64_t>; ///< newest delivery number per guild

/// An outbox and the guilds that deliver through it, one event at a time.
struct outbox_scene {
  delivery_outbox outbox;
  std::map<snowflake, change_slot> slots;
  numbers delivered;
  std::map<std::uint64_t, numbers> sent; ///< by batch: what is true once it is accepted
  numbers accepted;                      ///< and not logged yet

  void deliver(snowflake guild) {
    event_block block;
    block.entries.emplace_back();
    auto n = ++delivered[guild];
    outbox.event(block, 0, n, 1, 0);
    auto& x = outbox.change(slots[guild]);
    x.at.id = guild;
    x.n = n;
  }
  void send() {
    if (auto batch = outbox.take(); !batch.empty())
      sent[batch.number] = delivered;
  }
  void accept(std::uint64_t through) {
    outbox.delivered(through);
    for (; !sent.empty() && sent.begin()->first <= through; sent.erase(sent.begin()))
      for (auto [guild, n] : sent.begin()->second)
        if (logged[guild] < n)
          accepted[guild] = n;
  }
  /// Of one checkpoint; a guild has one record in it.
  numbers log() {
    outbox.checkpoint(monotonic{0}, true);
    auto bytes = outbox.take_log();
    std::size_t used = 0;
    auto state = decode_log(bytes, used);
    EXPECT_EQ(state.records, state.positions.size());
    numbers result;
    for (auto& [at, x] : state.positions)
      result[at.id] = x.n;
    for (auto [guild, n] : result)
      logged[guild] = n;
    return result;
  }
  numbers logged;
};

TEST(delivery_outbox, of_each_guilds_accepted_positions_the_newest_is_logged_once) {
  auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 dice{seed};
  outbox_scene x;
  for (int round = 0; round < 20'000; ++round) {
    for (auto events = dice() % 20; events > 0; --events)
      x.deliver(dice() % 50 + 1);
    x.send();
    if (dice() % 3 == 0 && !x.sent.empty())
      x.accept(x.sent.begin()->first + dice() % x.sent.size());
    if (dice() % 10 == 0) {
      auto expected = std::exchange(x.accepted, {});
      ASSERT_EQ(x.log(), expected) << "round " << round;
    }
  }
}

TEST(delivery_outbox, a_position_whose_batch_was_not_accepted_is_not_logged) {
  outbox_scene x;
  x.deliver(7);
  x.send();
  EXPECT_TRUE(x.log().empty());
  x.accept(x.sent.begin()->first);
  EXPECT_EQ(x.log(), (numbers{{7, 1}}));
  EXPECT_TRUE(x.log().empty());
}

TEST(delivery_outbox, positions_that_nobody_logs_take_bounded_memory) {
  outbox_scene x;
  for (snowflake i = 0; i < 100'000; ++i) {
    x.deliver(i % 10 + 1);
    x.send();
    x.outbox.delivered(x.outbox.last_put());
  }
  EXPECT_LE(x.outbox.unlogged_positions(), 5'000u);
}

} // namespace
} // namespace shardyard
