// Random lives of a group, many of each kind. The sink's file must hold every event exactly once and in
// order.
#include "tests/partition/random_life.hpp"

#include <cstdlib>

namespace shardyard::testing {
namespace {

std::uint64_t first_seed() {
  auto text = std::getenv("SHARDYARD_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 1;
}

std::uint64_t runs() {
  auto text = std::getenv("SHARDYARD_RUNS");
  return text ? std::strtoull(text, nullptr, 10) : 60;
}

struct totals {
  std::size_t cuts = 0, crashes = 0, gaps = 0, told_from_snapshots = 0;
};

totals check(life kind) {
  totals sum;
  for (auto seed = first_seed(); seed < first_seed() + runs(); ++seed) {
    random_life one{seed, kind};
    one.run();
    sum.cuts += one.cuts();
    sum.crashes += one.crashes();
    sum.gaps += one.gaps();
    sum.told_from_snapshots += one.told_from_snapshots();
    EXPECT_EQ(one.verdict(), "") << "SHARDYARD_SEED=" << seed << " SHARDYARD_RUNS=1";
    if (::testing::Test::HasFailure())
      break;
  }
  return sum;
}

TEST(random_lives, nothing_is_lost_doubled_or_reordered_over_a_reshard) {
  EXPECT_GT(check({}).cuts, runs() * 10);
}

TEST(random_lives, the_same_when_new_sessions_are_lost_and_identified_again) {
  check({.reidentifies = true});
}

TEST(random_lives, the_same_when_sessions_that_lead_are_lost_while_the_old_ones_live) {
  check({.reidentifies = true, .lead_dies = true});
}

TEST(random_lives, the_same_when_the_plan_is_aborted) {
  check({.aborts = true});
}

TEST(random_lives, the_same_when_the_node_dies_between_log_sink_and_acknowledgement) {
  EXPECT_GT(check({.crashes = true}).crashes, runs());
}

TEST(random_lives, what_is_remembered_is_the_world_after_every_gap) {
  auto sum = check({.gaps = true});
  EXPECT_GT(sum.gaps, runs());
  EXPECT_GT(sum.told_from_snapshots, runs() / 3);
  check({.crashes = true, .gaps = true});
}

TEST(random_lives, the_same_when_the_node_dies_and_the_plan_is_aborted) {
  check({.crashes = true, .reidentifies = true, .aborts = true});
}

} // namespace
} // namespace shardyard::testing
