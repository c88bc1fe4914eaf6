#include "tests/bot_session/switch_scene.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

const std::string presence = R"({"since":null,"activities":[],"status":"online","afk":false})";

TEST(bot_protocol, hello_is_the_first_thing_a_bot_hears) {
  switch_scene scene;
  auto bot = scene.connect();
  ASSERT_EQ(bot.link->sent.size(), 1u);
  EXPECT_NE(bot.link->sent[0].find(R"("op":10,"d":{"heartbeat_interval":41250)"), std::string::npos);
}

TEST(bot_protocol, a_wrong_query_is_closed_as_discord_does) {
  switch_scene scene;
  net::bot_query version, encoding, compress;
  version.version_ok = false;
  encoding.encoding_ok = false;
  compress.compress_ok = false;
  EXPECT_EQ(scene.connect(version).link->closed, 4012);
  EXPECT_EQ(scene.connect(encoding).link->closed, 4002);
  EXPECT_EQ(scene.connect(compress).link->closed, 4002);
}

struct broken_rule {
  const char* name;
  std::string payload;
  std::uint16_t code;
};

TEST(bot_protocol, each_broken_rule_has_its_code) {
  auto with = [](std::string d) { return R"({"op":2,"d":)" + d + "}"; };
  std::string properties = R"("properties":{})";
  std::vector<broken_rule> rules{
      {"no JSON", "{", 4002},
      {"two documents", R"({"op":1,"d":null}{})", 4002},
      {"no object", "[1]", 4002},
      {"too long", R"({"op":1,"d":")" + std::string(4096, 'x') + "\"}", 4002},
      {"no op", R"({"d":1})", 4001},
      {"unknown op", R"({"op":14,"d":{}})", 4001},
      {"op of the server", R"({"op":10,"d":{}})", 4001},
      {"op of the server 0", R"({"op":0,"d":{}})", 4001},
      {"unknown op before the token", R"({"op":99})", 4001},
      {"identify without d", R"({"op":2})", 4001},
      {"identify without properties", with(R"({"token":"secret","intents":0})"), 4001},
      {"identify without token", with("{" + properties + R"(,"intents":0})"), 4001},
      {"not identified", R"({"op":3,"d":)" + presence + "}", 4003},
      {"missing fields come before authentication", R"({"op":3,"d":{}})", 4001},
      {"wrong token", with(R"({"token":"x","intents":99999999999,)" + properties + "}"), 4004},
      {"no intents", with(R"({"token":"secret",)" + properties + "}"), 4013},
      {"intents that are no number", with(R"({"token":"secret","intents":"513",)" + properties + "}"), 4013},
      {"negative intents", with(R"({"token":"secret","intents":-1,)" + properties + "}"), 4013},
      {"undefined bit", with(R"({"token":"secret","intents":131072,"shard":[5,1],)" + properties + "}"),
       4013},
      {"not upstream's", with(R"({"token":"secret","intents":256,"shard":[5,1],)" + properties + "}"), 4014},
      {"id beyond count", with(R"({"token":"secret","intents":1,"shard":[1,1],)" + properties + "}"), 4010},
      {"count 0", with(R"({"token":"secret","intents":1,"shard":[0,0],)" + properties + "}"), 4010},
      {"one number", with(R"({"token":"secret","intents":1,"shard":[0],)" + properties + "}"), 4010},
      {"strings", with(R"({"token":"secret","intents":1,"shard":["0","1"],)" + properties + "}"), 4010},
      {"resume with a wrong token", R"({"op":6,"d":{"token":"x","session_id":"y","seq":1}})", 4004},
      {"resume without seq", R"({"op":6,"d":{"token":"secret","session_id":"y"}})", 4001},
  };
  bot_switch_settings settings;
  settings.intents = switch_scene::every_intent & ~256u;
  for (auto& rule : rules) {
    switch_scene scene{settings};
    auto bot = scene.connect();
    bot.say(rule.payload);
    EXPECT_EQ(bot.link->closed, rule.code) << rule.name;
  }
}

