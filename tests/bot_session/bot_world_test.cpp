#include "tests/bot_session/bot_world.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace shardyard {
namespace {

/// SHARDYARD_SEED repeats one history; SHARDYARD_HISTORIES: how many.
std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  auto* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

void run_histories(world_shape shape, bool invalid_expected) {
  auto seed = from_environment("SHARDYARD_SEED", 0);
  auto count = seed != 0 ? 1 : from_environment("SHARDYARD_HISTORIES", 2'500);
  if (seed == 0)
    seed = std::random_device{}();
  std::uint64_t dispatches = 0, resumes = 0, invalids = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    shape.seed = seed + i;
    bot_world world{shape};
    try {
      world.run();
    } catch (const std::exception& e) {
      FAIL() << "SHARDYARD_SEED=" << shape.seed << ": " << e.what();
    }
    dispatches += world.dispatches;
    resumes += world.resumes;
    invalids += world.invalids;
  }
  EXPECT_GT(dispatches, count * 20);
  EXPECT_GT(resumes, count / 2);
  EXPECT_EQ(invalids > count / 50, invalid_expected) << invalids;
}

TEST(bot_world, every_session_sees_exactly_its_stream) {
  run_histories({}, false);
}

TEST(bot_world, every_session_sees_exactly_its_stream_when_deliveries_overtake_snapshots) {
  run_histories({.late_snapshots = true}, false);
}

TEST(bot_world, a_session_that_the_ring_has_overtaken_is_told_so_and_no_other) {
  run_histories({.ring_events = 25}, true);
}

TEST(bot_world, a_session_that_lost_something_is_told_so_and_no_other) {
  run_histories({.holes = true, .late_snapshots = true}, true);
}

} // namespace
} // namespace shardyard
