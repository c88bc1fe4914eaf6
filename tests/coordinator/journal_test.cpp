#include "actors/coordinator/journal.hpp"
#include "actors/coordinator/sqlite_store.hpp"
#include "tests/coordinator/first_moment.hpp"

#include <cstring>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

using namespace shardyard;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct folder {
  fs::path path = fs::temp_directory_path() /
                  ("shardyard-journal-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
  folder() { fs::create_directories(path); }
  ~folder() { fs::remove_all(path); }
  fs::path db() const { return path / "state.db"; }
  static inline int count = 0;
};

/// What a crash would leave: the files as they are now, without the lock.
fs::path image(const folder& from, const folder& to) {
  for (const char* name : {"state.db", "state.db-wal"})
    if (fs::exists(from.path / name))
      fs::copy_file(from.path / name, to.path / name, fs::copy_options::overwrite_existing);
  return to.db();
}

std::string error_of(const std::function<void()>& what) {
  try {
    what();
  } catch (const store_error& wrong) {
    return wrong.what();
  }
  return {};
}

void execute(const fs::path& path, const std::string& sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
}

reshard_plan some_plan(std::uint64_t id = 1) {
  plan_context context;
  context.next_plan_id = id;
  context.next_topology_id = 2;
  context.active = {1, 4};
  context.identifies_left = 100;
  context.hosts = 1;
  return std::get<reshard_plan>(make_plan({6, false, true}, context, first_moment));
}

TEST(sqlite_store, every_opening_has_a_higher_epoch) {
  folder f;
  EXPECT_EQ(open_sqlite_store(f.db())->epoch(), 1u);
  EXPECT_EQ(open_sqlite_store(f.db())->epoch(), 2u);
}

TEST(sqlite_store, a_second_process_is_kept_out_and_told_who_holds_it) {
  folder f;
  auto held = open_sqlite_store(f.db());
  auto text = error_of([&] { open_sqlite_store(f.db()); });
  EXPECT_NE(text.find("held by process " + std::to_string(::getpid())), std::string::npos) << text;
  held.reset();
  EXPECT_EQ(open_sqlite_store(f.db())->epoch(), 2u) << "the refused opening took no epoch";
}

TEST(sqlite_store, writes_are_compared_before_they_are_made) {
  folder f;
  auto s = open_sqlite_store(f.db());
  auto first = s->commit({{"a", "1", 0}});
  ASSERT_TRUE(first.written);
  auto clash = s->commit({{"b", "1", 0}, {"a", "2", 0}});
  EXPECT_FALSE(clash.written);
  EXPECT_EQ(clash.conflict, "a");
  EXPECT_FALSE(s->get("b")) << "all or none";
  auto second = s->commit({{"a", "2", first.revision}});
  EXPECT_TRUE(second.written);
  EXPECT_GT(second.revision, first.revision);
  EXPECT_FALSE(s->commit({{"a", "3", first.revision}}).written);
  EXPECT_TRUE(s->commit({{"a", std::nullopt, second.revision}}).written);
  EXPECT_FALSE(s->get("a"));
}

TEST(sqlite_store, rows_are_listed_by_prefix_in_order) {
  folder f;
  auto s = open_sqlite_store(f.db());
  s->commit({{"plan/2", "b", {}}, {"plan/1", "a", {}}, {"plane", "x", {}}, {"permit/1", "y", {}}});
  auto rows = s->list("plan/");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].value, "a");
  EXPECT_EQ(rows[1].key, "plan/2");
}

TEST(sqlite_store, an_overtaken_epoch_writes_nothing) {
  folder f;
  auto s = open_sqlite_store(f.db());
  execute(f.db(), "UPDATE cluster SET epoch = epoch + 1");
  EXPECT_NE(error_of([&] {
              s->commit({{"a", "1", {}}});
            }).find("another coordinator has taken over"),
            std::string::npos);
  EXPECT_FALSE(s->get("a"));
}

TEST(sqlite_store, foreign_newer_and_damaged_files_are_named) {
  folder f;
  open_sqlite_store(f.db());
  execute(f.db(), "PRAGMA user_version = 9");
  EXPECT_NE(error_of([&] { open_sqlite_store(f.db()); }).find("schema version 9, this program knows 1"),
            std::string::npos);
  folder g;
  execute(g.db(), "CREATE TABLE other (x)");
  EXPECT_NE(error_of([&] { open_sqlite_store(g.db()); }).find("another program"), std::string::npos);
  folder h;
  std::ofstream{h.db()} << std::string(5000, 'x');
  EXPECT_NE(error_of([&] { open_sqlite_store(h.db()); }).find("no SQLite file"), std::string::npos);
  EXPECT_FALSE(error_of([&] { open_sqlite_store(h.path / "missing" / "state.db"); }).empty());
}

