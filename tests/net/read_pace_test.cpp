// When a connection counts as busy enough to keep its buffers.
#include "net/read_pace.hpp"

#include <gtest/gtest.h>

namespace shardyard::net {
namespace {

using namespace std::chrono_literals;

/// Reads `count` times, `apart` from each other; what the last one was told.
bool read_on(read_pace& pace, read_pace::duration& now, int count, read_pace::duration apart) {
  auto result = false;
  for (int i = 0; i < count; ++i)
    result = pace.steady(now += apart);
  return result;
}

TEST(read_pace, is_steady_only_after_a_row_of_reads) {
  read_pace pace;
  auto now = read_pace::duration{1h};
  EXPECT_FALSE(read_on(pace, now, read_pace::row_of_reads - 1, 1ms));
  EXPECT_TRUE(read_on(pace, now, 1, 1ms));
  EXPECT_TRUE(read_on(pace, now, 1'000'000, 100ms));
}

TEST(read_pace, ends_with_the_first_read_after_a_pause) {
  read_pace pace;
  auto now = read_pace::duration{1h};
  EXPECT_TRUE(read_on(pace, now, 100, 1ms));
  EXPECT_FALSE(read_on(pace, now, 1, 101ms)) << "a heartbeat's answer";
  EXPECT_FALSE(read_on(pace, now, read_pace::row_of_reads - 2, 1ms));
  EXPECT_TRUE(read_on(pace, now, 1, 1ms));
}

TEST(read_pace, of_heartbeats_alone_is_never_steady) {
  read_pace pace;
  auto now = read_pace::duration{};
  EXPECT_FALSE(read_on(pace, now, 10'000, 41s));
}

} // namespace
} // namespace shardyard::net