TEST(bot_protocol, the_rules_of_commands_have_their_codes) {
  std::vector<broken_rule> rules{
      {"second IDENTIFY", R"({"op":2,"d":)" + switch_scene::identify_fields(1) + "}", 4005},
      {"RESUME after IDENTIFY", R"({"op":6,"d":{"token":"secret","session_id":"y","seq":0}})", 4005},
      {"presence without since", R"({"op":3,"d":{"activities":[],"status":"online","afk":false}})", 4001},
      {"presence of unknown status",
       R"({"op":3,"d":{"since":null,"activities":[],"status":"x","afk":false}})", 4001},
      {"voice without guild", R"({"op":4,"d":{"channel_id":null}})", 4001},
      {"voice into no channel", R"({"op":4,"d":{"guild_id":"1","channel_id":"x"}})", 4001},
      {"members without guild", R"({"op":8,"d":{"query":"","limit":0}})", 4001},
      {"members without limit", R"({"op":8,"d":{"guild_id":"1","query":""}})", 4001},
      {"members of nobody", R"({"op":8,"d":{"guild_id":"1"}})", 4001},
      {"sounds without guilds", R"({"op":31,"d":{}})", 4001},
      {"channels without fields", R"({"op":43,"d":{"guild_id":"1"}})", 4001},
  };
  for (auto& rule : rules) {
    switch_scene scene;
    auto bot = scene.live({});
    ASSERT_FALSE(bot.link->closed);
    bot.say(rule.payload);
    EXPECT_EQ(bot.link->closed, rule.code) << rule.name;
    EXPECT_TRUE(scene.cluster.commands.empty()) << rule.name;
  }
}

TEST(bot_protocol, a_payload_that_cannot_be_decoded_is_4002) {
  switch_scene scene;
  auto bot = scene.connect();
  bot.events->on_undecodable();
  EXPECT_EQ(bot.link->closed, 4002);
}

TEST(bot_protocol, a_token_may_carry_the_prefix_that_eris_sends) {
  switch_scene scene;
  auto bot = scene.live({}, 1, {}, "Bot secret");
  EXPECT_TRUE(bot.link->find("READY"));
}

TEST(bot_protocol, intents_may_be_written_as_a_fraction) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.connect();
  bot.say(2, R"({"token":"secret","properties":{},"intents":513.0})");
  EXPECT_FALSE(bot.link->closed);
}

TEST(bot_protocol, each_heartbeat_is_acknowledged) {
  switch_scene scene;
  auto bot = scene.connect();
  bot.say(1, "null");
  bot.say(1, "7");
  bot.say(R"({"op":1})");
  EXPECT_EQ(std::ranges::count(bot.link->sent, R"({"t":null,"s":null,"op":11,"d":null})"), 3);
}

