// The old session of a guild after its cut: what it shows is compared with what was delivered, and what it
// alone has is delivered late.
#include "tests/partition/guild_scene.hpp"

namespace shardyard {
namespace {

// Row 6.
TEST_F(guild, what_the_new_session_lacks_is_delivered_late_by_the_shadow) {
  new_session_shows_the_guild();
  cut_at(10);
  plain(old_session, 1);
  message(old_session, 11);
  for (int i = 12; i <= 14; ++i) {
    message(old_session, i);
    message(new_session, i);
  }
  EXPECT_EQ(told, "m12 m13 p1~ m11~ m14 ");
  EXPECT_EQ(counters.late, 2u);
  EXPECT_EQ(handover.last_difference(), now);
}

// Row 7.
TEST_F(guild, what_the_old_session_lacks_is_delivered_once_after_the_cut_and_counted_before) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  plain(new_session, 1);
  message(old_session, 10);
  message(new_session, 10);
  EXPECT_EQ(counters.unverifiable, 1u);
  plain(new_session, 2);
  for (int i = 12; i <= 14; ++i) {
    message(new_session, i);
    message(old_session, i);
  }
  EXPECT_EQ(told, "m10 |anchor> p2 m12 m13 m14 ");
  EXPECT_EQ(counters.lead_only, 1u);
  EXPECT_EQ(handover.last_difference(), now);
}

TEST_F(guild, an_inversion_across_an_anchor_is_counted_and_nothing_is_late) {
  new_session_shows_the_guild();
  cut_at(10);
  plain(new_session, 1);
  for (int i = 12; i <= 14; ++i) {
    message(new_session, i);
    message(old_session, i);
    if (i == 12)
      plain(old_session, 1);
  }
  EXPECT_EQ(counters.inversions, 1u);
  EXPECT_EQ(counters.late + counters.lead_only, 0u);
}

TEST_F(guild, an_inversion_across_the_first_common_anchor_is_counted_when_the_lead_is_lost_there) {
  new_session_shows_the_guild();
  plain(old_session, 1);
  message(old_session, 10);
  message(new_session, 10);
  plain(new_session, 1);
  EXPECT_EQ(counters.unverifiable, 0u);
  lost(old_session);
  EXPECT_EQ(told, "p1 m10 |swap_back> p1 ") << "a twin looks the same";
  EXPECT_EQ(counters.unverifiable, 1u);
}

} // namespace
} // namespace shardyard
