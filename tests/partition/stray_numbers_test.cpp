// Events without guild come from any shard, in any order. After a host was lost with deliveries that its
// log's copy knows only as claims on numbers, they come again under the numbers that consumers know.
#include "tests/partition/partition_fixture.hpp"

#include <gmock/gmock.h>

#include <map>

namespace shardyard::testing {
namespace {

using ::testing::IsEmpty;

struct strays : partition_rules {
  using numbered = std::map<std::uint64_t, std::string>;
  test_shard a, b;

  void SetUp() override {
    a = w.start_covering({1, 0, 2}, "A", {});
    b = w.start_covering({1, 1, 2}, "B", {});
    w.send(a, {news(0)});
    w.group->checkpoint(w.now, true);
    w.settle();
    w.sink_stalled = true;
    w.send(a, {news(1)});
    w.send(b, {news(2)});
    w.send(a, {news(3), news(4)});
  }

  static made_event news(int i) { return {"USER_UPDATE", 0, 0, R"({"id":")" + std::to_string(i) + R"("})"}; }

  numbered told() const {
    numbered result;
    for (auto& x : w.lines)
      if (!x.control()) {
        EXPECT_FALSE(result.contains(x.n)) << x.n;
        result[x.n] = x.d;
      }
    return result;
  }

  /// Consumers have what it delivered; of the positions behind the last checkpoint nobody knows.
  numbered lose_host() {
    w.write_lines(w.waiting_lines());
    auto known = told();
    w.lines.clear();
    w.waiting.clear();
    w.crash();
    w.sink_stalled = false;
    return known;
  }

  static void expect_same(const numbered& again, const numbered& known) {
    EXPECT_EQ(again.size(), known.size() - 1) << "all but what the positions tell of";
    for (auto& [n, d] : again)
      EXPECT_EQ(known.contains(n) ? known.at(n) : "nothing", d) << "number " << n;
  }
};

TEST_F(strays, come_again_under_the_numbers_that_they_had_whatever_shard_is_first) {
  for (auto first_is_b : {true, false}) {
    if (!first_is_b) {
      w = group_world{};
      SetUp();
    }
    auto known = lose_host();
    ASSERT_EQ(known.size(), 5u);
    w.restart();
    w.resync(first_is_b ? b : a);
    w.resync(first_is_b ? a : b);
    expect_same(told(), known);
  }
}

TEST_F(strays, that_are_new_take_no_number_of_one_that_comes_again) {
  auto known = lose_host();
  w.send(b, {news(9)});
  w.restart();
  w.resync(b);
  EXPECT_THAT(told(), IsEmpty()) << "the first number is a's";
  w.resync(a);
  auto again = told();
  EXPECT_EQ(again[6], news(9).d);
  again.erase(6);
  expect_same(again, known);
  w.send(b, {news(10)});
  EXPECT_EQ(told()[7], news(10).d);
}

TEST_F(strays, whose_shard_does_not_come_back_keep_nobody_for_ever) {
  lose_host();
  w.restart();
  w.resync(b);
  w.send(b, {news(9)});
  w.pass(4 * w.settings.tuning.quiet - 1s);
  EXPECT_THAT(told(), IsEmpty());
  w.pass(2s);
  EXPECT_EQ(told(), (numbered{{2, news(2).d}, {3, news(9).d}}));
  w.take_acks(b);
  EXPECT_THAT(b.unacked, IsEmpty());
}

TEST_F(strays, that_wait_survive_the_next_crash) {
  auto known = lose_host();
  w.restart();
  w.resync(b);
  w.group->checkpoint(w.now, true);
  w.settle();
  EXPECT_FALSE(b.unacked.empty()) << "what waits is the shard's";
  w.crash();
  w.restart();
  w.resync(b);
  w.resync(a);
  expect_same(told(), known);
}

TEST_F(strays, keep_their_numbers_over_a_compaction_of_the_log) {
  auto known = lose_host();
  w.restart();
  w.resync(b);
  auto whole = w.group->snapshot();
  ASSERT_TRUE(whole);
  w.log = *whole;
  w.crash();
  w.restart();
  w.resync(b);
  w.resync(a);
  expect_same(told(), known);
}

} // namespace
} // namespace shardyard::testing
