#include "actors/bot_session/answer_memory.hpp"
#include "actors/node/presence_board.hpp"
#include "actors/partition/feed_ring.hpp"
#include "tests/bot_session/switch_scene.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

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
  scene.deliver({{"GUILD_MEMBERS_CHUNK", guild, 2, "{}", asker}, {"MESSAGE_CREATE", guild, 3}});
  EXPECT_EQ(bot.link->count("GUILD_MEMBERS_CHUNK"), 1u);
  scene.deliver({{"GUILD_MEMBERS_CHUNK", guild, 1, "{}", asker}});
  EXPECT_EQ(bot.link->count("GUILD_MEMBERS_CHUNK"), 2u) << "of a group that came back with fewer deliveries";
}

/// What a group gave out, kept by its ring, and sent again to an endpoint that had lost it.
TEST(bot_commands, an_answer_that_a_feed_repeats_comes_once) {
  switch_scene scene;
  auto bot = scene.live({guild}, 1);
  auto asker = scene.cluster.lists.back().asker;
  feed_ring ring;
  auto answers =
      block_of({{"GUILD_MEMBERS_CHUNK", guild, 1, R"({"chunk_index":0,"chunk_count":2})", asker, 0, 0, 1, 7},
                {"GUILD_MEMBERS_CHUNK", guild, 1, R"({"chunk_index":1,"chunk_count":2})", asker, 0, 0, 1, 8},
                {"RATE_LIMITED", guild, 1, "{}", asker, 0, 0, 1, 9}});
  answers.from.session_id = "a";
  std::vector<event_block> batch{block_of({{"MESSAGE_CREATE", guild, 1}}), answers};
  ring.add(1, batch, 1s);
  scene.subject->deliver(batch, scene.now);
  for (int reconnects = 0; reconnects < 3; ++reconnects) {
    scene.pass(10s);
    for (auto& piece : ring.pieces())
      scene.subject->deliver(piece, scene.now);
  }
  EXPECT_EQ(bot.link->count("GUILD_MEMBERS_CHUNK"), 2u);
  EXPECT_EQ(bot.link->count("RATE_LIMITED"), 1u);
  answers.from.session_id = "b";
  scene.subject->deliver({answers}, scene.now);
  EXPECT_EQ(bot.link->count("RATE_LIMITED"), 2u) << "the same sequences of another session";
}

TEST(bot_commands, answers_that_came_long_ago_are_forgotten) {
  answer_memory memory;
  auto block = block_of({{"RATE_LIMITED", guild, 1, "{}", 5}});
  answer_memory::time now{1h};
  EXPECT_FALSE(memory.repeated(block.from, block.entries[0], now));
  EXPECT_TRUE(memory.repeated(block.from, block.entries[0], now + answer_memory::longest));
  EXPECT_FALSE(memory.repeated(block.from, block.entries[0], now + answer_memory::longest + 1s));
  for (std::size_t i = 0; i < answer_memory::most; ++i) {
    auto other = block.entries[0];
    other.s = 1 + i;
    memory.repeated(block.from, other, now + answer_memory::longest + 1s);
  }
  EXPECT_FALSE(memory.repeated(block.from, block.entries[0], now + answer_memory::longest + 1s)) << "bounded";
}

TEST(bot_commands, a_voice_server_without_asker_goes_to_the_session_that_spoke_last) {
  switch_scene scene;
  auto first = scene.live({guild}, 1);
  auto second = scene.live({guild}, 1);
  auto said = [](const std::string& channel) {
    return R"({"guild_id":")" + id + R"(","channel_id":)" + channel +
           R"(,"self_mute":false,"self_deaf":false})";
  };
  auto count = [&] {
    scene.deliver({{"VOICE_SERVER_UPDATE", guild}});
    return std::pair{first.link->count("VOICE_SERVER_UPDATE"), second.link->count("VOICE_SERVER_UPDATE")};
  };
  using both = std::pair<std::size_t, std::size_t>;
  EXPECT_EQ(count(), both(0, 0)) << "nobody here has asked";
  first.say(4, said("\"5\""));
  EXPECT_EQ(count(), both(1, 0));
  second.say(4, said("\"6\""));
  EXPECT_EQ(count(), both(1, 1));
  second.say(4, said("null"));
  EXPECT_EQ(count(), both(1, 1)) << "the bot has left";
}

TEST(bot_commands, a_voice_server_that_another_endpoints_bot_was_given_ends_the_claim_here) {
  switch_scene scene;
  auto bot = scene.live({guild}, 1);
  auto asker = scene.cluster.lists.back().asker;
  bot.say(4, R"({"guild_id":")" + id + R"(","channel_id":"5","self_mute":false,"self_deaf":false})");
  scene.deliver({{"VOICE_SERVER_UPDATE", guild, 0, "{}", asker}, {"VOICE_SERVER_UPDATE", guild}});
  EXPECT_EQ(bot.link->count("VOICE_SERVER_UPDATE"), 2u);
  scene.deliver({{"VOICE_SERVER_UPDATE", guild, 0, "{}", asker + 1}, {"VOICE_SERVER_UPDATE", guild}});
  EXPECT_EQ(bot.link->count("VOICE_SERVER_UPDATE"), 2u);
}

TEST(bot_commands, the_newest_presence_wins_whichever_endpoint_it_came_through) {
  std::uint64_t clock = 1'000'000;
  bot_switch_settings settings;
  settings.unix_us = [&clock] { return clock; };
  switch_scene older{settings};
  auto busy = older.live({}, 1);
  clock += 10;
  switch_scene newer{settings};
  auto other = newer.live({}, 1);
  auto presence = [](const std::string& status) {
    return R"({"since":null,"activities":[],"status":")" + status + R"(","afk":false})";
  };
  presence_board board;
  auto show = [&](switch_scene& at, fake_bot& bot, const std::string& status) {
    bot.say(3, presence(status));
    board.put(at.cluster.presences.back());
    return board.shown({1, 0, 1});
  };
  EXPECT_EQ(show(newer, other, "idle"), presence("idle"));
  clock += 1;
  EXPECT_EQ(show(older, busy, "dnd"), presence("dnd")) << "its endpoint began earlier, the presence is newer";
  clock -= 500;
  EXPECT_EQ(show(older, busy, "online"), presence("online")) << "the clock was set back";
  EXPECT_LT(older.cluster.presences[0].number, older.cluster.presences[1].number);
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
