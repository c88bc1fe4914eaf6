// The actor of an endpoint between a partition group and the switch of its bots, in virtual time: the switch
// runs at once, without a door.
#include "actors/bot_session/switch_host.hpp"
#include "tests/actors/partition_scene.hpp"
#include "tests/bot_session/switch_scene.hpp"

#include <optional>

namespace shardyard::testing {
namespace {

constexpr std::uint64_t every_intent = 53608447;

class local_switch final : public switch_host, public cluster_port {
public:
  explicit local_switch(world& w) : w_(w) {
    bot_switch_settings settings;
    settings.intents = every_intent;
    settings.resume_url = "ws://127.0.0.1:7500";
    settings.seed = 7;
    settings.find_bot = [](std::string_view) { return bot_name{"lantern"}; };
    subject.emplace(settings, *this);
    subject->set_clock([this] { return w_.now(); });
  }

  void serve(bot_endpoint_actor to) override { actor_ = std::move(to); }
  void run(work x) override {
    if (subject)
      x(*subject, w_.now());
  }
  void recommend(std::uint32_t shards) override { recommended = shards; }
  void report() override { ++reports; }
  void close() override {
    actor_ = nullptr;
    closed = true;
  }

  void list_guilds(std::uint32_t asker, const guild_filter& which) override {
    last_asker = asker;
    wish({guild_list_wish{asker, which}});
  }
  void fetch_guilds(std::uint32_t asker, const snapshot_request& wanted) override {
    wish({guild_fetch_wish{asker, wanted}});
  }
  void command(const bot_command& x) override { wish({x}); }
  void presence(const bot_presence& x) override { wish({x}); }

  std::optional<bot_switch> subject;
  std::uint32_t recommended = 0, last_asker = 0;
  int reports = 0;
  bool closed = false;

private:
  void wish(endpoint_wish x) {
    if (actor_)
      compat::anon_send(actor_, std::move(x));
  }

  world& w_;
  bot_endpoint_actor actor_;
};

struct bot_endpoint_scene : partition_scene {
  std::shared_ptr<local_switch> host = std::make_shared<local_switch>(w);
  bot_endpoint_actor endpoint;
  std::vector<std::string> gone; ///< bots whose credentials the next reading misses
  int readings = 0;

  void SetUp() override {
    sink->at_once = true;
    serve_bots(true, 1); // one guild an answer
    mark(mark_kind::started);
    others_are_ready();
    show_guild(R"({"id":")" + std::to_string(some_guild) +
               R"(","name":"Quay","member_count":1,"channels":[],"members":[]})");
    bot_endpoint_setup setup;
    setup.node = "a";
    setup.incarnation = 1;
    setup.revoked = [this] {
      ++readings;
      return std::exchange(gone, {});
    };
    setup.credential_thread = false;
    endpoint = w.keep(spawn_bot_endpoint(w.system, std::move(setup), host));
    route(group);
  }

  /// Guilds are listed when every shard of the topology has been READY.
  void others_are_ready() {
    for (std::uint32_t id = 1; id < 4; ++id) {
      auto other = mark_of(mark_kind::started);
      other.from = {{1, id, 4}, "s" + std::to_string(id)};
      other.guilds.clear();
      w.send_as(shard, group, stream_mark{1, 100 + id, 1, 0, other});
    }
  }

  /// The node tells where the group is; null: nowhere at present.
  void route(partition_group_actor to) {
    auto table = std::make_shared<route_table>();
    table->groups = {{1, 1, {0, 1}, std::move(to)}};
    table->group_of = {0, 0};
    endpoint_routes routes;
    routes.table = table;
    routes.identity = R"({"user":{"id":"77","username":"bot"},"application":{"id":"5"}})";
    routes.shards = 4;
    w.send(endpoint, routes);
  }

  /// Time passes for the actors and for the switch.
  void pass(std::chrono::milliseconds time) {
    for (auto end = w.now() + time; w.now() < end;) {
      w.pass(std::min<std::chrono::nanoseconds>(100ms, end - w.now()));
      host->subject->tick(w.now());
      w.run();
    }
  }

  fake_bot identify() {
    fake_bot bot;
    bot.events = host->subject->connected(bot.link, {}, w.now());
    bot.say(2, R"({"token":"t","properties":{},"intents":)" + std::to_string(every_intent) + "}");
    w.run();
    return bot;
  }
  fake_bot live() {
    auto bot = identify();
    pass(1s);
    EXPECT_EQ(bot.link->count("READY"), 1u);
    EXPECT_EQ(bot.link->count("GUILD_CREATE"), 1u);
    return bot;
  }
};

TEST_F(bot_endpoint_scene, a_bot_gets_its_guilds_from_the_group_and_every_delivery_once) {
  events(2);
  auto bot = live();
  for (int i = 0; i < 5; ++i)
    events(3);
  pass(1s);
  EXPECT_EQ(bot.link->count("MESSAGE_CREATE"), 15u);
  EXPECT_NE(bot.link->find("GUILD_CREATE")->d.find("\"Quay\""), std::string::npos);
  for (std::size_t i = 0; i < bot.link->got.size(); ++i)
    EXPECT_EQ(bot.link->got[i].s, i + 1);
  EXPECT_EQ(host->recommended, 4u);
  EXPECT_GT(host->reports, 0);
}

TEST_F(bot_endpoint_scene, a_bot_gets_all_its_guilds_whatever_an_answer_of_the_group_holds) {
  for (snowflake i = 1; i < 5; ++i)
    show_guild(R"({"id":")" + std::to_string(some_guild + i) +
                   R"(","name":"Quay","channels":[],"members":[]})",
               some_guild + i);
  auto bot = identify();
  pass(1s);
  EXPECT_EQ(bot.link->count("GUILD_CREATE"), 5u);
  EXPECT_EQ(bot.link->count("GUILD_DELETE"), 0u);
}

