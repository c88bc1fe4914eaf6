#include "actors/shard/block_split.hpp"

#include "tests/shard/blocks.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <random>
#include <stdexcept>

namespace shardyard {
namespace {

constexpr snowflake guild_in(std::uint64_t partition) {
  return partition << 22;
}

TEST(block_splitter, a_block_of_one_group_is_passed_on_as_it_is) {
  block_splitter splitter({0, 0, 1, 1});
  auto block = make_block({{guild_in(0), 1}, {guild_in(1), 2}});
  auto parts = splitter.split(block);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].group, 0);
  EXPECT_EQ(parts[0].block, block);
}

TEST(block_splitter, parts_share_the_bytes) {
  block_splitter splitter({0, 1});
  auto block = make_block({{guild_in(0), 1, "a"}, {guild_in(1), 2, "b"}, {guild_in(2), 3, "c"}});
  auto parts = splitter.split(block);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].block->bytes, block->bytes);
  EXPECT_EQ(parts[1].block->bytes, block->bytes);
  EXPECT_EQ(parts[0].block->entries.size(), 2u);
  EXPECT_EQ(parts[0].block->from, block->from);
  EXPECT_EQ(parts[0].block->received_ns, block->received_ns);
  EXPECT_EQ(parts[0].block->newest_ms, block->newest_ms);
}

TEST(block_splitter, events_without_guild_go_to_partition_0) {
  block_splitter splitter({3, 1});
  EXPECT_EQ(splitter.split(make_block({{0, 1}}))[0].group, 3);
}

TEST(block_splitter, an_empty_block_has_no_parts) {
  block_splitter splitter({0});
  EXPECT_TRUE(splitter.split(make_block({})).empty());
}

TEST(block_splitter, a_map_without_partitions_is_refused) {
  EXPECT_THROW(block_splitter({}), std::invalid_argument);
}

TEST(block_splitter, each_event_is_in_the_one_part_of_its_group_and_in_order) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<group_index> map(1 + random() % 64);
    for (auto& group : map)
      group = static_cast<group_index>(random() % 6);
    block_splitter splitter(map);
    for (int round = 0; round < 5; ++round) {
      std::vector<test_event> events(random() % 40);
      for (std::size_t i = 0; i < events.size(); ++i)
        events[i] = {random(), i + 1, std::to_string(random())};
      auto block = make_block(events);
      std::size_t total = 0;
      for (auto& part : splitter.split(block)) {
        std::uint64_t last = 0;
        for (auto& e : part.block->entries) {
          RC_ASSERT(map[partition_of(e.guild, static_cast<std::uint32_t>(map.size()))] == part.group);
          RC_ASSERT(e.s > last);
          RC_ASSERT(part.block->data(e) == events[e.s - 1].d);
          last = e.s;
        }
        total += part.block->entries.size();
      }
      RC_ASSERT(total == events.size());
    }
  }));
}

} // namespace
} // namespace shardyard
