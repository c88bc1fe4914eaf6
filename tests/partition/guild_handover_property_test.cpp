// Random histories of one guild against the truth, and the proof that each rule is needed: switched off, the
// same histories must go wrong. SHARDYARD_SEED moves to other histories; a failure prints the seed of its
// history.
#include "tests/partition/guild_handover_world.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

/// A family of histories in which both sessions carry the same events, drawn from the seed.
world_options agreeing(std::uint64_t seed) {
  std::mt19937_64 random{seed ^ 0x5DEECE66D};
  auto one_of = [&](std::initializer_list<double> values) {
    return values.begin()[random() % values.size()];
  };
  world_options o;
  o.contents = random() % 3 ? 5 : 1'000'000'000;
  o.anchors = one_of({0, .05, .3, .6});
  o.twins = o.contents > 5 ? 0 : one_of({0, .15, .4});
  o.events_per_second = one_of({.3, 1, 2, 10});
  o.drop = one_of({0, 0, .5});
  o.freeze = one_of({0, 0, .3});
  o.reidentify_first = one_of({0, 0, .3});
  o.reidentify_second = one_of({0, 0, .5});
  o.turn_back = one_of({0, 0, .5});
  return o;
}

struct totals {
  std::size_t runs = 0, wrong = 0, silent = 0, uncounted = 0, weak = 0, gap = 0, where_wanted = 0,
              left_over = 0, late = 0;
  std::size_t cuts[4] = {0, 0, 0, 0};
  std::string first_wrong, first_silent;

  void add(std::uint64_t seed, const outcome& x) {
    ++runs;
    weak += x.weak;
    gap += x.gap;
    where_wanted += x.where_wanted;
    late += x.counters.late;
    for (auto kind : x.cuts)
      ++cuts[static_cast<int>(kind)];
    auto bad = !x.weak && !x.exact();
    wrong += bad;
    silent += x.silent();
    left_over += x.left_over;
    auto text = "seed " + std::to_string(seed) + ": " + x.text();
    if ((bad || x.left_over) && first_wrong.empty())
      first_wrong = text;
    uncounted += x.uncounted();
    if ((x.silent() || x.uncounted()) && first_silent.empty())
      first_silent = text;
  }
  std::size_t cut_by(cut_kind kind) const { return cuts[static_cast<int>(kind)]; }
};

template <class Options>
totals run_many(std::size_t count, Options options) {
  totals sum;
  for (std::size_t i = 0; i < count; ++i) {
    auto seed = first_seed() * 1'000'000 + i;
    sum.add(seed, guild_world{options(seed), seed}.run());
  }
  return sum;
}

TEST(guild_handover_property, nothing_is_lost_doubled_or_reordered_where_both_sessions_agree) {
  auto sum = run_many(10'000, agreeing);
  EXPECT_EQ(sum.wrong, 0u) << sum.first_wrong;
  EXPECT_EQ(sum.silent, 0u) << sum.first_silent;
  EXPECT_EQ(sum.left_over, 0u) << sum.first_wrong;
  EXPECT_GT(sum.where_wanted, sum.runs * 95 / 100) << "the lead must get where the plan wants it";
  EXPECT_GT(sum.cut_by(cut_kind::anchor), sum.runs / 3);
  EXPECT_GT(sum.cut_by(cut_kind::quiet), sum.runs / 5);
  EXPECT_GT(sum.cut_by(cut_kind::swap_back), sum.runs / 10);
  EXPECT_LT(sum.weak, sum.runs / 10) << "`weak` must stay the exception, since it excuses";
  EXPECT_LT(sum.gap, sum.runs / 5);
}

TEST(guild_handover_property, without_heartbeat_times_only_a_stall_can_make_a_cut_inexact) {
  auto sum = run_many(3'000, [](auto seed) {
    auto o = agreeing(seed);
    o.flush_times = false;
    o.freeze = 0;
    return o;
  });
  EXPECT_EQ(sum.wrong, 0u) << sum.first_wrong;
  EXPECT_EQ(sum.silent, 0u) << sum.first_silent;
}

TEST(guild_handover_property, events_that_only_one_session_carries_are_delivered_late_or_counted) {
  auto sum = run_many(4'000, [](auto seed) {
    auto o = agreeing(seed);
    // An event that the old session lacks hides behind an equal one of before the new session's snapshot: no
    // one can tell.
    o.contents = 1'000'000'000;
    o.twins = 0;
    (seed % 2 ? o.missing_first : o.missing_second) = .02;
    return o;
  });
  EXPECT_EQ(sum.silent, 0u) << sum.first_silent;
  EXPECT_GT(sum.late, 0u);
}

TEST(guild_handover_property, what_the_new_session_lacks_is_not_lost_while_the_old_one_lives) {
  auto sum = run_many(4'000, [](auto seed) {
    auto o = agreeing(seed);
    o.reidentify_first = o.reidentify_second = o.turn_back = o.freeze = 0;
    o.missing_second = .02;
    return o;
  });
  EXPECT_EQ(sum.silent, 0u) << sum.first_silent;
  EXPECT_GT(sum.late, 0u);
}

TEST(guild_handover_property, inversions_are_counted_across_the_first_common_anchor_too) {
  auto sum = run_many(4'000, [](auto seed) {
    auto o = agreeing(seed);
    o.inversions = .01;
    return o;
  });
  EXPECT_EQ(sum.silent, 0u) << sum.first_silent;
  EXPECT_EQ(sum.uncounted, 0u) << sum.first_silent;
}

// The mutation check: without any one of the rules the promise above breaks, and with all of them the same
// histories hold.
void expect_needed(
    void (*switch_off)(world_options&), void (*shape)(world_options&) = [](world_options&) {}) {
  auto family = [&](bool off) {
    return run_many(3'000, [=](auto seed) {
      auto o = agreeing(seed);
      shape(o);
      if (off)
        switch_off(o);
      return o;
    });
  };
  auto sound = family(false);
  EXPECT_EQ(sound.wrong, 0u) << sound.first_wrong;
  EXPECT_GE(family(true).wrong, 5u);
}

TEST(guild_handover_mutation, without_the_hold_histories_go_wrong) {
  expect_needed([](world_options& o) { o.tuning.use_hold = false; });
}
TEST(guild_handover_mutation, without_the_floor_histories_go_wrong) {
  expect_needed([](world_options& o) { o.tuning.use_floor = false; },
                [](world_options& o) {
                  o.anchors = .5;
                  o.twins = .4;
                });
}
TEST(guild_handover_mutation, without_the_replay_filter_histories_go_wrong) {
  expect_needed([](world_options& o) { o.replay_filter = false; });
}
TEST(guild_handover_mutation, without_the_live_socket_condition_histories_go_wrong) {
  expect_needed([](world_options& o) { o.tuning.use_live_sockets = false; });
}
TEST(guild_handover_mutation, delivering_the_follower_at_a_quiet_cut_doubles) {
  expect_needed([](world_options& o) { o.tuning.discard_follower_at_quiet_cut = false; });
}

} // namespace
} // namespace shardyard
