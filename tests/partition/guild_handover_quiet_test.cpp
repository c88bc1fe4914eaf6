// The lead of a guild goes over in a silence: what is one, and what only looks like it.
#include "tests/partition/guild_scene.hpp"

namespace shardyard {
namespace {

TEST_F(guild, what_the_lead_shows_right_after_the_snapshot_does_not_delay_a_quiet_cut) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  pass(500ms);
  plain(old_session, 1); // in the new session's snapshot, so it never comes there
  pass(2 * tuning.quiet);
  EXPECT_EQ(told, "p1 |quiet> ");
  EXPECT_EQ(why, quiet_reason::silent) << "the snapshot has it, so nothing happened since";
}

TEST_F(guild, what_the_follower_shows_right_after_its_snapshot_does_not_delay_a_quiet_cut) {
  plain(old_session, 1);
  new_session_shows_the_guild(); // the slower one: the same event is on its way behind the snapshot
  handover.allow_cut(true);
  pass(100ms);
  plain(new_session, 1);
  pass(2 * tuning.quiet);
  EXPECT_EQ(told, "p1 |quiet> ");
}

TEST_F(guild, a_message_too_new_for_the_lead_to_have_shown_before_does_delay_a_quiet_cut) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  message(new_session, 10); // the old session owes it
  pass(2 * tuning.quiet);
  EXPECT_EQ(handover.lead(), old_session);
}

TEST_F(guild, what_only_the_follower_shows_later_does_delay_a_quiet_cut) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  pass(3s);
  plain(new_session, 1);
  pass(2 * tuning.quiet);
  EXPECT_EQ(handover.lead(), old_session);
  pass(tuning.unclear_quiet * tuning.quiet);
  EXPECT_EQ(handover.lead(), new_session);
  EXPECT_EQ(why, quiet_reason::unclear);
  EXPECT_EQ(counters.unverifiable, 1u);
}

TEST_F(guild, a_silence_from_before_the_scope_was_known_is_a_quiet_cut) {
  pass(1s);
  new_session_shows_the_guild();
  handover.silent_since(now - 1min, views(), tuning, now, *this, counters);
  EXPECT_EQ(handover.lead(), old_session) << "the plan has not allowed it";
  handover.allow_cut(true);
  handover.silent_since(now - 4s, views(), tuning, now, *this, counters);
  EXPECT_EQ(handover.lead(), old_session) << "too short";
  handover.silent_since(now - 6s, views(), tuning, now, *this, counters);
  EXPECT_EQ(told, "|quiet> ");
}

TEST_F(guild, what_only_the_lead_shows_later_does_delay_a_quiet_cut) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  pass(3s);
  plain(old_session, 1); // the new session owes it
  pass(2 * tuning.quiet);
  EXPECT_EQ(told, "p1 ");
}

// Rows 22 and 23.
TEST_F(guild, a_quiet_guild_is_cut_after_silence_and_its_first_event_is_delivered_once) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  pass(4s);
  plain(old_session, 1);
  EXPECT_EQ(told, "p1 ") << "four seconds late on the old session, yet in order";
  plain(new_session, 2);
  plain(old_session, 2);
  pass(4s);
  EXPECT_EQ(handover.lead(), old_session);
  pass(2s);
  plain(old_session, 3);
  plain(new_session, 3);
  EXPECT_EQ(told, "p1 p2 |quiet> p3 ");
  EXPECT_EQ(why, quiet_reason::alike);
}

TEST_F(guild, an_event_that_the_old_session_shows_after_a_quiet_cut_is_late) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  pass(6s);
  plain(old_session, 1);
  pass(6s);
  EXPECT_EQ(told, "|quiet> p1~ ");
  EXPECT_EQ(why, quiet_reason::silent);
}

TEST_F(guild, a_stalled_session_is_not_silence) {
  for (auto x : {old_session, new_session}) {
    new_session_shows_the_guild();
    handover.allow_cut(true);
    stalled[static_cast<int>(x)] = true;
    plain(other(x), 1);
    pass(2min);
    EXPECT_EQ(handover.lead(), old_session);
    stalled[static_cast<int>(x)] = false;
    plain(x, 1);
    lost(new_session);
  }
  EXPECT_EQ(told, "p1 p1 ");
}

TEST_F(guild, silence_does_not_count_while_a_socket_is_down) {
  new_session_shows_the_guild();
  handover.allow_cut(true);
  old_view.connected = false;
  pass(1min);
  old_view.connected = true;
  pass(4s);
  EXPECT_EQ(handover.lead(), old_session);
  pass(2s);
  EXPECT_EQ(handover.lead(), new_session);
}

} // namespace
} // namespace shardyard
