// Claims about the audit: a correct delivery passes, and every single fault that it must find is found.
#include "tests/apps/audit_world.hpp"

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <rapidcheck/gtest.h>

using namespace shardyard;
using namespace shardyard::audit_test;

TEST(audit, a_correct_reshard_passes) {
  auto result = reshard{}.result();
  EXPECT_EQ(reasons(result), "");
  EXPECT_EQ(result.of(audit_lane::guild).owed, 9u);
  EXPECT_EQ(result.of(audit_lane::guild).delivered, 9u);
  EXPECT_EQ(result.cuts.anchor, 1u);
  EXPECT_EQ(result.guilds, 2u);
  EXPECT_TRUE(result.examples.empty());
}

TEST(audit, a_removed_event_is_lost_even_if_the_numbers_close_over_it) {
  reshard run;
  run.lines.erase(run.lines.begin() + 1); // one of the twins
  EXPECT_EQ(reasons(run.result()), "1 lost;1 delivery numbers left out;");
  renumber(run.lines);
  auto result = run.result();
  EXPECT_EQ(result.of(audit_lane::guild).lost, 1u);
  EXPECT_NE(
      result.examples.at(0).find("occurrence 2 (MESSAGE_REACTION_ADD, guild 1000), carried by a [0,1] s 5"),
      std::string::npos)
      << result.examples[0];
}

TEST(audit, an_event_from_both_sessions_is_doubled) {
  reshard run;
  run.lines.push_back(run.w.from("a", run.ids.back()));
  run.lines.back().epoch = 2;
  EXPECT_EQ(reasons(run.result()), "1 doubled;");
}

TEST(audit, a_twin_delivered_twice_in_place_of_its_brother_is_found) {
  reshard run;
  run.lines[1].s = run.lines[0].s;
  EXPECT_EQ(reasons(run.result()), "1 lost;1 doubled;");
}

TEST(audit, two_swapped_events_are_reordered) {
  reshard run;
  std::swap(run.lines[0], run.lines[1]);
  EXPECT_EQ(reasons(run.result()), "1 re-ordered;1 delivery numbers that fell;");
  std::swap(run.lines[0].n, run.lines[1].n);
  EXPECT_EQ(reasons(run.result()), "1 re-ordered;");
}

TEST(audit, a_late_event_is_not_reordered) {
  reshard run;
  std::rotate(run.lines.begin(), run.lines.begin() + 1, run.lines.begin() + 4);
  renumber(run.lines);
  EXPECT_EQ(reasons(run.result()), "1 re-ordered;");
  run.lines[3].flags = late_flag;
  auto result = run.result();
  EXPECT_EQ(reasons(result), "");
  EXPECT_EQ(result.of(audit_lane::guild).late, 1u);
}

TEST(audit, the_order_of_different_guilds_is_free) {
  reshard run;
  std::rotate(run.lines.begin(), run.lines.begin() + 5, run.lines.begin() + 6);
  EXPECT_EQ(reasons(run.result()), "");
}

TEST(audit, a_foreign_line_is_found) {
  for (auto change : {+[](delivery& x) { x.session = "z"; }, +[](delivery& x) { x.s = 900; },
                      +[](delivery& x) { x.guild = g2; }, +[](delivery& x) { x.t = "MESSAGE_UPDATE"; }}) {
    reshard run;
    change(run.lines[0]);
    EXPECT_EQ(run.result().foreign, 1u);
    EXPECT_NE(reasons(run.result()).find("1 foreign lines;"), std::string::npos);
  }
}

TEST(audit, a_join_shown_for_a_snapshot_is_foreign_but_an_answer_to_a_request_is_not) {
  reshard run;
  run.lines.push_back({"GUILD_MEMBERS_CHUNK", g2, "a", 77, 2, 1});
  auto result = run.result();
  EXPECT_EQ(reasons(result), "");
  EXPECT_EQ(result.local_lines, 1u);
  run.lines.push_back({"GUILD_CREATE", g2, "b", 3, 3, 1});
  EXPECT_EQ(reasons(run.result()), "1 foreign lines;");
}

TEST(audit, holes_and_reuse_of_delivery_numbers_are_found) {
  reshard run;
  for (auto& x : run.lines)
    x.n += x.guild == g1 && x.n > 2 && x.flags == 0 ? 3 : 0;
  EXPECT_EQ(reasons(run.result()), "3 delivery numbers left out;");
  reshard reused;
  reused.lines[3].n = 3;
  EXPECT_EQ(reasons(reused.result()), "1 delivery numbers left out;1 delivery numbers used twice;");
}

TEST(audit, an_epoch_that_falls_is_found) {
  reshard run;
  run.lines.back().epoch = 1;
  EXPECT_EQ(reasons(run.result()), "1 guild epochs that fell;");
}

