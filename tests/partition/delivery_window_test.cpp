#include "actors/partition/delivery_window.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

constexpr std::uint64_t whole_log = ~std::uint64_t{0};

delivery_batch batch(std::uint64_t number, std::uint32_t payload = 1) {
  event_block block;
  block.entries.push_back({.d_size = payload});
  return {number, {block}};
}

TEST(delivery_window, a_batch_waits_until_the_log_has_what_it_relies_on) {
  delivery_window w{1000};
  w.add(batch(1), 7);
  EXPECT_FALSE(w.open(6));
  EXPECT_EQ(w.undelivered(), 1u);
  ASSERT_TRUE(w.open(7));
  EXPECT_EQ(w.give().number, 1u);
  EXPECT_EQ(w.given(), 1u);
  EXPECT_FALSE(w.all_taken());
}

TEST(delivery_window, none_goes_before_an_older_one_that_needs_more_of_the_log) {
  delivery_window w{1000};
  w.add(batch(1), 9);
  w.add(batch(2), 3);
  EXPECT_FALSE(w.open(3));
  ASSERT_TRUE(w.open(9));
  EXPECT_EQ(w.give().number, 1u);
  ASSERT_TRUE(w.open(9));
  EXPECT_EQ(w.give().number, 2u);
}

TEST(delivery_window, sixty_four_batches_are_under_way_at_most) {
  delivery_window w{1u << 20};
  for (std::uint64_t number = 1; number <= 66; ++number)
    w.add(batch(number), 0);
  while (w.open(whole_log))
    w.give();
  EXPECT_EQ(w.given(), 64u);
  EXPECT_TRUE(w.took(1));
  ASSERT_TRUE(w.open(whole_log));
  w.give();
  EXPECT_FALSE(w.open(whole_log));
  EXPECT_EQ(w.undelivered(), 65u);
}

TEST(delivery_window, payload_under_way_is_bounded_and_comes_free_when_it_is_taken) {
  delivery_window w{100};
  w.add(batch(1, 60), 0);
  w.add(batch(2, 60), 0);
  w.add(batch(3, 60), 0);
  w.give();
  ASSERT_TRUE(w.open(whole_log)) << "60 of 100 bytes are under way";
  w.give();
  EXPECT_FALSE(w.open(whole_log)) << "120 are";
  EXPECT_TRUE(w.took(1));
  EXPECT_TRUE(w.open(whole_log));
}

TEST(delivery_window, what_was_taken_before_is_no_news) {
  delivery_window w{100};
  EXPECT_FALSE(w.took(0));
  w.add(batch(1), 0);
  w.add(batch(2), 0);
  w.give();
  w.give();
  EXPECT_TRUE(w.took(2));
  EXPECT_FALSE(w.took(1));
  EXPECT_EQ(w.taken(), 2u);
  EXPECT_TRUE(w.all_taken());
  EXPECT_EQ(w.undelivered(), 0u);
}

} // namespace
} // namespace shardyard
