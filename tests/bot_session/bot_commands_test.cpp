#include "tests/bot_session/switch_scene.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

const snowflake guild = guild_at(40);
const std::string id = std::to_string(guild_at(40));

std::string members(const std::string& more) {
  return R"({"guild_id":")" + id + R"(","query":"","limit":0)" + more + "}";
}

struct commands_scene : switch_scene {
  fake_bot bot = live({guild});
  std::uint32_t asker = cluster.lists.back().asker;
};

TEST(bot_commands, are_passed_on_with_who_asked) {
  commands_scene scene;
  auto d = members(R"(,"nonce":"n1")");
  scene.bot.say(8, d);
  scene.bot.say(43, R"({"guild_id":")" + id + R"(","fields":["status"]})");
  auto voice = R"({"guild_id":")" + id + R"(","channel_id":null,"self_mute":false,"self_deaf":false})";
  scene.bot.say(4, voice);
  ASSERT_EQ(scene.cluster.commands.size(), 3u);
  auto& first = scene.cluster.commands[0];
  EXPECT_EQ(first.asker, scene.asker);
  EXPECT_EQ(first.bot, "lantern");
  EXPECT_EQ(first.op, 8);
  EXPECT_EQ(first.guild, guild);
  EXPECT_EQ(first.d, d);
  EXPECT_EQ(first.nonce, "n1");
  EXPECT_EQ(scene.cluster.commands[2].d, voice);
  EXPECT_LT(first.number, scene.cluster.commands[1].number);
}

TEST(bot_commands, for_guilds_of_other_shards_are_ignored) {
  switch_scene scene;
  auto bot = scene.live({}, switch_scene::every_intent, R"(,"shard":[1,2])");
  bot.say(8, members({}));
  bot.say(31, R"({"guild_ids":[")" + id + R"("]})");
  EXPECT_TRUE(scene.cluster.commands.empty());
  EXPECT_FALSE(bot.link->closed);
}

TEST(bot_commands, a_nonce_longer_than_32_bytes_is_dropped) {
  commands_scene scene;
  scene.bot.say(8, members(R"(,"nonce":")" + std::string(32, 'x') + "\""));
  scene.bot.say(8, members(R"(,"nonce":")" + std::string(33, 'x') + "\""));
  EXPECT_EQ(scene.cluster.commands[0].nonce, std::string(32, 'x'));
  EXPECT_EQ(scene.cluster.commands[1].nonce, "");
}

TEST(bot_commands, soundboards_of_several_guilds_come_as_one_without_those_of_other_shards) {
  switch_scene scene;
  auto bot = scene.live({}, switch_scene::every_intent, R"(,"shard":[0,2])");
  auto list = "\"" + std::to_string(guild_at(1)) + "\",\"" + id + "\"," + std::to_string(guild_at(2));
  bot.say(31, R"({"guild_ids":[)" + list + "]}");
  ASSERT_EQ(scene.cluster.commands.size(), 1u);
  auto& sent = scene.cluster.commands[0];
  EXPECT_EQ(sent.guild, guild);
  EXPECT_EQ(sent.d, R"({"guild_ids":[")" + id + "\",\"" + std::to_string(guild_at(2)) + "\"]}");
}

TEST(bot_commands, answers_go_to_the_asker_only_whatever_its_intents) {
  switch_scene scene;
  auto bot = scene.live({guild}, 1);
  auto asker = scene.cluster.lists.back().asker;
  auto other = scene.live({guild});
  std::uint64_t n = 0;
  for (auto name :
       {"GUILD_MEMBERS_CHUNK", "SOUNDBOARD_SOUNDS", "CHANNEL_INFO", "RATE_LIMITED", "VOICE_SERVER_UPDATE"}) {
    scene.deliver({{name, guild, ++n, "{}", asker}});
    EXPECT_EQ(bot.link->count(name), 1u);
    EXPECT_EQ(other.link->count(name), 0u);
  }
  scene.deliver({{"GUILD_MEMBERS_CHUNK", guild, 6}, {"CHANNEL_INFO", guild, 7, "{}", asker + 1}});
  EXPECT_EQ(bot.link->count("GUILD_MEMBERS_CHUNK"), 1u);
}