TEST(audit, the_same_number_for_the_same_event_is_a_redelivery_and_passes) {
  reshard run;
  auto tail = std::vector<delivery>(run.lines.begin() + 3, run.lines.end());
  run.lines.insert(run.lines.end(), tail.begin(), tail.end());
  auto result = run.result();
  EXPECT_EQ(reasons(result), "");
  EXPECT_EQ(result.of(audit_lane::guild).redelivered, 6u);
  EXPECT_EQ(result.cuts.anchor, 1u);
  EXPECT_EQ(result.controls_repeated, 1u);
}

TEST(audit, a_quiet_cut_is_counted_with_its_reason) {
  reshard run;
  for (auto& x : run.lines)
    if (x.t == "SHARDYARD_CUT")
      x = cut(x.guild, x.session, x.n, x.epoch, "quiet");
  auto cuts = run.result().cuts;
  EXPECT_EQ(cuts.quiet, 1u);
  EXPECT_EQ(cuts.alike, 1u);
  EXPECT_EQ(cuts.silent + cuts.unclear, 0u);
}

TEST(audit, presence_and_typing_never_fail_it) {
  reshard run;
  auto first = run.w.happens("PRESENCE_UPDATE", g1);
  run.w.happens("TYPING_START", g1);
  auto twice = run.w.from("b", first);
  twice.epoch = 2;
  run.lines.push_back(twice);
  ++twice.n;
  run.lines.push_back(twice);
  run.lines.push_back({"PRESENCE_UPDATE", g1, "b", 0, twice.n + 1, 2, snapshot_flag});
  auto result = run.result();
  EXPECT_EQ(reasons(result), "");
  EXPECT_EQ(result.of(audit_lane::best_effort).lost, 1u);
  EXPECT_EQ(result.of(audit_lane::best_effort).doubled, 1u);
  EXPECT_EQ(result.levelled, 1u);
}

// What changed while no session covered a guild is told where its new snapshot stood: at the same place of
// the same session.
TEST(audit, events_made_from_a_snapshot_are_counted_apart_whatever_their_type) {
  reshard run;
  auto last = run.lines.back();
  for (auto t : {"CHANNEL_UPDATE", "MESSAGE_CREATE", "GUILD_CREATE", "GUILD_DELETE"})
    run.lines.push_back({t, g1, last.session, last.s, 0, last.epoch, snapshot_flag});
  run.lines.push_back({"ROLE_OF_TOMORROW", g1, last.session, 999, 0, last.epoch, snapshot_flag});
  renumber(run.lines);
  auto result = run.result();
  EXPECT_EQ(reasons(result), "");
  EXPECT_EQ(result.levelled, 5u);
  EXPECT_EQ(result.of(audit_lane::guild).doubled, 0u);
  EXPECT_EQ(result.foreign, 0u);

  auto use_up = run;
  use_up.lines[use_up.lines.size() - 3].n += 7;
  EXPECT_NE(reasons(use_up.result()), ""); // they have numbers like all others
}

TEST(audit, interactions_are_due_once_in_any_order) {
  world w;
  w.ready("a", {g1});
  auto first = w.happens("INTERACTION_CREATE", g1);
  auto second = w.happens("INTERACTION_CREATE", g1);
  auto later = w.from("a", second);
  auto earlier = w.from("a", first);
  EXPECT_EQ(reasons(judge(w, {later, earlier})), "");
  auto again = w.from("a", first);
  EXPECT_EQ(judge(w, {later, earlier, again}).of(audit_lane::interaction).doubled, 1u);
}

TEST(audit, direct_messages_are_ordered_per_channel) {
  world w;
  w.ready("a", {g1});
  auto x = w.happens("MESSAGE_CREATE", 0, "7");
  auto y = w.happens("MESSAGE_CREATE", 0, "8");
  auto z = w.happens("MESSAGE_CREATE", 0, "7");
  auto dx = w.from("a", x), dy = w.from("a", y), dz = w.from("a", z);
  EXPECT_EQ(reasons(judge(w, {dy, dx, dz})), "");
  std::swap(dx.n, dz.n);
  EXPECT_EQ(reasons(judge(w, {dz, dx, dy})), "1 re-ordered;");
}

TEST(audit, what_no_intent_let_through_or_no_snapshot_came_before_is_not_owed) {
  world w;
  w.happens("MESSAGE_CREATE", g1);
  w.ready("a", {g1});
  w.happens("GUILD_MEMBER_ADD", g1, "", {"a"});
  auto owed = w.happens("MESSAGE_CREATE", g1);
  auto result = judge(w, {w.from("a", owed)});
  EXPECT_EQ(reasons(result), "");
  EXPECT_EQ(result.of(audit_lane::guild).owed, 1u);
  EXPECT_EQ(result.of(audit_lane::guild).happened, 3u);
}