TEST(bot_protocol, a_bot_without_heartbeat_is_closed_and_may_resume) {
  switch_scene scene;
  auto bot = scene.live({});
  scene.pass(61'800ms);
  EXPECT_FALSE(bot.link->closed);
  scene.pass(100ms);
  EXPECT_EQ(bot.link->closed, 4000);
  auto back = scene.resume(scene.session_of(bot), 1);
  EXPECT_TRUE(back.link->find("RESUMED"));
}

TEST(bot_protocol, heartbeats_keep_a_connection) {
  switch_scene scene;
  auto bot = scene.live({});
  for (auto i = 0; i < 10; ++i) {
    scene.pass(60s);
    bot.say(1, "1");
  }
  EXPECT_FALSE(bot.link->closed);
}

TEST(bot_protocol, a_bot_that_waits_for_ready_is_kept_without_heartbeats) {
  switch_scene scene;
  auto bot = scene.identify();
  scene.pass(300s);
  EXPECT_FALSE(bot.link->closed);
  bot.say(1, "null");
  EXPECT_TRUE(bot.link->was_sent("11"));
  scene.know_the_bot();
  scene.list({});
  EXPECT_TRUE(bot.link->find("READY"));
}

TEST(bot_protocol, a_bot_that_does_not_identify_is_closed_after_a_minute) {
  switch_scene scene;
  auto bot = scene.connect();
  scene.pass(59s);
  bot.say(1, "null");
  EXPECT_FALSE(bot.link->closed);
  scene.pass(1s);
  EXPECT_EQ(bot.link->closed, 4009);
}

TEST(bot_protocol, more_than_120_payloads_a_minute_are_4008_and_the_session_stays) {
  switch_scene scene;
  auto bot = scene.live({});
  for (auto i = 0; i < 119; ++i)
    bot.say(1, "null");
  EXPECT_FALSE(bot.link->closed);
  bot.say(1, "null");
  EXPECT_EQ(bot.link->closed, 4008);
  EXPECT_TRUE(scene.resume(scene.session_of(bot), 1).link->find("RESUMED"));
}

TEST(bot_protocol, payloads_may_be_spread_over_minutes) {
  switch_scene scene;
  auto bot = scene.live({});
  for (auto i = 0; i < 600; ++i) {
    scene.pass(501ms);
    bot.say(1, "null");
  }
  EXPECT_FALSE(bot.link->closed);
}

TEST(bot_protocol, of_more_than_five_presences_in_twenty_seconds_the_rest_is_dropped) {
  switch_scene scene;
  auto bot = scene.live({}, 1, R"(,"shard":[1,4])");
  for (auto i = 0; i < 8; ++i)
    bot.say(3, presence);
  EXPECT_FALSE(bot.link->closed);
  ASSERT_EQ(scene.cluster.presences.size(), 5u);
  scene.pass(20s);
  bot.say(3, presence);
  ASSERT_EQ(scene.cluster.presences.size(), 6u);
  auto& newest = scene.cluster.presences.back();
  EXPECT_EQ(newest.d, presence);
  EXPECT_EQ(newest.bot, "lantern");
  EXPECT_EQ(newest.which, (guild_filter{1, 4}));
  EXPECT_GT(newest.number, scene.cluster.presences[4].number);
}

TEST(bot_protocol, the_presence_of_identify_is_passed_on_whole_with_legacy_keys) {
  switch_scene scene;
  scene.identify(1, R"(,"presence":{"game":null,"status":"idle","since":0,"afk":false})");
  ASSERT_EQ(scene.cluster.presences.size(), 1u);
  EXPECT_EQ(scene.cluster.presences[0].d,
            R"({"activities":[],"game":null,"status":"idle","since":0,"afk":false})");
  scene.identify(1, R"(,"presence":{"activities":[],"status":"online","afk":false})");
  EXPECT_EQ(scene.cluster.presences.back().d,
            R"({"since":null,"activities":[],"status":"online","afk":false})");
  scene.identify(1, R"(,"presence":{})");
  EXPECT_EQ(scene.cluster.presences.back().d, presence);
  scene.identify(1, R"(,"presence":{"status":"asleep"})");
  EXPECT_EQ(scene.cluster.presences.size(), 3u);
}

TEST(bot_protocol, payload_compression_is_switched_on_by_identify) {
  switch_scene scene;
  EXPECT_TRUE(scene.identify(1, R"(,"compress":true)").link->compressed);
  EXPECT_FALSE(scene.identify(1, R"(,"compress":false)").link->compressed);
}

TEST(bot_protocol, nothing_is_heard_from_a_connection_that_is_being_closed) {
  switch_scene scene;
  auto bot = scene.connect();
  bot.say("{");
  bot.say(2, switch_scene::identify_fields(1));
  EXPECT_TRUE(scene.cluster.lists.empty());
  bot.leave(1000);
  EXPECT_EQ(scene.subject->figures().connections, 0u);
}

TEST(bot_protocol, a_connection_may_outlive_the_switch) {
  switch_scene scene;
  auto bot = scene.live({});
  scene.subject.reset();
  bot.say(1, "null");
  bot.events->on_drained();
  bot.leave(1006);
}

} // namespace
} // namespace shardyard