TEST_F(bot_endpoint_scene, a_feed_is_opened_again_after_the_group_was_out_of_reach_and_repeats_nothing) {
  auto bot = live();
  events(3);
  pass(1s);
  route({});
  events(4);
  pass(2s);
  route(group);
  pass(1s);
  events(2);
  pass(1s);
  EXPECT_EQ(bot.link->count("MESSAGE_CREATE"), 9u);
  EXPECT_FALSE(bot.link->was_sent("9"));
}

TEST_F(bot_endpoint_scene, a_group_that_crashed_and_lives_again_feeds_the_bots_as_if_nothing_had_been) {
  auto bot = live();
  events(3);
  pass(1s);
  auto acknowledged = heard->acknowledged();
  serve_bots();
  pass(1s);
  route(group);
  pass(1s);
  ASSERT_EQ(acknowledged, ordinal) << "nothing is to come again";
  stream = 2, ordinal = 0;
  mark(mark_kind::resynced);
  events(2);
  pass(1s);
  EXPECT_EQ(bot.link->count("MESSAGE_CREATE"), 5u);
  EXPECT_FALSE(bot.link->was_sent("9"));
}

TEST_F(bot_endpoint_scene, an_endpoint_whose_deliveries_no_ring_holds_any_more_tells_its_bots) {
  auto bot = live();
  events();
  pass(1s);
  w.end(endpoint); // as after its feed was lost; the switch and its bots live on
  EXPECT_TRUE(host->closed);
  events(2);
  pass(40s);
  endpoint = w.keep(spawn_bot_endpoint(w.system, {.node = "a", .incarnation = 2}, host));
  route(group);
  pass(1s);
  events();
  pass(1s);
  EXPECT_EQ(bot.link->count("MESSAGE_CREATE"), 1u);
  EXPECT_TRUE(bot.link->was_sent("9"));
}

TEST_F(bot_endpoint_scene, a_bot_that_does_not_read_holds_up_neither_the_group_nor_others) {
  auto stalled = live(), good = live();
  stalled.link->slow = true;
  stalled.link->queued_ = 8u << 20;
  auto before = stalled.link->count("MESSAGE_CREATE");
  for (int i = 0; i < 300; ++i)
    events();
  pass(1s);
  EXPECT_EQ(heard->acknowledged(), ordinal);
  EXPECT_EQ(good.link->count("MESSAGE_CREATE"), 300u);
  EXPECT_EQ(stalled.link->count("MESSAGE_CREATE"), before);
  stalled.link->queued_ = 0;
  stalled.events->on_drained();
  EXPECT_EQ(stalled.link->count("MESSAGE_CREATE"), before + 300);
}

TEST_F(bot_endpoint_scene, a_bot_is_ready_without_the_guilds_of_a_group_that_is_silent_for_ten_seconds) {
  route({});
  auto bot = identify();
  pass(9s);
  EXPECT_EQ(bot.link->count("READY"), 0u);
  pass(2s);
  EXPECT_EQ(bot.link->count("READY"), 1u);
  EXPECT_EQ(bot.link->count("GUILD_CREATE"), 0u);
}

TEST_F(bot_endpoint_scene, a_guild_that_nobody_can_describe_comes_when_its_group_is_back) {
  route({});
  auto bot = identify();
  host->subject->guilds_listed(host->last_asker, {some_guild}, w.now()); // the group's last word
  pass(1s);
  EXPECT_EQ(bot.link->count("READY"), 1u);
  EXPECT_EQ(bot.link->count("GUILD_CREATE"), 0u);
  EXPECT_EQ(bot.link->count("GUILD_DELETE"), 1u) << "unavailable";
  route(group);
  pass(5s);
  EXPECT_EQ(bot.link->count("GUILD_CREATE"), 1u);
}

TEST_F(bot_endpoint_scene, a_bot_whose_credential_is_gone_is_disconnected_within_a_second) {
  auto bot = live();
  EXPECT_FALSE(bot.link->closed);
  gone = {"lantern"};
  pass(1s);
  EXPECT_EQ(bot.link->closed, 4004);
}

TEST_F(bot_endpoint_scene, credentials_are_read_as_long_as_there_is_an_endpoint) {
  pass(3s);
  EXPECT_GE(readings, 3);
  w.end(endpoint);
  auto before = readings;
  pass(3s);
  EXPECT_EQ(readings, before);
}

TEST_F(bot_endpoint_scene, a_command_waits_for_its_group_and_is_asked_again_of_its_next_life) {
  auto bot = live();
  route({});
  bot.say(4, R"({"guild_id":")" + std::to_string(some_guild) +
                 R"(","channel_id":"5","self_mute":false,"self_deaf":false})");
  pass(5s);
  EXPECT_TRUE(heard->commands.empty());
  route(group);
  pass(1s);
  ASSERT_EQ(heard->commands.size(), 1u);
  EXPECT_EQ(heard->commands[0].op, 4);
  serve_bots();
  pass(100ms);
  route(group);
  stream = 2, ordinal = 0;
  mark(mark_kind::resynced);
  pass(1s);
  EXPECT_EQ(heard->commands.size(), 2u) << "what the first life had been asked is nowhere now";
  EXPECT_EQ(heard->commands.back().d, heard->commands.front().d);
}

} // namespace
} // namespace shardyard::testing
