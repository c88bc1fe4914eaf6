// Sessions of a guild that are lost, come back, are retired or cut back, at every stage of a hand-over.
#include "tests/partition/guild_scene.hpp"

namespace shardyard {
namespace {

// Row 8.
TEST_F(guild, a_follower_lost_before_the_cut_leaves_the_lead_alone) {
  new_session_shows_the_guild();
  plain(new_session, 1);
  EXPECT_TRUE(lost(new_session));
  message(old_session, 10);
  EXPECT_EQ(told, "m10 ");
  EXPECT_EQ(handover.bytes(), 0u);
}

TEST_F(guild, a_follower_lost_during_a_hold_releases_it) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 10);
  plain(old_session, 1);
  lost(new_session);
  EXPECT_EQ(told, "m10 p1 ");
}

TEST_F(guild, a_new_session_lost_after_the_cut_gives_the_lead_back_without_loss_or_double) {
  new_session_shows_the_guild();
  cut_at(10);
  plain(new_session, 1);
  plain(new_session, 2);
  plain(old_session, 1);
  lost(new_session);
  plain(old_session, 2);
  plain(old_session, 3);
  EXPECT_EQ(told, "p1 p2 |swap_back> p3 ");
  EXPECT_EQ(counters.skipped, 1u);
  EXPECT_FALSE(weak);
}

TEST_F(guild, what_the_shadow_alone_had_shown_is_delivered_at_the_swap_back) {
  new_session_shows_the_guild();
  cut_at(10);
  plain(old_session, 1);
  message(old_session, 11);
  lost(new_session);
  EXPECT_EQ(told, "|swap_back> p1 m11 ");
}

TEST_F(guild, a_swap_back_with_unmatched_plain_events_on_both_sides_is_weak) {
  new_session_shows_the_guild();
  cut_at(10);
  plain(new_session, 1);
  plain(old_session, 2);
  lost(new_session);
  EXPECT_TRUE(weak);
}

TEST_F(guild, after_a_swap_back_the_plan_cuts_again) {
  new_session_shows_the_guild();
  cut_at(10);
  lost(new_session);
  new_session_shows_the_guild();
  message(old_session, 20);
  message(new_session, 20);
  EXPECT_EQ(told, "|swap_back> m20 |anchor> ");
}

// Row 10.
TEST_F(guild, a_lead_lost_during_a_hold_is_followed_without_loss_or_double) {
  new_session_shows_the_guild();
  for (auto from : {old_session, new_session})
    message(from, 10);
  handover.allow_cut(true);
  message(old_session, 11);
  plain(old_session, 1);
  EXPECT_TRUE(handover.holding());
  EXPECT_TRUE(lost(old_session));
  EXPECT_EQ(handover.lead(), new_session);
  message(new_session, 11);
  plain(new_session, 1);
  plain(new_session, 2);
  EXPECT_EQ(told, "m10 m11 p1 |swap_back> p2 ");
  EXPECT_FALSE(weak);
}

TEST_F(guild, a_lead_lost_before_any_proof_is_followed_and_said_to_be_weak) {
  new_session_shows_the_guild();
  plain(old_session, 1);
  plain(new_session, 1);
  plain(new_session, 2);
  lost(old_session);
  EXPECT_EQ(told, "p1 |swap_back> p2 ");
  EXPECT_TRUE(weak);
}

// Row 11.
TEST_F(guild, when_both_are_lost_the_first_session_to_return_leads) {
  EXPECT_FALSE(lost(old_session)) << "a gap, for the caller to tell";
  new_session_shows_the_guild();
  plain(new_session, 1);
  EXPECT_EQ(told, "|swap_back> p1 ");
}

// Row 19.
TEST_F(guild, a_lost_lead_that_shows_events_again_while_nobody_follows_leads_on) {
  lost(old_session);
  message(old_session, 5);
  new_session_shows_the_guild();
  message(old_session, 6);
  EXPECT_EQ(handover.lead(), old_session);
  EXPECT_EQ(told, "m5 m6 ");
}