TEST(audit, a_real_join_is_due_once) {
  world w;
  w.ready("a", {g1});
  w.show("a", g2);
  auto join = w.happens("GUILD_CREATE", g2);
  auto line = w.from("a", join);
  EXPECT_EQ(reasons(judge(w, {line})), "");
  EXPECT_EQ(judge(w, {}).of(audit_lane::membership).lost, 1u);
}

TEST(audit, nothing_owed_is_no_success) {
  world w;
  w.ready("a", {g1});
  w.happens("PRESENCE_UPDATE", g1);
  EXPECT_FALSE(judge(w, {}).passed());
}

TEST(audit, a_guild_whose_lines_moved_between_files_is_judged_by_its_numbers) {
  reshard run;
  auto happened = run.w.what_happened();
  audit whole{happened};
  for (auto file : {1, 0}) {
    whole.begin_file();
    for (std::size_t i = 0; i < run.lines.size(); ++i) {
      if ((i >= 6) == (file == 1))
        whole.line(run.lines[i].line());
    }
  }
  EXPECT_EQ(reasons(whole.finish()), "");
}

TEST(audit, files_are_read_and_torn_or_broken_lines_told) {
  auto path =
      (std::filesystem::temp_directory_path() / ("shardyard-audit-" + std::to_string(::getpid()))).string();
  reshard run;
  {
    std::ofstream out{path};
    for (auto& x : run.lines)
      out << x.line() << '\n';
    out << "{\"t\":\"MESS";
  }
  auto happened = run.w.what_happened();
  std::string error;
  auto result = audit_files(happened, {path}, error);
  EXPECT_EQ(error, "");
  EXPECT_EQ(reasons(result), "");
  EXPECT_EQ(result.torn, 1u);
  std::ofstream{path, std::ios::app} << "\n";
  EXPECT_EQ(reasons(audit_files(happened, {path}, error)), "1 lines that no sink wrote;");
  std::filesystem::remove(path);
  audit_files(happened, {path}, error);
  EXPECT_NE(error.find("No such file"), std::string::npos);
}

TEST(audit, the_result_is_told_as_table_and_as_json) {
  reshard run;
  run.lines.erase(run.lines.begin());
  auto result = run.result();
  result.unverifiable = unverifiable_in(R"({"units":[{"unverifiable":9}],"figures":{"unverifiable":4}})");
  auto table = to_table(result);
  EXPECT_NE(table.find("FAILED: 1 lost\n"), std::string::npos) << table;
  EXPECT_NE(table.find("anchor 1, quiet 0"), std::string::npos);
  auto json = to_json(result);
  EXPECT_FALSE(json.at("passed").as_bool());
  EXPECT_EQ(json.at("judged").at("lost").as_uint64(), 1u);
  EXPECT_EQ(json.at("unverifiable").as_uint64(), 4u);
  EXPECT_FALSE(unverifiable_in("{").has_value());
}

// A random run of several guilds over a reshard with random cut places; then one random fault.
RC_GTEST_PROP(audit, any_correct_run_passes_and_any_single_fault_is_found, ()) {
  world w;
  auto guilds = *rc::gen::inRange(1, 4);
  std::vector<snowflake> all;
  for (auto i = 1; i <= guilds; ++i)
    all.push_back(static_cast<snowflake>(i));
  w.ready("a", all);
  std::vector<delivery> lines;
  std::map<snowflake, bool> moved;
  auto events = *rc::gen::inRange(4, 60);
  for (auto i = 0; i < events; ++i) {
    if (i == events / 2)
      w.ready("b", all);
    auto guild = *rc::gen::elementOf(all);
    if (i > events / 2 && !moved[guild])
      moved[guild] = *rc::gen::arbitrary<bool>();
    auto t = *rc::gen::element<std::string>("MESSAGE_CREATE", "MESSAGE_REACTION_ADD", "VOICE_STATE_UPDATE");
    lines.push_back(w.from(moved[guild] ? "b" : "a", w.happens(t, guild)));
  }
  RC_ASSERT(judge(w, lines).passed());
  auto at = *rc::gen::inRange<std::size_t>(0, lines.size());
  auto broken = lines;
  switch (*rc::gen::inRange(0, 3)) {
  case 0:
    broken.erase(broken.begin() + static_cast<std::ptrdiff_t>(at));
    break;
  case 1:
    broken.insert(broken.begin() +
                      static_cast<std::ptrdiff_t>(*rc::gen::inRange<std::size_t>(at, lines.size())) + 1,
                  lines[at]);
    break;
  default: {
    std::vector<std::size_t> same;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (i != at && lines[i].guild == lines[at].guild)
        same.push_back(i);
    }
    RC_PRE(!same.empty());
    std::swap(broken[at], broken[*rc::gen::elementOf(same)]);
  }
  }
  renumber(broken); // so that only the truth can tell
  RC_ASSERT(!judge(w, broken).passed());
}