TEST(bot_commands, an_answer_has_the_number_of_the_delivery_before_it) {
  switch_scene scene;
  auto bot = scene.live({guild}, 1);
  auto asker = scene.cluster.lists.back().asker;
  scene.deliver({{"MESSAGE_CREATE", guild, 1}, {"MESSAGE_CREATE", guild, 2}});
  scene.deliver({{"VOICE_SERVER_UPDATE", guild, 2, "{}", asker}, {"MESSAGE_CREATE", guild, 3}});
  EXPECT_EQ(bot.link->count("VOICE_SERVER_UPDATE"), 1u);
  scene.deliver({{"VOICE_SERVER_UPDATE", guild, 2, "{}", asker}, {"MESSAGE_CREATE", guild, 3}});
  EXPECT_EQ(bot.link->count("VOICE_SERVER_UPDATE"), 1u) << "a feed that was opened again repeats it";
}

TEST(bot_commands, a_voice_server_without_asker_goes_to_all_that_see_the_guild) {
  switch_scene scene;
  auto bot = scene.live({guild}, 1);
  auto without = scene.live({guild}, 0);
  auto stranger = scene.live({}, 1, R"(,"shard":[1,2])");
  scene.deliver({{"VOICE_SERVER_UPDATE", guild, 1}});
  EXPECT_EQ(bot.link->count("VOICE_SERVER_UPDATE"), 1u);
  EXPECT_EQ(without.link->count("VOICE_SERVER_UPDATE"), 1u);
  EXPECT_EQ(stranger.link->count("VOICE_SERVER_UPDATE"), 0u);
}

TEST(bot_commands, that_are_under_way_can_be_sent_again) {
  commands_scene scene;
  scene.bot.say(8, members(R"(,"nonce":"a")"));
  scene.bot.say(8, members(R"(,"nonce":"b")"));
  auto sent = scene.cluster.commands;
  scene.cluster.commands.clear();
  scene.subject->resend_commands([](snowflake x) { return x != guild; });
  EXPECT_TRUE(scene.cluster.commands.empty());
  scene.subject->resend_commands([](snowflake x) { return x == guild; });
  ASSERT_EQ(scene.cluster.commands.size(), 2u);
  EXPECT_EQ(scene.cluster.commands[0].number, sent[0].number);
  EXPECT_EQ(scene.cluster.commands[1].d, sent[1].d);
}

TEST(bot_commands, that_are_answered_are_not_sent_again) {
  commands_scene scene;
  scene.bot.say(8, members(R"(,"nonce":"a")"));
  scene.bot.say(8, members(R"(,"nonce":"b")"));
  scene.bot.say(43, R"({"guild_id":")" + id + R"(","fields":["status"]})");
  scene.deliver(
      {{"GUILD_MEMBERS_CHUNK", guild, 1, R"({"nonce":"b","chunk_index":0,"chunk_count":2})", scene.asker},
       {"CHANNEL_INFO", guild, 2, "{}", scene.asker}});
  auto open = [&] {
    scene.cluster.commands.clear();
    scene.subject->resend_commands([](snowflake) { return true; });
    return scene.cluster.commands.size();
  };
  EXPECT_EQ(open(), 2u) << "half an answer is none";
  scene.deliver(
      {{"GUILD_MEMBERS_CHUNK", guild, 3, R"({"nonce":"b","chunk_index":1,"chunk_count":2})", scene.asker}});
  EXPECT_EQ(open(), 1u);
  scene.deliver(
      {{"RATE_LIMITED", guild, 4, R"({"opcode":8,"meta":{"guild_id":"1","nonce":"a"}})", scene.asker}});
  EXPECT_EQ(open(), 0u);
}

TEST(bot_commands, are_forgotten_after_half_a_minute_and_with_their_session) {
  commands_scene scene;
  scene.bot.say(8, members({}));
  scene.pass(31s);
  scene.cluster.commands.clear();
  scene.subject->resend_commands([](snowflake) { return true; });
  EXPECT_TRUE(scene.cluster.commands.empty());
  scene.bot.say(8, members({}));
  scene.bot.leave(1000);
  scene.cluster.commands.clear();
  scene.subject->resend_commands([](snowflake) { return true; });
  EXPECT_TRUE(scene.cluster.commands.empty());
}

TEST(bot_commands, of_voice_only_the_last_word_per_guild_is_sent_again) {
  commands_scene scene;
  scene.bot.say(4, R"({"guild_id":")" + id + R"(","channel_id":"5"})");
  scene.bot.say(4, R"({"guild_id":")" + id + R"(","channel_id":null})");
  scene.cluster.commands.clear();
  scene.subject->resend_commands([](snowflake) { return true; });
  ASSERT_EQ(scene.cluster.commands.size(), 1u);
  EXPECT_NE(scene.cluster.commands[0].d.find("null"), std::string::npos);
}

} // namespace
} // namespace shardyard
