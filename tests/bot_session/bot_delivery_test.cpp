#include "tests/bot_session/switch_scene.hpp"

#include "actors/bot_session/event_intents.hpp"

#include <gtest/gtest.h>

#include <bit>

namespace shardyard {
namespace {

TEST(bot_delivery, passes_the_name_and_the_bytes_on_and_counts_for_itself) {
  switch_scene scene;
  auto bot = scene.live({guild});
  scene.deliver({{"SOMETHING_NEW", guild, 1, R"({ "a" : 1 })"}});
  EXPECT_EQ(bot.link->got.back(), (got_dispatch{"SOMETHING_NEW", 3, R"({ "a" : 1 })"}));
}

TEST(bot_delivery, bots_side_by_side_each_get_their_shard) {
  switch_scene scene;
  auto whole = scene.live({guild_at(40), guild_at(41)});
  auto half = scene.live({guild_at(40), guild_at(41)}, switch_scene::every_intent, R"(,"shard":[1,2])",
                         "other-secret");
  auto twin = scene.live({guild_at(40), guild_at(41)}, switch_scene::every_intent, R"(,"shard":[1,2])",
                         "other-secret");
  scene.deliver({{"MESSAGE_CREATE", guild_at(40), 1}, {"MESSAGE_CREATE", guild_at(41), 1}});
  EXPECT_EQ(whole.link->count("MESSAGE_CREATE"), 2u);
  EXPECT_EQ(half.link->count("MESSAGE_CREATE"), 1u);
  EXPECT_EQ(twin.link->count("MESSAGE_CREATE"), 1u);
  EXPECT_NE(scene.session_of(half), scene.session_of(twin));
}

TEST(bot_delivery, events_without_guild_go_to_shard_0_of_each_count) {
  switch_scene scene;
  auto first = scene.live({}, switch_scene::every_intent, R"(,"shard":[0,3])");
  auto second = scene.live({}, switch_scene::every_intent, R"(,"shard":[1,3])");
  auto whole = scene.live({});
  scene.deliver({{"MESSAGE_CREATE", 0, 1, "{}", 0, 0, 77}, {"ENTITLEMENT_CREATE", 0, 1}});
  EXPECT_EQ(first.link->got.size(), 3u);
  EXPECT_EQ(second.link->got.size(), 1u);
  EXPECT_EQ(whole.link->got.size(), 3u);
}

TEST(bot_delivery, what_was_delivered_before_is_dropped) {
  switch_scene scene;
  auto bot = scene.live({guild});
  scene.deliver({{"MESSAGE_CREATE", guild, 1}, {"MESSAGE_CREATE", guild, 2}});
  scene.deliver({{"MESSAGE_CREATE", guild, 1},
                 {"MESSAGE_CREATE", guild, 2, "{}", 0, 0, 0, 2},
                 {"MESSAGE_CREATE", guild, 3}});
  EXPECT_EQ(bot.link->count("MESSAGE_CREATE"), 3u);
}

TEST(bot_delivery, channels_outside_guilds_count_each_for_itself_and_apart_from_guilds) {
  switch_scene scene;
  auto bot = scene.live({guild});
  scene.deliver({{"MESSAGE_CREATE", guild, 1},
                 {"MESSAGE_CREATE", 0, 1, "{}", 0, 0, guild}, // an ephemeral message in the oldest channel
                 {"MESSAGE_CREATE", 0, 4, "{}", 0, 0, 78},
                 {"USER_UPDATE", 0, 1},
                 {"MESSAGE_CREATE", 0, 5, "{}", 0, 0, 78}});
  EXPECT_EQ(bot.link->got.size(), 7u);
  EXPECT_EQ(scene.subject->figures().holes, 0u);
}

TEST(bot_delivery, a_rise_of_the_epoch_is_no_hole) {
  switch_scene scene;
  auto bot = scene.live({guild});
  scene.deliver(
      {{"MESSAGE_CREATE", guild, 1, "{}", 0, 0, 0, 1}, {"MESSAGE_CREATE", guild, 2, "{}", 0, 0, 0, 5}});
  EXPECT_EQ(bot.link->count("MESSAGE_CREATE"), 2u);
  EXPECT_EQ(scene.subject->figures().holes, 0u);
}

TEST(bot_delivery, a_hole_ends_the_sessions_that_see_the_guild_and_no_others) {
  switch_scene scene;
  auto concerned = scene.live({guild}, switch_scene::every_intent, R"(,"shard":[0,4])");
  auto unconcerned = scene.live({}, switch_scene::every_intent, R"(,"shard":[1,4])");
  scene.deliver({{"MESSAGE_CREATE", guild, 1}, {"MESSAGE_CREATE", guild, 3}});
  EXPECT_TRUE(concerned.link->was_sent("9"));
  EXPECT_EQ(concerned.link->count("MESSAGE_CREATE"), 0u) << "nothing that could pass for the whole";
  EXPECT_FALSE(unconcerned.link->was_sent("9"));
  EXPECT_EQ(scene.subject->figures().holes, 1u);
  EXPECT_EQ(scene.subject->figures().invalid, 1u);
  EXPECT_TRUE(scene.resume(scene.session_of(concerned), 2).link->was_sent("9"));
  concerned.say(2, switch_scene::identify_fields(1));
  scene.list({guild});
  scene.fetch(3);
  scene.deliver({{"GUILD_UPDATE", guild, 4}});
  EXPECT_EQ(concerned.link->count("GUILD_UPDATE"), 1u);
}

TEST(bot_delivery, the_first_sight_of_a_guild_is_no_hole_unless_a_snapshot_shows_it) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify();
  scene.list({guild_at(1), guild_at(2)});
  scene.fetch(5);
  scene.deliver({{"MESSAGE_CREATE", guild_at(1), 6}});
  EXPECT_EQ(bot.link->count("MESSAGE_CREATE"), 1u);
  scene.deliver({{"MESSAGE_CREATE", guild_at(2), 7}});
  EXPECT_TRUE(bot.link->was_sent("9"));
  EXPECT_EQ(scene.subject->figures().holes, 1u);
}

TEST(bot_delivery, a_hole_before_the_snapshot_harms_nobody) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify();
  scene.list({guild});
  scene.deliver({{"MESSAGE_CREATE", guild, 1}});
  scene.fetch(9);
  scene.deliver({{"MESSAGE_CREATE", guild, 10}});
  EXPECT_FALSE(bot.link->was_sent("9"));
  EXPECT_EQ(bot.link->count("MESSAGE_CREATE"), 1u);
}

