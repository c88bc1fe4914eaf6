#include "actors/coordinator/cut_units.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using namespace shardyard;

TEST(cut_units, doubling_gives_one_unit_per_old_shard) {
  cut_units units{4, 8};
  EXPECT_EQ(units.count(), 4u);
  EXPECT_EQ(units.old_shards(1), (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(units.new_shards(1), (std::vector<std::uint32_t>{1, 5}));
}

TEST(cut_units, coprime_counts_are_one_unit) {
  cut_units units{7, 10};
  EXPECT_EQ(units.count(), 1u);
  EXPECT_EQ(units.old_shards(0).size(), 7u);
  EXPECT_EQ(units.new_shards(0).size(), 10u);
}

RC_GTEST_PROP(cut_units, a_guild_stays_in_its_unit, (std::uint64_t guild)) {
  auto n = *rc::gen::inRange<std::uint32_t>(1, 3000);
  auto m = *rc::gen::inRange<std::uint32_t>(1, 3000);
  cut_units units{n, m};
  auto unit = units.of_guild(guild);
  RC_ASSERT(units.of_shard(shard_of(guild, n)) == unit);
  RC_ASSERT(units.of_shard(shard_of(guild, m)) == unit);
}

RC_GTEST_PROP(cut_units, units_partition_the_shards_of_both_topologies, ()) {
  auto n = *rc::gen::inRange<std::uint32_t>(1, 400);
  auto m = *rc::gen::inRange<std::uint32_t>(1, 400);
  cut_units units{n, m};
  std::vector<int> seen_old(n), seen_new(m);
  for (std::uint32_t u = 0; u < units.count(); ++u) {
    for (auto i : units.old_shards(u))
      ++seen_old.at(i);
    for (auto j : units.new_shards(u))
      ++seen_new.at(j);
  }
  RC_ASSERT(seen_old == std::vector<int>(n, 1));
  RC_ASSERT(seen_new == std::vector<int>(m, 1));
}
