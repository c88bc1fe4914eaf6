// Claims about reported gaps: the truth must give a reason, and only what lies between the borders may be
// missing.
#include "tests/apps/audit_world.hpp"

using namespace shardyard;
using namespace shardyard::audit_test;

TEST(audit_gaps, a_gap_is_explained_when_no_session_covered_the_guild) {
  world w;
  w.ready("a", {g1});
  auto first = w.happens("MESSAGE_CREATE", g1);
  w.end("a");
  w.happens("MESSAGE_CREATE", g1);
  w.ready("b", {g1});
  auto last = w.happens("MESSAGE_CREATE", g1);
  auto before = w.from("a", first);
  auto after = w.from("b", last);
  auto result = judge(w, {before, gap(g1, "a", before.s, "b", 2), after});
  EXPECT_EQ(reasons(result), "");
  EXPECT_EQ(result.gaps_explained, 1u);
  EXPECT_EQ(result.of(audit_lane::guild).in_gap, 1u);
  auto silent = judge(w, {before, after});
  EXPECT_EQ(reasons(silent), "1 lost;");
  EXPECT_EQ(silent.lost_uncarried, 1u);
}

TEST(audit_gaps, a_gap_is_explained_when_its_events_died_with_the_session) {
  world w;
  w.ready("a", {g1});
  auto first = w.happens("MESSAGE_CREATE", g1);
  w.happens("MESSAGE_CREATE", g1); // carried by a, lost on the wire
  w.ready("b", {g1});
  w.end("a");
  auto last = w.happens("MESSAGE_CREATE", g1);
  auto before = w.from("a", first);
  auto after = w.from("b", last);
  auto result = judge(w, {before, gap(g1, "a", before.s, "b", after.s), after});
  EXPECT_EQ(reasons(result), "");
  EXPECT_EQ(result.of(audit_lane::guild).in_gap, 1u);
}

TEST(audit_gaps, a_gap_while_a_session_lived_is_unexplained_and_its_events_are_lost) {
  world w;
  w.ready("a", {g1});
  w.ready("b", {g1});
  auto first = w.happens("MESSAGE_CREATE", g1);
  w.happens("MESSAGE_CREATE", g1);
  w.end("a");
  auto last = w.happens("MESSAGE_CREATE", g1);
  auto before = w.from("a", first);
  auto after = w.from("b", last);
  EXPECT_EQ(reasons(judge(w, {before, gap(g1, "a", before.s, "b", after.s), after})),
            "1 lost;1 gaps without a reason in the truth;");
  EXPECT_EQ(judge(w, {before, gap(g1, "a", before.s, "nobody", 1), after}).gaps_unexplained, 1u);
}

TEST(audit_gaps, an_explained_gap_covers_nothing_beyond_its_borders) {
  world w;
  w.ready("a", {g1});
  auto first = w.happens("MESSAGE_CREATE", g1);
  w.outage("a", g1);
  w.happens("MESSAGE_CREATE", g1);
  w.show("a", g1);
  auto second = w.happens("MESSAGE_CREATE", g1);
  w.happens("MESSAGE_CREATE", g1);
  auto before = w.from("a", first);
  auto after = w.from("a", second);
  auto result = judge(w, {before, gap(g1, "a", before.s, "a", after.s), after});
  EXPECT_EQ(result.gaps_explained, 1u);
  EXPECT_EQ(result.of(audit_lane::guild).in_gap, 1u);
  EXPECT_EQ(result.of(audit_lane::guild).lost, 1u);
}
