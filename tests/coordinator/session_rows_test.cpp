#include "messages/session_rows.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace shardyard {
namespace {

constexpr shard_key moving_shard{1, 0, 2};

session_checkpoint row(std::uint64_t term, std::string session, std::uint64_t cursor,
                       std::int64_t newest_ms = 0) {
  session_checkpoint x;
  x.shard = moving_shard;
  x.session_id = std::move(session);
  x.term = term;
  x.cursor = cursor;
  x.newest_ms = newest_ms;
  x.guilds = {cursor};
  return x;
}

checkpoint_report report(std::vector<session_checkpoint> rows, std::vector<cursor_move> moves = {},
                         std::vector<cursor_move> gone = {}) {
  checkpoint_report x;
  x.rows = std::move(rows);
  x.moves = std::move(moves);
  x.gone = std::move(gone);
  return x;
}

TEST(session_rows, a_row_is_found_whole) {
  session_rows rows;
  rows.note(report({row(1, "s", 5, 9)}));
  EXPECT_EQ(rows.find(moving_shard), row(1, "s", 5, 9));
  EXPECT_FALSE(rows.find({1, 1, 2}));
  EXPECT_EQ(rows.all().size(), 1u);
}

TEST(session_rows, a_later_life_wins_however_far_the_earlier_one_was) {
  for (auto later_first : {false, true}) {
    session_rows rows;
    rows.put(later_first ? row(2, "new", 3) : row(1, "old", 900));
    rows.put(later_first ? row(1, "old", 900) : row(2, "new", 3));
    EXPECT_EQ(rows.find(moving_shard), row(2, "new", 3)) << later_first;
  }
}

TEST(session_rows, an_older_row_of_the_same_session_takes_nothing_back) {
  session_rows rows;
  rows.put(row(1, "s", 9));
  rows.put(row(1, "s", 5));
  EXPECT_EQ(rows.find(moving_shard)->cursor, 9u);
}

TEST(session_rows, a_row_that_names_the_same_cursor_brings_its_guilds) {
  session_rows rows;
  rows.put(row(1, "s", 9));
  auto changed = row(1, "s", 9);
  changed.guilds = {1, 2, 3};
  rows.put(changed);
  EXPECT_EQ(rows.find(moving_shard), changed);
}

TEST(session_rows, a_new_session_of_the_same_life_begins_low_and_wins) {
  session_rows rows;
  rows.put(row(1, "first", 900));
  rows.put(row(1, "second", 1));
  EXPECT_EQ(rows.find(moving_shard), row(1, "second", 1));
}

TEST(session_rows, a_row_without_a_term_is_kept_too) {
  session_rows rows;
  rows.put(row(0, "s", 4));
  EXPECT_EQ(rows.find(moving_shard), row(0, "s", 4));
}

TEST(session_rows, a_move_goes_forward_only_and_only_within_its_life) {
  session_rows rows;
  rows.note(report({row(2, "s", 5, 7)}));
  rows.note(report({}, {{moving_shard, 2, 8, 6}}));
  EXPECT_EQ(rows.find(moving_shard)->cursor, 8u);
  EXPECT_EQ(rows.find(moving_shard)->newest_ms, 7);
  rows.note(report({}, {{moving_shard, 2, 4, 9}}));
  EXPECT_EQ(rows.find(moving_shard)->cursor, 8u);
  EXPECT_EQ(rows.find(moving_shard)->newest_ms, 9);
  rows.note(report({}, {{moving_shard, 1, 90, 90}, {moving_shard, 3, 90, 90}, {{1, 1, 2}, 2, 90, 90}}));
  EXPECT_EQ(rows.find(moving_shard)->cursor, 8u);
  EXPECT_EQ(rows.all().size(), 1u) << "a move of an unknown session makes no row";
}

TEST(session_rows, a_session_that_is_gone_is_not_offered_any_more) {
  session_rows rows;
  rows.note(report({row(1, "s", 5)}));
  rows.note(report({}, {{moving_shard, 1, 6, 0}}, {{moving_shard, 9, 0, 0}}));
  EXPECT_FALSE(rows.find(moving_shard));
  EXPECT_TRUE(rows.all().empty());
  rows.note(report({}, {}, {{moving_shard, 9, 0, 0}}));
}

TEST(session_rows, a_session_lost_and_replaced_within_one_report_is_the_new_one_from_its_own_place) {
  for (auto known_before : {false, true}) {
    session_rows rows;
    rows.put(row(1, "first", 890));
    if (known_before)
      rows.put(row(1, "second", 1));
    rows.note(report({row(1, "second", 1)}, {{moving_shard, 1, 900, 0}}, {{moving_shard, 9, 0, 0}}));
    EXPECT_EQ(rows.find(moving_shard), row(1, "second", 1)) << "900 is a sequence of the first session";
  }
}

TEST(session_rows, a_cursor_never_passes_from_one_session_to_the_next_of_the_same_life) {
  session_rows rows;
  rows.put(row(1, "first", 890));
  rows.note(report({row(1, "second", 1)}, {{moving_shard, 1, 900, 0}}));
  EXPECT_EQ(rows.find(moving_shard)->cursor, 1u);
  rows.note(report({}, {{moving_shard, 1, 2, 0}}));
  EXPECT_EQ(rows.find(moving_shard)->cursor, 2u);
}

TEST(session_rows, a_changed_row_and_a_later_move_of_the_same_session_both_count) {
  session_rows rows;
  rows.put(row(1, "s", 5));
  rows.note(report({row(1, "s", 10)}, {{moving_shard, 1, 12, 3}}));
  auto expected = row(1, "s", 12, 3);
  expected.guilds = {10};
  EXPECT_EQ(rows.find(moving_shard), expected);
}

RC_GTEST_PROP(session_rows, rows_in_any_order_end_with_the_furthest_of_the_latest_life, ()) {
  auto count = *rc::gen::inRange(1, 30);
  session_rows rows;
  session_checkpoint best;
  for (int i = 0; i < count; ++i) {
    auto term = *rc::gen::inRange<std::uint64_t>(1, 5);
    auto x = row(term, "session of " + std::to_string(term), *rc::gen::inRange<std::uint64_t>(0, 50));
    rows.put(x);
    if (std::pair{x.term, x.cursor} >= std::pair{best.term, best.cursor})
      best = x;
    RC_ASSERT(rows.find(moving_shard) == best);
  }
}

RC_GTEST_PROP(session_rows, a_keeper_that_hears_rows_and_moves_is_level_with_one_that_hears_rows_alone, ()) {
  session_rows whole, moved;
  auto current = row(1, "first", 1);
  whole.put(current);
  moved.put(current);
  for (auto steps = *rc::gen::inRange(1, 60); steps > 0; --steps) {
    if (*rc::gen::inRange(0, 8) == 0) {
      auto term = current.term + *rc::gen::inRange<std::uint64_t>(0, 2);
      current = row(term, "s" + std::to_string(steps), *rc::gen::inRange<std::uint64_t>(0, 9));
      whole.put(current);
      moved.note(report({current}));
    } else {
      current.cursor += *rc::gen::inRange<std::uint64_t>(0, 9);
      current.newest_ms += *rc::gen::inRange<std::int64_t>(0, 9);
      whole.put(current);
      moved.note(report({}, {{moving_shard, current.term, current.cursor, current.newest_ms}}));
    }
    RC_ASSERT(moved.find(moving_shard) == whole.find(moving_shard));
    RC_ASSERT(moved.find(moving_shard) == current);
  }
}

} // namespace
} // namespace shardyard
