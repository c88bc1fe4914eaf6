#include "messages/shared_string.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

TEST(shared_string, copies_share_one_text) {
  shared_string x{"a session's id, longer than what a string holds within itself"};
  auto copy = x;
  EXPECT_EQ(x.str().data(), copy.str().data());
}

TEST(shared_string, equal_texts_are_equal_whoever_made_them) {
  shared_string x{"abc"};
  EXPECT_EQ(x, shared_string{std::string{"abc"}});
  EXPECT_EQ(x, "abc");
  EXPECT_EQ(x, std::string{"abc"});
  EXPECT_NE(x, shared_string{"abd"});
  EXPECT_LT(x, shared_string{"abd"});
  EXPECT_GT(x, shared_string{});
}

TEST(shared_string, nothing_and_an_empty_text_are_the_same) {
  EXPECT_TRUE(shared_string{""}.empty());
  EXPECT_EQ(shared_string{""}, shared_string{});
  EXPECT_EQ(shared_string{}.str(), "");
  EXPECT_EQ(shared_string{}.size(), 0u);
}

} // namespace
} // namespace shardyard
