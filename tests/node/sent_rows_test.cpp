// Reports that tell only rows that changed: whoever follows them knows what whole ones would have told.
#include "actors/node/sent_rows.hpp"

#include "actors/coordinator/handover_rows.hpp"

#include <gtest/gtest.h>

#include <random>

namespace shardyard {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t shards = 1500;

shard_key key(std::uint32_t id) {
  return {1, id, shards};
}

handover_report row(std::uint32_t id, std::uint64_t led) {
  handover_report x;
  x.group = 1;
  x.shard = key(id);
  x.led = led;
  x.difference_age_ms = ~std::uint64_t{0};
  return x;
}

void follow(handover_rows& rows, const node_report& x) {
  if (x.rows_after == 0)
    rows.forget("a");
  for (auto& y : x.handovers)
    rows.keep("a", {1, 1}, y);
  for (auto& y : x.rows_gone)
    rows.drop({1, 1}, y.shard);
}

TEST(sent_rows, a_small_picture_is_always_whole) {
  sent_rows sent;
  for (std::uint64_t i = 1; i < 4; ++i) {
    node_report x;
    x.handovers = {row(0, 1)};
    sent.reduce(x, {});
    EXPECT_EQ(x.number, i);
    EXPECT_EQ(x.rows_after, 0u);
    EXPECT_EQ(x.handovers.size(), 1u);
  }
}

TEST(sent_rows, a_large_picture_is_told_by_what_changed_and_means_the_same) {
  auto seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random{seed};
  sent_rows sent;
  handover_rows followed;
  followed.count({{{1, 1}, "a"}});
  std::vector<std::uint64_t> led(shards, 5);
  std::vector<bool> there(shards, true);
  sent_rows::time now{};
  std::size_t told = 0;
  for (int round = 0; round < 200; ++round, now += 500ms) {
    for (int i = 0; i < 20; ++i) {
      auto id = random() % shards;
      led[id] = random() % 9;
      there[id] = random() % 8 != 0;
    }
    node_report x;
    x.groups = {{1, 1, false, 1}};
    for (std::uint32_t id = 0; id < shards; ++id)
      if (there[id])
        x.handovers.push_back(row(id, led[id]));
    sent.reduce(x, now);
    told += x.handovers.size();
    follow(followed, x);
    for (std::uint32_t id = 0; id < shards; ++id) {
      ASSERT_EQ(followed.of(key(id)).groups, there[id] ? 1u : 0u) << id;
      ASSERT_EQ(followed.of(key(id)).led, there[id] ? led[id] : 0u) << id;
    }
  }
  EXPECT_LT(told, 20u * shards);
}

TEST(sent_rows, whoever_is_new_gets_everything_and_a_group_under_another_epoch_is_another_one) {
  sent_rows sent;
  auto picture = [&](std::uint64_t epoch) {
    node_report x;
    x.groups = {{1, epoch, false, 1}};
    for (std::uint32_t id = 0; id < shards; ++id)
      x.handovers.push_back(row(id, 1));
    sent.reduce(x, {});
    return x.handovers.size();
  };
  EXPECT_EQ(picture(1), shards);
  EXPECT_EQ(picture(1), 0u);
  EXPECT_EQ(picture(2), shards);
  sent.begin_anew();
  EXPECT_EQ(picture(2), shards);
}

} // namespace
} // namespace shardyard
