#include "actors/partition/commit_queue.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

namespace shardyard {
namespace {

using namespace std::chrono_literals;

TEST(commit_queue, gathers_for_the_next_write_while_one_is_under_way) {
  commit_queue q;
  q.add("a");
  EXPECT_EQ(q.next(0s)->records, "a");
  q.add("b");
  q.add("c");
  EXPECT_FALSE(q.next(0s));
  q.written(true, 0s);
  EXPECT_EQ(q.safe(), 1u);
  EXPECT_EQ(q.next(0s)->records, "bc");
  q.written(true, 0s);
  EXPECT_EQ(q.safe(), q.newest());
  EXPECT_FALSE(q.next(0s));
}

TEST(commit_queue, a_failed_write_is_tried_again_and_makes_nothing_safe) {
  commit_queue q;
  q.add("a");
  q.next(0s);
  q.written(false, 0s);
  EXPECT_EQ(q.safe(), 0u);
  EXPECT_FALSE(q.next(0s));
  ASSERT_TRUE(q.retry_at());
  auto again = q.next(*q.retry_at());
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->records.empty()) << "the log has kept them";
  q.written(true, 1s);
  EXPECT_EQ(q.safe(), 1u);
}

TEST(commit_queue, only_the_newest_offsets_are_written) {
  commit_queue q;
  q.add("a", {{"file", "1"}});
  q.add("b", {{"file", "2"}});
  EXPECT_EQ(q.next(0s)->offsets, (std::vector<sink_offset>{{"file", "2"}}));
}

TEST(commit_queue, nothing_is_safe_before_the_log_has_it_whatever_happens) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    commit_queue q;
    std::string kept, on_disk; // by the log
    std::vector<std::size_t> length{0};
    std::size_t added = 0;
    bool writing = false;
    monotonic now{0};
    for (int i = 0; i < 200; ++i) {
      now += std::chrono::milliseconds(random() % 80);
      if (random() % 2) {
        std::string record(1 + random() % 3, 'x');
        q.add(record);
        added += record.size();
        length.push_back(added);
      }
      if (auto work = q.next(now)) {
        RC_ASSERT(!writing);
        writing = true;
        kept += work->records;
      }
      if (writing && random() % 3 == 0) {
        auto ok = random() % 4 != 0;
        if (ok)
          on_disk = kept;
        q.written(ok, now);
        writing = false;
      }
      RC_ASSERT(q.safe() <= q.newest());
      RC_ASSERT(length[q.safe()] <= on_disk.size());
    }
  }));
}

} // namespace
} // namespace shardyard
