#include "actors/partition/copy_stream.hpp"

#include <gtest/gtest.h>

namespace shardyard::testing {
namespace {

TEST(copy_stream, a_commit_is_kept_once_its_records_are_confirmed) {
  copy_stream copy;
  copy.begin("whole", 3);
  ASSERT_TRUE(copy.next());
  EXPECT_EQ(copy.commit(), 0u);
  ASSERT_TRUE(copy.kept(5));
  EXPECT_EQ(copy.commit(), 3u);
  copy.append("more", 4);
  EXPECT_EQ(copy.commit(), 3u);
  ASSERT_TRUE(copy.next());
  ASSERT_TRUE(copy.kept(9));
  EXPECT_EQ(copy.commit(), 4u);
}

// Where the ends of sinks are all that was committed, nothing goes to the copy; acknowledgements waited for
// it for ever.
TEST(copy_stream, a_commit_without_records_is_as_safe_as_those_before_it) {
  copy_stream copy;
  copy.begin("whole", 3);
  ASSERT_TRUE(copy.next());
  copy.append("", 4);
  EXPECT_EQ(copy.commit(), 0u) << "the copy is not confirmed yet";
  ASSERT_TRUE(copy.kept(5));
  EXPECT_EQ(copy.commit(), 4u);
  copy.append("", 5);
  EXPECT_EQ(copy.commit(), 5u);
  copy.append("more", 6);
  copy.append("", 7);
  EXPECT_EQ(copy.commit(), 5u);
  ASSERT_TRUE(copy.next());
  copy.append("", 8);
  EXPECT_EQ(copy.commit(), 5u);
  ASSERT_TRUE(copy.kept(9));
  EXPECT_EQ(copy.commit(), 8u);
  EXPECT_FALSE(copy.next());
}

TEST(copy_stream, an_empty_log_is_kept_once_the_keeper_has_said_so) {
  copy_stream copy;
  copy.begin("", 1);
  copy.append("", 2);
  EXPECT_EQ(copy.commit(), 0u);
  ASSERT_TRUE(copy.next());
  copy.append("", 3);
  EXPECT_EQ(copy.commit(), 0u);
  ASSERT_TRUE(copy.kept(0));
  EXPECT_EQ(copy.commit(), 3u);
}

} // namespace
} // namespace shardyard::testing