TEST(sqlite_store, a_store_belongs_to_one_cluster) {
  folder f;
  EXPECT_EQ(open_sqlite_store(f.db(), "harbour")->cluster_id(), "harbour");
  EXPECT_EQ(open_sqlite_store(f.db())->cluster_id(), "harbour");
  EXPECT_NE(error_of([&] { open_sqlite_store(f.db(), "other"); }).find("belongs to cluster 'harbour'"),
            std::string::npos);
  folder g;
  EXPECT_EQ(open_sqlite_store(g.db())->cluster_id().size(), 16u);
}

TEST(journal, a_new_cluster_knows_nothing) {
  folder f;
  auto s = open_sqlite_store(f.db());
  auto state = journal{*s}.load();
  EXPECT_FALSE(state.active);
  EXPECT_FALSE(state.plan);
  EXPECT_EQ(state.next_plan_id, 1u);
  EXPECT_EQ(state.next_topology_id, 1u);
}

TEST(journal, what_was_saved_is_loaded_after_a_restart) {
  folder f;
  auto plan = some_plan();
  plan.units[1].state = unit_state::closing;
  plan.units[1].closed = {3};
  plan.pause_reason = "a \"quoted\" reason";
  permit_row permit{
      7, {2, 5, 6}, permit_purpose::reshard, permit_state::used, first_moment, first_moment + 1s, true};
  session_start_limit limit{1000, 900, 24h, 16, first_moment};
  {
    auto s = open_sqlite_store(f.db());
    journal j{*s};
    j.load();
    j.save({.active = topology{1, 4}});
    j.save({.plan = plan,
            .permits = {permit},
            .limit = limit,
            .placements = {{"partitions", {"a", "b", ""}}},
            .texts = {{"figures/1", "{}"}}});
  }
  auto s = open_sqlite_store(f.db());
  auto state = journal{*s}.load();
  EXPECT_EQ(state.texts["figures/1"], "{}");
  EXPECT_EQ(state.active, (topology{1, 4}));
  EXPECT_EQ(state.plan, plan);
  EXPECT_EQ(state.next_plan_id, 2u);
  EXPECT_EQ(state.next_topology_id, 3u);
  EXPECT_EQ(state.permits, std::vector<permit_row>{permit});
  EXPECT_EQ(state.limit->max_concurrency, 16u);
  EXPECT_EQ(state.placements["partitions"], (placement{"a", "b", ""}));
}

TEST(journal, a_finished_plan_sets_the_active_topology_in_the_same_write) {
  folder f;
  auto s = open_sqlite_store(f.db());
  journal j{*s};
  j.load();
  j.save({.active = topology{1, 4}});
  auto plan = some_plan();
  j.save({.plan = plan});
  EXPECT_EQ(j.load().active, (topology{1, 4}));
  for (auto& unit : plan.units)
    unit.state = unit_state::done;
  j.save({.plan = plan});
  EXPECT_EQ(j.load().active, (topology{2, 6}));
}

TEST(journal, a_row_changed_behind_its_back_is_not_overwritten) {
  folder f;
  auto s = open_sqlite_store(f.db());
  journal j{*s}, other{*s};
  j.load();
  other.load();
  j.save({.plan = some_plan()});
  EXPECT_NE(error_of([&] { other.save({.plan = some_plan()}); }).find("changed by somebody else"),
            std::string::npos);
}

TEST(journal, forgotten_permits_are_removed) {
  folder f;
  auto s = open_sqlite_store(f.db());
  journal j{*s};
  j.save({.permits = {{1, {1, 0, 4}}, {2, {1, 1, 4}}}});
  j.save({.forgotten_permits = {1}});
  ASSERT_EQ(j.load().permits.size(), 1u);
  EXPECT_EQ(j.load().permits[0].id, 2u);
}

TEST(journal, a_damaged_row_is_named_and_nothing_is_guessed) {
  folder f;
  auto s = open_sqlite_store(f.db());
  journal j{*s};
  j.save({.plan = some_plan()});
  auto text = to_row(some_plan());
  for (auto [from, to] : {std::pair{"\"units\":[", "\"units\":[{},"},
                          {"\"paused\":false", "\"paused\":7"},
                          {"\"state\":\"planned\",\"entered", "\"state\":\"lost\",\"entered"},
                          {"{", "["}}) {
    auto bad = text;
    bad.replace(bad.find(from), std::strlen(from), to);
    s->commit({{"plan/00000000000000000001", bad, {}}});
    EXPECT_NE(error_of([&] { j.load(); }).find("row 'plan/00000000000000000001' of the store is damaged"),
              std::string::npos);
  }
}

