#include "actors/coordinator/journal.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace shardyard {
namespace {

constexpr auto begin = unix_ms(1'800'000'000'000);

/// Rows in memory that outlive a coordinator; it dies at a chosen commit, before or after it happened.
class mortal_store : public store {
public:
  const std::string& cluster_id() const override { return id_; }
  std::uint64_t epoch() const override { return 1; }
  std::optional<stored_row> get(std::string_view key) override {
    auto found = rows.find(std::string{key});
    return found == rows.end() ? std::nullopt : std::optional{found->second};
  }
  std::vector<stored_row> list(std::string_view prefix) override {
    std::vector<stored_row> result;
    for (auto& [key, row] : rows)
      if (key.starts_with(prefix))
        result.push_back(row);
    return result;
  }
  commit_result commit(const std::vector<row_write>& writes) override {
    if (deadline == 0 && !happens)
      throw store_error{"dead"};
    std::size_t size = 0;
    for (auto& x : writes) {
      if (x.expected && rows[x.key].revision != *x.expected)
        return {false, 0, x.key};
      size += x.value ? x.value->size() : 0;
    }
    largest = std::max(largest, size);
    most = std::max(most, writes.size());
    ++commits;
    ++revision;
    for (auto& x : writes)
      rows[x.key] = {x.key, x.value.value_or(""), revision};
    if (deadline-- == 0)
      throw store_error{"dead"};
    return {true, revision, {}};
  }

  std::map<std::string, stored_row> rows;
  std::uint64_t revision = 0;
  int deadline = -1; ///< commits until it dies; negative: never
  bool happens = false;
  std::size_t largest = 0, most = 0, commits = 0;

private:
  std::string id_ = "test";
};

reshard_plan renewal_of(std::uint32_t shards) {
  plan_context context;
  context.next_plan_id = 1;
  context.next_topology_id = 2;
  context.active = {1, shards};
  context.identifies_left = 2 * shards;
  context.hosts = 1;
  return std::get<reshard_plan>(make_plan({shards, true, false}, context, begin));
}

TEST(plan_rows, a_plan_of_many_units_is_written_in_commits_that_every_store_takes) {
  mortal_store s;
  journal j{s};
  auto plan = renewal_of(max_shard_count);
  j.save({.plan = plan});
  EXPECT_LE(s.largest, 1u << 20);
  EXPECT_LE(s.most, 100u);
  EXPECT_TRUE(journal{s}.load().plan == plan);
}

TEST(plan_rows, only_the_pieces_that_changed_are_written) {
  mortal_store s;
  journal j{s};
  auto plan = renewal_of(32'000);
  j.save({.plan = plan});
  s.commits = s.largest = 0;
  plan.units[17'000].state = unit_state::preparing;
  j.save({.plan = plan});
  EXPECT_EQ(s.commits, 2u);
  EXPECT_LE(s.largest, 100'000u);
  EXPECT_TRUE(journal{s}.load().plan == plan);
}

TEST(plan_rows, a_small_plan_stays_one_row_that_an_older_build_reads) {
  mortal_store s;
  auto plan = renewal_of(plan_rows::most_in_one_row);
  journal{s}.save({.plan = plan});
  EXPECT_TRUE(from_row<reshard_plan>(s.list("plan/").back().value) == plan);
  EXPECT_TRUE(s.list("units/").empty());
}

TEST(plan_rows, a_dumb_unit_is_kept_and_others_are_written_as_before) {
  mortal_store s;
  auto plan = renewal_of(4);
  EXPECT_EQ(to_row(plan).find("dumb"), std::string::npos);
  plan.units[2].dumb = true;
  journal{s}.save({.plan = plan});
  EXPECT_TRUE(journal{s}.load().plan == plan);
}

TEST(plan_rows, a_piece_that_is_missing_is_told_and_not_guessed) {
  mortal_store s;
  journal{s}.save({.plan = renewal_of(2'000)});
  s.rows.erase(s.list("units/").front().key);
  EXPECT_THROW(journal{s}.load(), store_error);
}

/// A coordinator that dies at any commit, before or after it: its successor finds the plan before the change
/// or the one behind it, and goes on.
TEST(plan_rows, a_plan_in_pieces_changes_as_a_whole_or_not_at_all) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random{seed};
  mortal_store s;
  auto plan = renewal_of(3'000);
  journal{s}.save({.plan = plan});
  int written = 0, dropped = 0;
  for (int life = 0; life < 25; ++life) {
    journal j{s};
    auto found = j.load().plan;
    ASSERT_TRUE(found == plan) << "life " << life;
    s.deadline = static_cast<int>(random() % 6);
    s.happens = random() % 2 == 0;
    for (auto next = plan; s.deadline >= 0; next = plan) {
      for (auto n = random() % 2500; n > 0; --n) {
        auto& unit = next.units[random() % next.units.size()];
        unit.stable_from = begin + std::chrono::milliseconds{random() % 100'000};
        unit.closed.assign(random() % 3, static_cast<std::uint32_t>(random() % 3000));
      }
      next.pause_reason = std::to_string(random());
      try {
        j.save({.plan = next});
        plan = next;
        ++written;
      } catch (const store_error&) {
        s.deadline = -1;
        found = journal{s}.load().plan;
        ASSERT_TRUE(found == plan || found == next) << "life " << life;
        dropped += found == plan;
        plan = *found;
      }
    }
  }
  EXPECT_GT(written, 5);
  EXPECT_GT(dropped, 5);
}

} // namespace
} // namespace shardyard