TEST_F(guild, what_the_lead_delivered_before_anybody_followed_is_known_when_it_is_lost) {
  message(old_session, 10);
  new_session_shows_the_guild();
  message(new_session, 10);
  message(new_session, 11);
  lost(old_session);
  EXPECT_EQ(told, "m10 |swap_back> m11 ");
}

TEST_F(guild, an_outage_at_the_follower_starts_its_buffer_anew) {
  new_session_shows_the_guild();
  plain(new_session, 1);
  lost(new_session);
  pass(1s);
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 20);
  message(new_session, 20);
  EXPECT_EQ(told, "m20 |anchor> ");
}

// Row 30.
TEST_F(guild, an_abort_cuts_back_at_an_anchor_and_the_other_session_becomes_the_shadow) {
  new_session_shows_the_guild();
  cut_at(10);
  plain(new_session, 1);
  handover.allow_cut(true);
  EXPECT_FALSE(handover.shadowed());
  plain(old_session, 1);
  message(new_session, 20);
  EXPECT_TRUE(handover.holding());
  plain(new_session, 2);
  message(old_session, 20);
  plain(old_session, 2);
  EXPECT_EQ(told, "p1 m20 |anchor> p2 ");
  EXPECT_EQ(handover.lead(), old_session);
  EXPECT_TRUE(handover.shadowed() || handover.covered(new_session));
  EXPECT_EQ(counters.late + counters.lead_only + counters.unverifiable, 0u);
}

// Row 31.
TEST_F(guild, ten_plans_there_and_back_leave_nothing_behind) {
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    auto lead = handover.lead();
    handover.opened(other(lead), views(), tuning, now, *this, counters);
    handover.allow_cut(true);
    auto second = 100 * (i + 1);
    message(lead, second);
    message(other(lead), second);
    expected += "m" + std::to_string(second) + " |anchor> ";
    ASSERT_EQ(handover.lead(), other(lead));
    handover.retire(lead, counters);
    EXPECT_EQ(handover.bytes(), 0u);
    EXPECT_FALSE(handover.shadowed());
  }
  EXPECT_EQ(told, expected);
}

TEST_F(guild, retiring_the_follower_during_a_hold_loses_nothing) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(old_session, 10);
  plain(old_session, 1);
  handover.retire(new_session, counters);
  plain(old_session, 2);
  EXPECT_EQ(told, "m10 p1 p2 ");
  EXPECT_EQ(handover.bytes(), 0u);
}

TEST_F(guild, an_accepted_cut_delivers_what_the_follower_alone_has_and_skips_what_was_delivered) {
  EXPECT_FALSE(handover.accept(tuning, now, *this, counters));
  new_session_shows_the_guild();
  for (auto from : {old_session, new_session})
    message(from, 10);
  plain(old_session, 1);
  plain(old_session, 2);
  plain(new_session, 1);
  EXPECT_TRUE(handover.accept(tuning, now, *this, counters));
  plain(new_session, 2);
  plain(new_session, 3);
  plain(old_session, 3);
  EXPECT_EQ(told, "m10 p1 p2 |accepted> p3 ");
  EXPECT_TRUE(handover.shadowed());
  EXPECT_EQ(counters.late + counters.lead_only, 0u);
}

TEST_F(guild, a_session_that_opens_again_without_being_lost_starts_anew) {
  new_session_shows_the_guild();
  cut_at(10);
  plain(new_session, 1);
  handover.opened(old_session, views(), tuning, now, *this, counters);
  plain(old_session, 9);
  message(new_session, 20);
  message(old_session, 20);
  EXPECT_EQ(told, "p1 m20 ") << "before the first common anchor nobody can judge the shadow";
  plain(old_session, 2);
  for (int i = 21; i <= 23; ++i) {
    message(new_session, i);
    message(old_session, i);
  }
  EXPECT_EQ(told, "p1 m20 m21 m22 p2~ m23 ");
}

} // namespace
} // namespace shardyard