TEST(bot_delivery, losses_on_the_way_end_the_sessions_that_they_can_concern) {
  switch_scene scene;
  auto even = scene.live({guild_at(40)}, switch_scene::every_intent, R"(,"shard":[0,2])");
  auto odd = scene.live({guild_at(41)}, switch_scene::every_intent, R"(,"shard":[1,2])");
  scene.deliver({{"MESSAGE_CREATE", guild_at(40), 1}});
  scene.subject->lost([](snowflake x) { return partition_of(x, 64) == 8; }, scene.now);
  EXPECT_TRUE(even.link->was_sent("9"));
  EXPECT_FALSE(odd.link->was_sent("9"));
  EXPECT_EQ(scene.subject->figures().invalid, 1u);

  auto again = scene.identify();
  scene.list({guild_at(40)});
  scene.fetch(5);
  scene.deliver({{"MESSAGE_CREATE", guild_at(40), 6}});
  EXPECT_FALSE(again.link->was_sent("9")) << "its guilds were fetched after the loss";
}

TEST(bot_delivery, control_lines_of_partitions_are_not_for_bots) {
  switch_scene scene;
  auto bot = scene.live({guild});
  scene.deliver(
      {{"SHARDYARD_CUT", guild, 0, "{}", 0, cut_flag}, {"SHARDYARD_GAP", guild, 0, "{}", 0, gap_flag}});
  EXPECT_EQ(bot.link->got.size(), 2u);
  EXPECT_EQ(scene.subject->figures().gaps, 1u);
}

TEST(bot_delivery, an_interaction_needs_no_intent_nor_the_guild) {
  switch_scene scene;
  auto bot = scene.live({}, 0);
  scene.deliver({{"INTERACTION_CREATE", guild, 1}, {"MESSAGE_CREATE", guild, 2}});
  EXPECT_EQ(bot.link->count("INTERACTION_CREATE"), 1u);
  EXPECT_EQ(bot.link->got.size(), 2u);
}

