// Claims about the audit: a correct delivery passes, and every single fault that it must find is found.
#include "actors/node/jsonl_line.hpp"
#include "apps/audit.hpp"
#include "apps/truth_source.hpp"

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using namespace shardyard;

namespace {

struct delivery {
  std::string t;
  snowflake guild = 0;
  std::string session;
  std::uint64_t s = 0;
  std::uint64_t n = 0;
  std::uint64_t epoch = 1;
  std::uint16_t flags = 0;
  std::string d = "{}";

  std::string line() const {
    event_block block;
    block.from = {{1, 0, 1}, session};
    block.bytes = std::make_shared<const std::string>(t + d);
    block.entries.push_back({.guild = guild,
                             .s = s,
                             .n = n,
                             .epoch = epoch,
                             .d_offset = static_cast<std::uint32_t>(t.size()),
                             .d_size = static_cast<std::uint32_t>(d.size()),
                             .t_size = static_cast<std::uint16_t>(t.size()),
                             .flags = flags});
    std::string out;
    append_lines(out, block);
    out.pop_back();
    return out;
  }
};

// A small Discord: what happens here goes to all sessions that cover the guild, each with its own sequence.
class world {
public:
  void ready(const std::string& id, const std::vector<snowflake>& guilds, unsigned shard = 0,
             unsigned count = 1) {
    row("[\"S\"," + std::to_string(sessions_.size()) + ",\"" + id + "\",[" + std::to_string(shard) + ',' +
        std::to_string(count) + "]," + std::to_string(newest_) + ']');
    sessions_.push_back({id, {}, 1, true, shard == 0});
    for (auto guild : guilds)
      show(id, guild);
  }
  void show(const std::string& id, snowflake guild) {
    auto& x = at(id);
    ++x.s;
    x.guilds.insert(guild);
    row("[\"g\"," + number(id) + ",\"" + std::to_string(guild) + "\"," + std::to_string(newest_) + ']');
  }
  void outage(const std::string& id, snowflake guild) {
    at(id).guilds.erase(guild);
    row("[\"u\"," + number(id) + ",\"" + std::to_string(guild) + "\"," + std::to_string(newest_) + ']');
  }
  void end(const std::string& id) {
    at(id).live = false;
    row("[\"x\"," + number(id) + ",\"invalid session\"," + std::to_string(newest_) + ']');
  }

  // Returns the occurrence; sessions in `missing` do not get it.
  std::uint64_t happens(const std::string& t, snowflake guild, const std::string& channel = "",
                        const std::set<std::string>& missing = {}) {
    row("[\"o\"," + std::to_string(++newest_) + ",\"" + std::to_string(guild) + "\",\"" + t + "\",\"" +
        channel + "\"]");
    types_.push_back({t, guild, channel});
    for (auto& x : sessions_) {
      if (!x.live || missing.contains(x.id) || (guild != 0 ? !x.guilds.contains(guild) : !x.first_shard))
        continue;
      ++x.s;
      copies_[{x.id, newest_}] = x.s;
      row("[\"c\"," + number(x.id) + ',' + std::to_string(x.s) + ',' + std::to_string(newest_) + ']');
    }
    return newest_;
  }

  // The line of that occurrence as the session brought it, with the next delivery number of its guild.
  delivery from(const std::string& session, std::uint64_t occurrence, std::uint16_t flags = 0) {
    auto& [t, guild, channel] = types_.at(occurrence - 1);
    auto n = ++numbers_[{guild, channel}];
    auto d = channel.empty() ? std::string{"{}"} : "{\"channel_id\":\"" + channel + "\"}";
    return {t, guild, session, copies_.at({session, occurrence}), n, 1, flags, d};
  }

  truth what_happened() const {
    truth_source source;
    source.feed(rows_);
    auto result = source.finish();
    EXPECT_EQ(source.error(), "");
    return result;
  }
  const std::string& rows() const { return rows_; }

private:
  struct session {
    std::string id;
    std::set<snowflake> guilds;
    std::uint64_t s;
    bool live, first_shard;
  };
  void row(const std::string& text) { rows_ += text + '\n'; }
  session& at(const std::string& id) { return *std::ranges::find(sessions_, id, &session::id); }
  std::string number(const std::string& id) {
    return std::to_string(std::ranges::find(sessions_, id, &session::id) - sessions_.begin());
  }

