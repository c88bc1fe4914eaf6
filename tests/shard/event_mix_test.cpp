// Claims about counting the kinds of events of a session for the watchdog.
#include "actors/shard/event_mix.hpp"

#include <gtest/gtest.h>

using namespace shardyard;
using namespace std::chrono_literals;

namespace {

event_block block_of(std::initializer_list<const char*> names) {
  event_block block;
  for (auto* name : names) {
    event_entry e;
    e.type = find_event_type(name);
    block.entries.push_back(e);
  }
  return block;
}

const shard_key shard{1, 0, 2};
constexpr event_mix::time start{1h};

} // namespace

TEST(event_mix, a_stretch_counts_only_if_the_session_was_live_from_end_to_end) {
  event_mix mix;
  mix.count(block_of({"MESSAGE_CREATE"}));
  auto first = mix.take(shard, 5, true, start);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->window_ms, 0u) << "it began before the session";
  mix.count(block_of({"MESSAGE_CREATE", "TYPING_START", "MESSAGE_CREATE"}));
  EXPECT_FALSE(mix.take(shard, 5, true, start + 9s));
  auto second = mix.take(shard, 5, true, start + 12s);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->window_ms, 12'000u);
  EXPECT_EQ(second->counts, (std::vector<event_count>{{find_event_type("MESSAGE_CREATE"), 2},
                                                      {find_event_type("TYPING_START"), 1}}));
  mix.interrupt();
  EXPECT_EQ(mix.take(shard, 5, true, start + 30s)->window_ms, 0u);
  EXPECT_EQ(mix.take(shard, 5, false, start + 45s)->window_ms, 0u) << "not live at its end";
  EXPECT_EQ(mix.take(shard, 5, true, start + 60s)->window_ms, 0u) << "not live at its begin";
  EXPECT_EQ(mix.take(shard, 5, true, start + 75s)->window_ms, 15'000u);
}
