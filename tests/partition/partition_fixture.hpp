// One guild with an old and a new session: the scene of the deterministic tests of a partition.
#pragma once

#include "tests/partition/group_world.hpp"

namespace shardyard::testing {

inline constexpr auto g1 = guild_no(1);
inline constexpr auto g2 = guild_no(2);

struct partition_rules : ::testing::Test {
  group_world w;

  // Both sessions cover the guild and the plan allows the cut.
  void overlap(test_shard& a, test_shard& b) {
    a = w.start_covering(old_shard, "A", {g1});
    b = w.start_covering(new_shard, "B", {g1});
    w.mark(a, mark_kind::transfer);
  }
  // Long enough for a guild whose sessions had not shown the same last events, too.
  void quiet(test_shard& a, test_shard& b) {
    for (int i = 0; i < 30; ++i) {
      w.flush(a);
      w.flush(b);
      w.pass(2500ms);
    }
  }
};

} // namespace shardyard::testing
