// What the hand-over of a guild keeps: bounds, and what is given back.
#include "tests/partition/guild_scene.hpp"

namespace shardyard {
namespace {

TEST_F(guild, one_session_alone_costs_no_memory_and_no_hash) {
  for (int i = 0; i < 1000; ++i)
    plain(old_session, 1);
  message(old_session, 10);
  EXPECT_EQ(handover.bytes(), 0u);
  EXPECT_EQ(hashes, 0);
  EXPECT_FALSE(handover.shadowed());
}

// Row 25.
TEST_F(guild, every_list_is_bounded_and_the_lead_does_not_notice) {
  tuning.max_buffer_bytes = 64 << 10;
  new_session_shows_the_guild();
  for (std::uint32_t i = 0; i < 100'000; ++i)
    plain(new_session, i);
  EXPECT_LT(handover.bytes(), 4 * tuning.max_buffer_bytes);
  EXPECT_GT(counters.unverifiable, 90'000u);
  message(old_session, 10);
  EXPECT_EQ(told, "m10 ");
  pass(1s);
  cut_at(20);
  for (std::uint32_t i = 0; i < 100'000; ++i)
    plain(new_session, i);
  EXPECT_LT(handover.bytes(), 4 * tuning.max_buffer_bytes);
  EXPECT_EQ(std::ranges::count(told, 'p'), 100'000);
  told.clear();
  for (std::uint32_t i = 0; i < 100'000; ++i)
    plain(old_session, i);
  message(old_session, 30);
  message(new_session, 30);
  EXPECT_EQ(told, "m30 ") << "after a dropped comparison the backlog of the shadow must not come late";
}

TEST_F(guild, an_agreeing_shadow_keeps_no_more_than_the_sessions_are_apart) {
  new_session_shows_the_guild();
  cut_at(10);
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    plain(new_session, i % 3);
    plain(old_session, i % 3);
  }
  EXPECT_LT(handover.bytes(), 4096u);
  EXPECT_EQ(counters.compared, 10'001u);
}

// What every guild costs during a plan, whether anything happens in it or not.
TEST_F(guild, a_guild_with_nothing_waiting_takes_a_hundred_bytes) {
  new_session_shows_the_guild();
  EXPECT_LE(handover.bytes(), 104u);
  handover.allow_cut(true);
  cut_at(10);
  for (auto from : {new_session, old_session}) {
    plain(from, 1);
    message(from, 20);
  }
  EXPECT_GT(handover.bytes(), 104u) << "queues keep their room for the next event";
  pass(100ms);
  EXPECT_LE(handover.bytes(), 104u) << "until they are looked at";
}

TEST_F(guild, what_waits_alone_lets_go_of_the_block_that_brought_it) {
  new_session_shows_the_guild();
  std::weak_ptr<const event_block> block = plain_in_great_block(new_session);
  EXPECT_FALSE(block.expired());
  pass(100ms);
  EXPECT_TRUE(block.expired());
  EXPECT_GT(handover.bytes(), 200u) << "a change of lead must still deliver it";
  EXPECT_TRUE(lost(old_session));
  EXPECT_EQ(told, "|swap_back> p0 ");
  EXPECT_EQ(delivered_d, "waits");
}

TEST_F(guild, what_both_have_shown_before_they_are_lined_up_keeps_only_its_mark) {
  new_session_shows_the_guild();
  std::weak_ptr<const event_block> block = plain_in_great_block(new_session);
  plain(old_session, 0); // its copy: the same content
  plain(new_session, 7);
  pass(50ms);
  EXPECT_TRUE(block.expired());
  EXPECT_TRUE(lost(old_session));
  EXPECT_EQ(told, "p0 |swap_back> p7 ");
}

} // namespace
} // namespace shardyard
