// Bot endpoints that come, go and fall silent while a partition group delivers.
#include "tests/actors/partition_scene.hpp"

#include <numeric>

namespace shardyard::testing {
namespace {

std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> result(last - first + 1);
  std::iota(result.begin(), result.end(), first);
  return result;
}

struct endpoint {
  std::shared_ptr<late_sink> record = std::make_shared<late_sink>();
  late_sink_actor handle;
};

struct group_feeds : partition_scene {
  void SetUp() override {
    sink->at_once = true;
    serve_bots();
    mark(mark_kind::started);
  }

  endpoint make(bool at_once = true) {
    endpoint x;
    x.record->at_once = at_once;
    x.handle = w.keep(spawn_late_sink(w.system, x.record));
    return x;
  }
  void accept_all_of(endpoint& x) {
    while (!x.record->waiting.empty())
      w.send(x.handle, tick{});
  }
  std::variant<feed_opened, std::string> feed(const endpoint& x, std::string name = "e",
                                              std::uint64_t incarnation = 1) {
    return w.ask<feed_opened>(group, feed_request{std::move(name), incarnation},
                              caf::actor_cast<caf::strong_actor_ptr>(x.handle));
  }
  feed_opened opened(const endpoint& x, std::string name = "e", std::uint64_t incarnation = 1) {
    auto answer = feed(x, std::move(name), incarnation);
    EXPECT_EQ(answer.index(), 0u) << std::get<1>(answer);
    return answer.index() == 0 ? std::get<0>(answer) : feed_opened{};
  }
};

TEST_F(group_feeds, a_late_subscriber_gets_what_is_kept_and_then_what_comes) {
  for (int i = 0; i < 5; ++i)
    events();
  auto e = make();
  auto answer = opened(e);
  EXPECT_EQ(answer.group, 1u);
  EXPECT_EQ(answer.epoch, 1u);
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(e.record->delivery_numbers, numbers(1, 5));
  for (int i = 0; i < 5; ++i)
    events();
  w.pass(1s);
  EXPECT_EQ(e.record->delivery_numbers, numbers(1, 10));
  EXPECT_EQ(heard->acknowledged(), 11u);
}

TEST_F(group_feeds, what_is_older_than_half_a_minute_is_not_kept_and_the_answer_says_so) {
  events();
  w.pass(31s);
  events();
  auto e = make();
  EXPECT_FALSE(opened(e).whole);
  EXPECT_EQ(e.record->delivery_numbers, numbers(2, 2));
}

TEST_F(group_feeds, what_no_sink_has_taken_is_kept_however_old) {
  sink->at_once = false;
  events();
  w.pass(40s);
  auto e = make();
  EXPECT_TRUE(opened(e).whole);
  EXPECT_EQ(e.record->delivery_numbers, numbers(1, 1));
}

TEST_F(group_feeds, a_feed_holds_back_acknowledgements_until_it_has_accepted) {
  auto e = make(false);
  opened(e);
  events();
  events();
  w.pass(2s);
  EXPECT_EQ(heard->acknowledged(), 1u);
  w.send(e.handle, tick{});
  w.pass(1s);
  EXPECT_EQ(heard->acknowledged(), 2u);
  accept_all_of(e);
  w.pass(1s);
  EXPECT_EQ(heard->acknowledged(), 3u);
}

TEST_F(group_feeds, what_is_kept_must_be_accepted_too) {
  sink->at_once = false;
  events();
  w.pass(1s);
  auto e = make(false);
  opened(e);
  accept_all(); // the sink, not the endpoint
  w.pass(2s);
  EXPECT_EQ(heard->acknowledged(), 1u);
  accept_all_of(e);
  w.pass(1s);
  EXPECT_EQ(heard->acknowledged(), 2u);
}

TEST_F(group_feeds, without_any_sink_the_feeds_decide_alone) {
  serve_bots(false);
  stream = 2, ordinal = 0;
  mark(mark_kind::resynced);
  events();
  w.pass(1s);
  EXPECT_EQ(heard->stream.back().through, 2u);
  auto e = make(false);
  opened(e);
  events();
  w.pass(2s);
  EXPECT_EQ(heard->stream.back().through, 2u);
  accept_all_of(e);
  w.pass(1s);
  EXPECT_EQ(heard->stream.back().through, 3u);
}

TEST_F(group_feeds, a_silent_feed_is_dropped_after_five_seconds_and_all_goes_on) {
  auto mute = make(false);
  auto good = make();
  opened(mute, "mute");
  opened(good, "good");
  for (int i = 0; i < 200; ++i) // more than may be under way
    events();
  w.pass(4s);
  EXPECT_EQ(heard->acknowledged(), 1u);
  EXPECT_LT(good.record->delivery_numbers.size(), 200u);
  w.pass(2s);
  EXPECT_EQ(heard->acknowledged(), 201u);
  EXPECT_EQ(good.record->delivery_numbers, numbers(1, 200));
  auto had = mute.record->delivery_numbers.size();
  accept_all_of(mute); // too late
  events();
  w.pass(1s);
  EXPECT_EQ(mute.record->delivery_numbers.size(), had);
  EXPECT_EQ(heard->acknowledged(), 202u);
}

TEST_F(group_feeds, a_feed_that_died_is_dropped_at_once) {
  auto e = make(false);
  opened(e);
  events();
  w.pass(1s);
  EXPECT_EQ(heard->acknowledged(), 1u);
  w.end(e.handle);
  w.pass(100ms);
  EXPECT_EQ(heard->acknowledged(), 2u);
}

TEST_F(group_feeds, a_new_request_of_the_same_endpoint_replaces_its_feed) {
  auto old = make(false);
  opened(old);
  events();
  w.pass(1s);
  auto fresh = make();
  EXPECT_TRUE(opened(fresh, "e", 2).whole);
  w.pass(1s);
  EXPECT_EQ(fresh.record->delivery_numbers, numbers(1, 1));
  EXPECT_EQ(heard->acknowledged(), 2u);
  events();
  w.pass(1s);
  EXPECT_EQ(old.record->delivery_numbers, numbers(1, 1));
  EXPECT_EQ(fresh.record->delivery_numbers, numbers(1, 2));
  accept_all_of(old); // answers to the feed that is no more
  w.end(old.handle);
  events();
  w.pass(1s);
  EXPECT_EQ(fresh.record->delivery_numbers, numbers(1, 3));
  EXPECT_EQ(heard->acknowledged(), 4u);
}

// Asked again over the same connection, as after a lost answer.
TEST_F(group_feeds, the_same_sink_may_ask_twice) {
  auto e = make();
  opened(e);
  events();
  opened(e);
  w.pass(1s);
  EXPECT_EQ(e.record->delivery_numbers, (std::vector<std::uint64_t>{1, 1}));
  w.end(e.handle);
  events();
  w.pass(1s);
  EXPECT_EQ(heard->acknowledged(), 3u);
}

TEST_F(group_feeds, an_older_life_of_an_endpoint_does_not_take_its_feed_back) {
  auto old = make(), fresh = make();
  opened(fresh, "e", 7);
  EXPECT_EQ(feed(old, "e", 6).index(), 1u);
  events();
  w.pass(1s);
  EXPECT_TRUE(old.record->delivery_numbers.empty());
  EXPECT_EQ(fresh.record->delivery_numbers, numbers(1, 1));
}

TEST_F(group_feeds, a_crash_loses_nothing_that_an_endpoint_has_not_accepted) {
  auto e = make(false);
  opened(e);
  events();
  w.send(e.handle, tick{});
  events();
  events();
  w.pass(1s);
  ASSERT_EQ(heard->acknowledged(), 2u);
  serve_bots();
  auto again = make();
  EXPECT_TRUE(opened(again).whole);
  stream = 2, ordinal = 0, s = 2; // what was not acknowledged comes again
  mark(mark_kind::resynced);
  events();
  events();
  w.pass(1s);
  EXPECT_EQ(again.record->delivery_numbers, numbers(2, 3));
}

TEST_F(group_feeds, a_group_that_is_released_waits_for_its_feeds) {
  auto e = make(false);
  opened(e);
  events();
  w.pass(1s);
  auto released = std::make_shared<bool>(false);
  auto owner = w.keep(w.system.spawn([released, to = group](caf::event_based_actor* self) -> caf::behavior {
    compat::request_local(self, caf::actor_cast<local_partition_group_actor>(to), release_group{1, 1, 1})
        .then([released](const std::string&) { *released = true; });
    return {[](tick) {}};
  }));
  w.pass(1s);
  EXPECT_FALSE(*released);
  EXPECT_EQ(feed(make(), "other").index(), 1u);
  accept_all_of(e);
  w.pass(1s);
  EXPECT_TRUE(*released);
}

// Which member is the bot itself the coordinator knows.
TEST_F(group_feeds, a_guild_is_described_with_the_bot_itself_and_again_after_a_restart) {
  assignment known;
  known.identity = R"({"user":{"id":"77","username":"bot"},"application":{"id":"5"}})";
  w.send(group, known);
  auto d = R"({"id":")" + std::to_string(some_guild) +
           R"(","name":"Quay","member_count":2,"channels":[],"members":[{"user":{"id":"77"},"roles":[]},)" +
           R"({"user":{"id":"78"},"roles":[]}]})";
  show_guild(d);
  w.pass(1s);
  for (auto round : {1, 2}) {
    auto answer = w.ask<snapshot_answer>(group, snapshot_request{{some_guild}, ~std::uint64_t{0}, 50});
    ASSERT_EQ(answer.index(), 0u);
    auto& x = std::get<0>(answer);
    EXPECT_EQ(x.guilds.at(0).size, x.bytes.size());
    EXPECT_NE(x.bytes.find("\"Quay\""), x.bytes.npos) << x.bytes;
    EXPECT_NE(x.bytes.find("\"77\""), x.bytes.npos) << x.bytes;
    EXPECT_EQ(x.bytes.find("\"78\""), x.bytes.npos) << x.bytes;
    EXPECT_EQ(news->back().figures.uncached, 0u);
    if (round == 1) {
      serve_bots();
      w.pass(1s);
    }
  }
}

TEST_F(group_feeds, guilds_are_listed_and_described_on_request) {
  events();
  auto list = w.ask<guild_list>(group, guild_list_request{{0, 1}});
  ASSERT_EQ(list.index(), 0u);
  EXPECT_EQ(std::get<0>(list).group, 1u);
  EXPECT_EQ(std::get<0>(list).guilds, std::vector<snowflake>{some_guild});
  auto rows = w.ask<snapshot_answer>(group, snapshot_request{{some_guild}, 0, 50});
  ASSERT_EQ(rows.index(), 0u);
  EXPECT_EQ(std::get<0>(rows).guilds.at(0).n, 1u);
  EXPECT_EQ(std::get<0>(rows).guilds.at(0).size, 0u); // no snapshot has come
  w.pass(1s);
  EXPECT_EQ(news->back().figures.uncached, 1u);
}

} // namespace
} // namespace shardyard::testing