TEST(bot_delivery, an_interaction_before_the_guild_arrives_is_shown_once) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify();
  scene.list({guild});
  scene.deliver({{"INTERACTION_CREATE", guild, 2}});
  EXPECT_EQ(bot.link->count("INTERACTION_CREATE"), 1u);
  scene.fetch(1);
  EXPECT_EQ(bot.link->count("INTERACTION_CREATE"), 1u);
  EXPECT_EQ(bot.link->count("GUILD_CREATE"), 1u);
}

struct gate_row {
  std::uint64_t intents;
  std::vector<std::string_view> in_guild, outside;
};

TEST(bot_delivery, each_intent_lets_its_events_through) {
  std::vector<gate_row> rows{
      {1u << 1,
       {"GUILD_MEMBER_ADD", "GUILD_MEMBER_REMOVE", "GUILD_MEMBER_UPDATE", "THREAD_MEMBERS_UPDATE"},
       {}},
      {1u << 2, {"GUILD_AUDIT_LOG_ENTRY_CREATE", "GUILD_BAN_ADD", "GUILD_BAN_REMOVE"}, {}},
      {1u << 3, {"GUILD_EMOJIS_UPDATE", "GUILD_STICKERS_UPDATE", "GUILD_SOUNDBOARD_SOUND_CREATE"}, {}},
      {1u << 4, {"INTEGRATION_CREATE", "GUILD_INTEGRATIONS_UPDATE"}, {}},
      {1u << 5, {"WEBHOOKS_UPDATE"}, {}},
      {1u << 6, {"INVITE_CREATE", "INVITE_DELETE"}, {}},
      {1u << 7, {"VOICE_STATE_UPDATE", "VOICE_CHANNEL_EFFECT_SEND"}, {}},
      {1u << 8, {"PRESENCE_UPDATE"}, {}},
      {1u << 9, {"MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK"}, {}},
      {1u << 10, {"MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE_ALL"}, {}},
      {1u << 11, {"TYPING_START"}, {}},
      {1u << 12, {}, {"MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "CHANNEL_PINS_UPDATE"}},
      {1u << 13, {}, {"MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE"}},
      {1u << 14, {}, {"TYPING_START"}},
      {1u << 15, {}, {}},
      {1u << 16, {"GUILD_SCHEDULED_EVENT_CREATE", "GUILD_SCHEDULED_EVENT_USER_ADD"}, {}},
      {1u << 20, {"AUTO_MODERATION_RULE_CREATE"}, {}},
      {1u << 21, {"AUTO_MODERATION_ACTION_EXECUTION"}, {}},
      {1u << 24, {"MESSAGE_POLL_VOTE_ADD"}, {}},
      {1u << 25, {}, {"MESSAGE_POLL_VOTE_REMOVE"}},
      {0,
       {"INTERACTION_CREATE", "VOICE_SERVER_UPDATE", "APPLICATION_COMMAND_PERMISSIONS_UPDATE"},
       {"USER_UPDATE"}},
  };
  for (auto& row : rows) {
    for (auto& other : rows) {
      auto seen = &row == &other || other.intents == 0;
      for (auto name : other.in_guild)
        EXPECT_EQ(passes(gate_of(find_event_type(name)).in_guild, row.intents), seen) << name << row.intents;
      for (auto name : other.outside)
        EXPECT_EQ(passes(gate_of(find_event_type(name)).outside, row.intents), seen) << name << row.intents;
    }
  }
}

TEST(bot_delivery, every_event_of_the_table_is_gated_by_documented_bits) {
  for (event_type_id id = 0; id < event_types().size(); ++id) {
    EXPECT_EQ(gate_of(id).in_guild & ~documented_intents, 0u);
    EXPECT_EQ(std::popcount(gate_of(id).in_guild) <= 1, true) << type_of(id).name;
  }
  for (auto name :
       {"CHANNEL_CREATE", "THREAD_LIST_SYNC", "STAGE_INSTANCE_DELETE", "VOICE_CHANNEL_STATUS_UPDATE"})
    EXPECT_EQ(gate_of(find_event_type(name)).in_guild, 1u) << name;
}

TEST(bot_delivery, without_members_a_bot_sees_its_own_membership_only) {
  switch_scene scene;
  auto bot = scene.live({guild}, 1);
  std::string self = "\"982934807904649217\"";
  scene.deliver(
      {{"GUILD_MEMBER_UPDATE", guild, 1, R"({"user":{"id":"5"},"nick":)" + self + "}"},
       {"GUILD_MEMBER_UPDATE", guild, 2, R"({"roles":[],"user":{"id":)" + self + "}}"},
       {"THREAD_MEMBERS_UPDATE", guild, 3, R"({"id":)" + self + R"(,"added_members":[{"user_id":"5"}]})"},
       {"THREAD_MEMBERS_UPDATE", guild, 4, R"({"added_members":[{"user_id":)" + self + "}]}"},
       {"THREAD_MEMBERS_UPDATE", guild, 5, R"({"removed_member_ids":["5",)" + self + "]}"}});
  EXPECT_EQ(bot.link->count("GUILD_MEMBER_UPDATE"), 1u);
  EXPECT_EQ(bot.link->count("THREAD_MEMBERS_UPDATE"), 2u);
}

TEST(bot_delivery, masked_messages_are_masked_for_those_without_the_intent_only) {
  switch_scene scene;
  auto reader = scene.live({guild});
  auto masked = scene.live({guild}, switch_scene::every_intent & ~32768u);
  std::string d = R"({"id":"1","content":"text","author":{"id":"5"}})";
  scene.deliver({{"MESSAGE_CREATE", guild, 1, d}, {"MESSAGE_CREATE", 0, 1, d, 0, 0, 77}});
  EXPECT_EQ(reader.link->find("MESSAGE_CREATE")->d, d);
  EXPECT_EQ(masked.link->got[2].d, R"({"id":"1","content":"","author":{"id":"5"}})");
  EXPECT_EQ(masked.link->got[3].d, d) << "a direct message";
  masked.leave(1006);
  auto back = scene.resume(scene.session_of(masked), 2);
  EXPECT_EQ(back.link->got[0], masked.link->got[2]);
}

TEST(bot_delivery, nothing_is_masked_when_upstream_is_masked_already) {
  bot_switch_settings settings;
  settings.intents = 513;
  switch_scene scene{settings};
  auto bot = scene.live({guild}, 513);
  scene.deliver({{"MESSAGE_CREATE", guild, 1, R"({"content":"a mention"})"}});
  EXPECT_EQ(bot.link->find("MESSAGE_CREATE")->d, R"({"content":"a mention"})");
}

TEST(bot_delivery, a_new_name_of_the_bot_is_in_later_readys) {
  switch_scene scene;
  scene.know_the_bot();
  scene.deliver({{"USER_UPDATE", 0, 1, R"({"id":"982934807904649217","username":"Beacon"})"}});
  auto bot = scene.identify();
  scene.list({});
  EXPECT_NE(bot.link->find("READY")->d.find("Beacon"), std::string::npos);
}

TEST(bot_delivery, a_revoked_token_ends_the_sessions_of_its_bot_only) {
  switch_scene scene;
  auto bot = scene.live({});
  auto away = scene.live({});
  away.leave(1006);
  auto other = scene.live({}, 1, {}, "other-secret");
  scene.bots.erase("secret");
  scene.subject->revoke("lantern", scene.now);
  EXPECT_EQ(bot.link->closed, 4004);
  EXPECT_FALSE(other.link->closed);
  EXPECT_EQ(scene.resume(scene.session_of(away), 1).link->closed, 4004);
  EXPECT_EQ(scene.subject->figures().sessions.size(), 1u);
}

TEST(bot_delivery, beyond_the_most_sessions_the_longest_away_makes_room_or_nobody) {
  bot_switch_settings settings;
  settings.most_sessions = 2;
  switch_scene scene{settings};
  auto first = scene.live({});
  auto second = scene.live({});
  EXPECT_TRUE(scene.identify().link->was_sent("9"));
  first.leave(1006);
  auto third = scene.live({});
  EXPECT_TRUE(third.link->find("READY"));
  EXPECT_TRUE(scene.resume(scene.session_of(first), 1).link->was_sent("9"));
}

} // namespace
} // namespace shardyard