TEST(journal, the_shell_can_read_the_views_while_the_coordinator_runs) {
  folder f;
  auto s = open_sqlite_store(f.db());
  journal j{*s};
  j.save({.plan = some_plan(), .permits = {{1, {2, 5, 6}}}});
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open_v2(f.db().c_str(), &db, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  std::string seen;
  auto row = [](void* to, int n, char** values, char**) {
    for (int i = 0; i < n; ++i)
      *static_cast<std::string*>(to) += std::string{values[i] ? values[i] : "-"} + " ";
    return 0;
  };
  sqlite3_exec(db, "SELECT id, state, old_count, new_count FROM plans", row, &seen, nullptr);
  sqlite3_exec(db, "SELECT unit, state FROM units", row, &seen, nullptr);
  sqlite3_exec(db, "SELECT shard_id, purpose, state FROM permits", row, &seen, nullptr);
  sqlite3_close(db);
  EXPECT_EQ(seen, "1 planned 4 6 0 planned 1 planned 5 recovery granted ");
}

/// Crash at any moment: the files are copied after each write and opened as a restarted coordinator would.
TEST(journal, every_crash_image_holds_exactly_what_was_saved) {
  folder f, copy;
  auto s = open_sqlite_store(f.db());
  journal j{*s};
  auto plan = some_plan();
  for (std::uint32_t i = 0; i < 40; ++i) {
    plan.units[i % 2].state = static_cast<unit_state>(i / 2 % 6);
    plan.units[i % 2].entered = first_moment + i * 1s;
    permit_row permit{
        i + 1, {2, i, 40}, permit_purpose::reshard, permit_state::granted, first_moment + i * 1s, {}, false};
    j.save({.plan = plan, .permits = {permit}});
    auto again = open_sqlite_store(image(f, copy));
    auto state = journal{*again}.load();
    EXPECT_EQ(state.plan, plan);
    EXPECT_EQ(state.permits.size(), i + 1);
  }
}

/// A torn write-ahead log: whatever its length, what is read is one of the saved states, never a mixture.
TEST(journal, a_torn_log_gives_an_earlier_state_whole) {
  folder f, copy;
  auto s = open_sqlite_store(f.db());
  journal j{*s};
  std::vector<reshard_plan> saved;
  auto plan = some_plan();
  for (std::uint32_t i = 0; i < 8; ++i) {
    plan.units[0].restarts = i;
    plan.units[1].restarts = i;
    j.save({.plan = plan, .permits = {{i + 1, {2, i, 8}}}});
    saved.push_back(plan);
  }
  image(f, copy);
  auto log = copy.path / "state.db-wal";
  auto full = fs::file_size(log);
  for (auto size = full; size > 0; size = size > 1500 ? size - 1500 : 0) {
    image(f, copy);
    fs::resize_file(log, size);
    fs::remove(copy.path / "state.db-shm");
    auto again = open_sqlite_store(copy.db());
    auto state = journal{*again}.load();
    if (!state.plan) {
      EXPECT_TRUE(state.permits.empty());
      continue;
    }
    auto i = state.plan->units[0].restarts;
    EXPECT_EQ(*state.plan, saved.at(i));
    EXPECT_EQ(state.permits.size(), i + 1);
  }
}

RC_GTEST_PROP(rows, a_plan_row_reads_back_as_it_was, ()) {
  reshard_plan plan;
  plan.id = *rc::gen::arbitrary<std::uint64_t>();
  plan.cluster_epoch = *rc::gen::arbitrary<std::uint64_t>();
  plan.from = {*rc::gen::arbitrary<std::uint32_t>(), *rc::gen::inRange<std::uint32_t>(1, 60)};
  plan.to = {*rc::gen::arbitrary<std::uint32_t>(), *rc::gen::inRange<std::uint32_t>(1, 60)};
  plan.hold = *rc::gen::arbitrary<bool>();
  plan.paused = *rc::gen::arbitrary<bool>();
  plan.pause_reason =
      *rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127)) + "\u00fc\u20ac\U0001F40B";
  plan.created = unix_ms(*rc::gen::arbitrary<std::int64_t>());
  plan.units.resize(plan.cuts().count());
  for (auto& unit : plan.units) {
    unit.state = static_cast<unit_state>(*rc::gen::inRange(0, 8));
    unit.entered = unix_ms(*rc::gen::arbitrary<std::int64_t>());
    unit.restarts = *rc::gen::arbitrary<std::uint32_t>();
    unit.closed = *rc::gen::arbitrary<std::vector<std::uint32_t>>();
  }
  RC_ASSERT(from_row<reshard_plan>(to_row(plan)) == plan);
}

RC_GTEST_PROP(rows, a_text_that_is_no_utf8_leaves_the_row_readable, ()) {
  auto plan = some_plan();
  plan.pause_reason = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  auto once = from_row<reshard_plan>(to_row(plan));
  RC_ASSERT(from_row<reshard_plan>(to_row(once)) == once);
  RC_ASSERT(once.units == plan.units);
}

RC_GTEST_PROP(rows, garbage_is_an_error_and_nothing_worse, (const std::string& text)) {
  RC_ASSERT_THROWS_AS(from_row<reshard_plan>(text), bad_row);
  RC_ASSERT_THROWS_AS(from_row<permit_row>(text), bad_row);
  RC_ASSERT_THROWS_AS(from_row<placement>(text), bad_row);
}

} // namespace