  std::string rows_;
  std::vector<session> sessions_;
  std::vector<std::tuple<std::string, snowflake, std::string>> types_;
  std::map<std::pair<std::string, std::uint64_t>, std::uint64_t> copies_;
  std::map<std::pair<snowflake, std::string>, std::uint64_t> numbers_;
  std::uint64_t newest_ = 0;
};

audit_result judge(const world& w, const std::vector<delivery>& lines) {
  auto happened = w.what_happened();
  audit run{happened};
  run.begin_file();
  for (auto& x : lines)
    run.line(x.line());
  return run.finish();
}

void renumber(std::vector<delivery>& lines) {
  std::map<std::pair<snowflake, std::string>, std::uint64_t> n;
  for (auto& x : lines) {
    auto& last = n[{x.guild, x.guild == 0 ? x.d : ""}];
    x.n = (x.flags & (cut_flag | gap_flag)) != 0 ? last : ++last;
  }
}

delivery cut(snowflake guild, const std::string& to, std::uint64_t n, std::uint64_t epoch,
             const std::string& kind, const std::string& weak = "false") {
  return {"SHARDYARD_CUT",
          guild,
          to,
          0,
          n,
          epoch,
          cut_flag,
          R"({"kind":")" + kind + R"(","weak":)" + weak + R"(,"from":{"topology":1,"shard":[0,4]}})"};
}

delivery gap(snowflake guild, const std::string& last, std::uint64_t last_s, const std::string& first,
             std::uint64_t first_s, std::uint64_t n = 1) {
  return {"SHARDYARD_GAP",
          guild,
          first,
          0,
          n,
          1,
          gap_flag,
          R"({"last":{"session_id":")" + last + R"(","s":)" + std::to_string(last_s) +
              R"(,"n":1},"first":{"session_id":")" + first + R"(","s":)" + std::to_string(first_s) +
              R"(},"why":"op 9"})"};
}

constexpr snowflake g1 = 1000, g2 = 2000;

// Four equal reactions of one guild (twins) between messages, a second guild, delivered by session "a" up to
// the cut, then by "b".
struct reshard {
  world w;
  std::vector<std::uint64_t> ids;
  std::vector<delivery> lines;

  reshard() {
    w.ready("a", {g1, g2});
    for (auto i = 0; i < 3; ++i)
      happens("MESSAGE_REACTION_ADD");
    w.ready("b", {g1, g2});
    happens("MESSAGE_REACTION_ADD");
    happens("MESSAGE_CREATE");
    for (auto id : ids)
      lines.push_back(w.from("a", id));
    auto other = w.happens("MESSAGE_CREATE", g2);
    lines.push_back(w.from("a", other));
    lines.push_back(cut(g1, "b", 5, 2, "anchor"));
    for (auto t : {"MESSAGE_CREATE", "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_ADD"}) {
      happens(t);
      lines.push_back(w.from("b", ids.back()));
      lines.back().epoch = 2;
    }
  }
  void happens(const std::string& t) { ids.push_back(w.happens(t, g1)); }
  audit_result result() const { return judge(w, lines); }
};

std::string reasons(const audit_result& x) {
  std::string text;
  for (auto& reason : x.reasons())
    text += reason + ';';
  return text;
}

} // namespace

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

TEST(audit, a_gap_is_explained_when_no_session_covered_the_guild) {
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

TEST(audit, a_gap_is_explained_when_its_events_died_with_the_session) {
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

TEST(audit, a_gap_while_a_session_lived_is_unexplained_and_its_events_are_lost) {
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

TEST(audit, an_explained_gap_covers_nothing_beyond_its_borders) {
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

TEST(truth, it_comes_in_chunks_of_any_size) {
  auto rows = reshard{}.w.rows();
  for (std::size_t size : {1u, 7u, 64u, 100000u}) {
    truth_source source;
    for (std::size_t at = 0; at < rows.size(); at += size)
      source.feed(std::string_view{rows}.substr(at, size));
    EXPECT_EQ(source.finish().newest(), 9u);
    EXPECT_EQ(source.error(), "");
  }
}

TEST(truth, a_body_that_was_cut_is_refused) {
  truth_source cut_short;
  auto rows = reshard{}.w.rows();
  cut_short.feed(rows.substr(0, rows.size() - 3));
  cut_short.finish();
  EXPECT_NE(cut_short.error().find("not received whole"), std::string::npos);
  truth_source empty;
  empty.finish();
  EXPECT_NE(empty.error().find("empty"), std::string::npos);
}

TEST(truth, nonsense_is_named_with_its_row) {
  const std::string good = R"(["o",1,"1","MESSAGE_CREATE",""])"
                           "\n"
                           R"(["S",0,"a",[0,1],0])"
                           "\n";
  for (auto bad : {"{}", "[", "[\"z\",1]", "[\"o\",3,\"1\",\"X\",\"\"]", "[\"o\",2,\"x\",\"X\",\"\"]",
                   "[\"c\",5,1,1]", "[\"c\",0,1,2]", "[\"c\",0,4000000000,1]", "[\"c\",0,-1,1]",
                   "[\"S\",0,\"b\",[0,1],0]", "[\"S\",1,\"b\",0,0]", "[\"g\",0,\"1\"]"}) {
    truth_source source;
    source.feed(good + bad + "\n");
    EXPECT_NE(source.error().find("row 3 of the truth"), std::string::npos) << bad << ": " << source.error();
  }
}
