#include "actors/shard/command_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardyard {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

struct commands : ::testing::Test {
  command_queue queue{{.most_of_bot = 3, .most = 5}};
  monotonic now = 100s;

  void ask(std::string bot, std::uint8_t op, std::string d, std::uint32_t patience_ms = 10'000) {
    queue.add({.bot = std::move(bot), .op = op, .d = std::move(d), .patience_ms = patience_ms}, now);
  }
  std::vector<std::string> sent(std::size_t most = 100) {
    std::vector<std::string> result;
    for (std::size_t i = 0; i < most; ++i) {
      auto x = queue.next(now);
      if (!x)
        break;
      result.push_back(x->d);
    }
    return result;
  }
};

TEST_F(commands, of_several_bots_take_turns) {
  for (auto d : {"a1", "a2", "a3"})
    ask("a", 8, d);
  ask("b", 8, "b1");
  ask("c", 43, "c1");
  EXPECT_THAT(sent(), ElementsAre("a1", "b1", "c1", "a2", "a3"));
}

TEST_F(commands, keep_the_turn_of_a_bot_that_asks_again_and_again) {
  ask("a", 8, "a1");
  ask("b", 8, "b1");
  EXPECT_THAT(sent(1), ElementsAre("a1"));
  ask("a", 8, "a2");
  EXPECT_THAT(sent(), ElementsAre("b1", "a2"));
}

TEST_F(commands, for_voice_go_before_all_others) {
  ask("a", 8, "members");
  ask("b", 4, "voice");
  EXPECT_THAT(sent(), ElementsAre("voice", "members"));
}

TEST_F(commands, beyond_a_bots_share_push_out_its_own_oldest) {
  for (auto d : {"a1", "a2", "a3", "a4"})
    ask("a", 8, d);
  ask("b", 8, "b1");
  EXPECT_THAT(sent(), ElementsAre("a2", "b1", "a3", "a4"));
  EXPECT_EQ(queue.dropped(), 1u);
}

TEST_F(commands, beyond_the_total_push_out_the_oldest_of_whoever_has_most) {
  for (auto d : {"a1", "a2", "a3"})
    ask("a", 8, d);
  for (auto d : {"b1", "b2"})
    ask("b", 8, d);
  ask("c", 8, "c1");
  EXPECT_EQ(queue.size(), 5u);
  EXPECT_THAT(sent(), ElementsAre("a2", "b1", "c1", "a3", "b2"));
}

TEST_F(commands, that_have_waited_too_long_are_dropped) {
  ask("a", 8, "short", 1000);
  ask("a", 8, "long", 5000);
  now += 1s;
  EXPECT_THAT(sent(), ElementsAre("long"));
  EXPECT_EQ(queue.dropped(), 1u);
}

TEST_F(commands, outlive_a_connection_but_not_their_session) {
  ask("a", 8, "kept");
  queue.disconnected(now);
  EXPECT_THAT(sent(), ElementsAre("kept"));
  ask("a", 8, "gone");
  queue.session_lost();
  EXPECT_THAT(sent(), ElementsAre());
}

TEST_F(commands, for_presence_are_the_newest_alone) {
  ask("a", 3, "old");
  ask("b", 3, "new");
  ask("b", 8, "members");
  EXPECT_THAT(sent(), ElementsAre("new", "members"));
  ask("b", 3, "new");
  EXPECT_THAT(sent(), ElementsAre()) << "the same once more is nothing new";
}

TEST_F(commands, for_presence_are_sent_five_times_in_twenty_seconds_at_most) {
  for (int i = 0; i < 8; ++i) {
    ask("a", 3, std::to_string(i));
    EXPECT_EQ(sent().size(), i < 5 ? 1u : 0u) << i;
    now += 1s;
  }
  EXPECT_EQ(queue.due(), 120s);
  now = 120s;
  EXPECT_THAT(sent(), ElementsAre("7"));
}

TEST_F(commands, for_presence_are_repeated_when_they_may_have_been_lost_with_the_connection) {
  ask("a", 3, "here");
  EXPECT_THAT(sent(), ElementsAre("here"));
  now += 1s;
  queue.disconnected(now);
  EXPECT_THAT(sent(), ElementsAre("here"));
  now += 10s;
  queue.disconnected(now);
  EXPECT_THAT(sent(), ElementsAre());
}

TEST_F(commands, for_presence_are_said_in_identify_instead) {
  ask("a", 3, "here");
  queue.session_lost();
  EXPECT_EQ(queue.presence(), "here");
  queue.identified();
  EXPECT_THAT(sent(), ElementsAre());
}

} // namespace
} // namespace shardyard
