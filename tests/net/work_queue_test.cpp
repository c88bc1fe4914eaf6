// The order of what is given to a thread, without the thread.
#include "net/work_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>

namespace shardyard::net {
namespace {

/// Gives more when it goes.
struct last_word {
  work_queue& to;
  std::shared_ptr<int> spoken;
  ~last_word() {
    to.give([spoken = spoken] { ++*spoken; });
  }
};

TEST(work_queue, only_who_gives_the_first_piece_has_to_have_it_run) {
  work_queue subject;
  EXPECT_TRUE(subject.give([] {}));
  EXPECT_FALSE(subject.give([] {}));
  subject.run();
  EXPECT_TRUE(subject.give([] {}));
}

TEST(work_queue, what_is_given_while_it_runs_waits_for_another_run) {
  work_queue subject;
  std::vector<int> order;
  std::optional<bool> first;
  subject.give([&] {
    order.push_back(1);
    first = subject.give([&] { order.push_back(3); });
  });
  subject.give([&] { order.push_back(2); });
  subject.run();
  EXPECT_EQ(order, (std::vector{1, 2}));
  EXPECT_EQ(first, true) << "nobody would have the rest run";
  subject.run();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(work_queue, a_piece_is_gone_before_the_next_one_begins) {
  work_queue subject;
  auto held = std::make_shared<int>(0);
  std::weak_ptr<int> watch = held;
  auto gone = false;
  subject.give([held = std::move(held)] { ++*held; });
  subject.give([&] { gone = watch.expired(); });
  subject.run();
  EXPECT_TRUE(gone);
}

TEST(work_queue, a_piece_that_closes_it_is_the_last_one_done) {
  work_queue subject;
  auto held = std::make_shared<int>(0);
  subject.give([&, held] {
    subject.give([held] { ++*held; });
    subject.close();
  });
  subject.give([held] { ++*held; });
  subject.run();
  EXPECT_FALSE(subject.give([held] { ++*held; }));
  subject.run();
  EXPECT_EQ(*held, 0);
  EXPECT_EQ(held.use_count(), 1) << "a piece is still there";
}

TEST(work_queue, what_is_dropped_may_give_more_while_it_goes) {
  work_queue subject;
  auto spoken = std::make_shared<int>(0);
  subject.give([word = std::make_shared<last_word>(subject, spoken)] {});
  subject.close();
  subject.run();
  EXPECT_EQ(*spoken, 0);
  EXPECT_EQ(spoken.use_count(), 1);
}

TEST(work_queue, each_threads_pieces_keep_their_order_and_none_is_lost) {
  constexpr int threads = 3, pieces = 2000;
  work_queue subject;
  std::vector<std::vector<int>> done(threads);
  std::vector<std::thread> givers;
  for (int t = 0; t < threads; ++t)
    givers.emplace_back([&, t] {
      for (int i = 0; i < pieces; ++i)
        subject.give([&, t, i] { done[t].push_back(i); });
    });
  auto all = [&] { return std::ranges::all_of(done, [](auto& mine) { return mine.size() == pieces; }); };
  for (int runs = 0; runs < 100'000'000 && !all(); ++runs)
    subject.run();
  for (auto& giver : givers)
    giver.join();
  for (auto& mine : done)
    EXPECT_TRUE(mine.size() == pieces && std::ranges::is_sorted(mine));
}

} // namespace
} // namespace shardyard::net
