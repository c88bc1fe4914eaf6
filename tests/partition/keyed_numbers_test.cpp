// Interactions that a lost host had delivered from the session that does not lead, before the lead showed
// them. The lead sends its lines again; consumers know each of them under the number that it had.
#include "tests/partition/partition_fixture.hpp"

#include <gmock/gmock.h>

#include <map>

namespace shardyard::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

made_event numbered_command(std::uint64_t i) {
  return {"INTERACTION_CREATE", g1, at_ms(1, i), R"({"i":)" + std::to_string(i) + "}"};
}

struct claimed_numbers : partition_rules {
  using numbered = std::map<std::uint64_t, std::string>;
  test_shard a, b;
  numbered known;

  // 1 is in the log's copy; then 2 and 4 are interactions of the shadow, 3 and 5 the lead's.
  void SetUp() override {
    overlap(a, b);
    w.send(a, {reaction(g1, 1)});
    w.group->checkpoint(w.now, true);
    w.settle();
    w.sink_stalled = true;
    w.send(b, {numbered_command(1)});
    w.send(a, {reaction(g1, 2)});
    w.send(b, {numbered_command(2)});
    w.send(a, {reaction(g1, 3), numbered_command(1), numbered_command(2)});
    w.write_lines(w.waiting_lines());
    known = told();
    known.erase(1);
    ASSERT_EQ(known.size(), 4u);
    lose_host();
  }

  numbered told() const {
    numbered result;
    for (auto& x : w.lines)
      if (!x.control() && x.guild == g1) {
        EXPECT_FALSE(result.contains(x.n)) << x.n;
        result[x.n] = x.d;
      }
    return result;
  }

  void lose_host() {
    w.lines.clear();
    w.waiting.clear();
    w.crash();
    w.sink_stalled = false;
  }
};

TEST_F(claimed_numbers, are_those_that_consumers_know_whichever_session_is_first) {
  for (auto first_is_b : {false, true}) {
    if (first_is_b) {
      w = group_world{};
      SetUp();
    }
    w.restart();
    w.resync(first_is_b ? b : a);
    w.resync(first_is_b ? a : b);
    EXPECT_EQ(told(), known) << first_is_b;
    w.send(a, {reaction(g1, 6)});
    EXPECT_EQ(told()[6], R"({"r":6})");
    w.take_acks(a);
    w.take_acks(b);
    EXPECT_THAT(a.unacked, IsEmpty());
    EXPECT_THAT(b.unacked, IsEmpty());
  }
}

TEST_F(claimed_numbers, are_kept_free_until_their_events_come) {
  std::erase_if(b.unacked,
                [](auto& item) { return std::holds_alternative<std::shared_ptr<const event_block>>(item); });
  for (auto& item : a.unacked)
    if (auto block = std::get_if<std::shared_ptr<const event_block>>(&item)) {
      auto rest = std::make_shared<event_block>(**block);
      std::erase_if(rest->entries, [](auto& e) { return e.lane == lane::keyed; });
      *block = rest;
    }
  w.restart();
  w.resync(b);
  w.resync(a);
  EXPECT_THAT(told(), IsEmpty());
  w.take_acks(a);
  EXPECT_FALSE(a.unacked.empty()) << "what waits is the shard's";
}

TEST_F(claimed_numbers, of_events_that_never_come_stop_nobody_when_the_sessions_have_caught_up) {
  b.unacked.clear();
  a.unacked.clear();
  w.restart();
  w.resync(a);
  w.resync(b);
  w.send(a, {reaction(g1, 7)});
  EXPECT_THAT(told(), IsEmpty());
  for (int i = 0; i < 3; ++i) {
    w.pass(200ms);
    w.flush(a);
    w.flush(b);
  }
  w.pass(50ms);
  EXPECT_THAT(told(), ElementsAre(Pair(2, R"({"r":7})")));
  w.take_acks(a);
  EXPECT_THAT(a.unacked, IsEmpty());
}

TEST_F(claimed_numbers, of_events_that_never_come_stop_nobody_for_longer_than_four_quiet_times) {
  b.unacked.clear();
  a.unacked.clear();
  w.restart();
  w.resync(a);
  w.send(a, {reaction(g1, 7)});
  w.pass(4 * w.settings.tuning.quiet - 1s);
  EXPECT_THAT(told(), IsEmpty());
  w.pass(2s);
  EXPECT_THAT(told(), ElementsAre(Pair(2, R"({"r":7})")));
}

TEST_F(claimed_numbers, are_given_up_when_a_session_that_waits_ends) {
  b.unacked.clear();
  a.unacked.clear();
  w.restart();
  w.resync(a);
  w.send(a, {reaction(g1, 7)});
  w.mark(a, mark_kind::lost);
  EXPECT_THAT(told(), ElementsAre(Pair(2, R"({"r":7})")));
}

TEST_F(claimed_numbers, are_given_up_before_a_shard_whose_events_wait_is_closed) {
  b.unacked.clear();
  a.unacked.clear();
  w.restart();
  w.resync(a);
  w.resync(b);
  w.send(a, {reaction(g1, 7)});
  EXPECT_THAT(told(), IsEmpty());
  w.mark(a, mark_kind::drain);
  EXPECT_THAT(told(), ElementsAre(Pair(2, R"({"r":7})")));
}

TEST_F(claimed_numbers, make_no_more_events_wait_than_may_be_held) {
  b.unacked.clear();
  a.unacked.clear();
  w.restart();
  w.resync(a);
  auto most = w.settings.tuning.max_held_events;
  for (std::size_t i = 0; i < most; ++i)
    w.send(a, {reaction(g1, 7)});
  EXPECT_THAT(told(), IsEmpty());
  w.send(a, {reaction(g1, 8)});
  EXPECT_EQ(told().size(), most + 1);
}

TEST_F(claimed_numbers, outlive_the_next_crash_and_a_compaction_of_the_log) {
  w.restart();
  w.resync(a);
  w.group->checkpoint(w.now, true);
  w.settle();
  auto delivered = told();
  if (auto whole = w.group->snapshot())
    w.log = *whole;
  lose_host();
  w.restart();
  w.resync(a);
  w.resync(b);
  auto again = told();
  again.merge(delivered);
  EXPECT_EQ(again, known);
}

} // namespace
} // namespace shardyard::testing
