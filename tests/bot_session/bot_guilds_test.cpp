#include "tests/bot_session/switch_scene.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace shardyard {
namespace {

std::string text(const auto& x) {
  return {x.data(), x.size()};
}

TEST(bot_guilds, ready_has_what_libraries_need) {
  switch_scene scene;
  auto bot = scene.live({guild_at(5), guild_at(1), guild_at(2)}, 1, R"(,"shard":[1,4])");
  auto& first = bot.link->got.at(0);
  EXPECT_EQ(first.t, "READY");
  EXPECT_EQ(first.s, 1u);
  auto d = boost::json::parse(first.d).as_object();
  EXPECT_EQ(d.at("v"), 10);
  EXPECT_EQ(text(d.at("user").at("username").as_string()), "Lantern");
  EXPECT_EQ(text(d.at("application").at("id").as_string()), "982934807904649217");
  EXPECT_TRUE(d.at("private_channels").as_array().empty());
  EXPECT_EQ(d.at("session_id").as_string().size(), 32u);
  EXPECT_EQ(text(d.at("resume_gateway_url").as_string()), "ws://127.0.0.1:7500");
  EXPECT_EQ(boost::json::serialize(d.at("shard")), "[1,4]");
  auto& guilds = d.at("guilds").as_array();
  ASSERT_EQ(guilds.size(), 2u) << "guild 2 is another shard's";
  EXPECT_EQ(text(guilds[0].at("id").as_string()), std::to_string(guild_at(1)));
  EXPECT_TRUE(guilds[0].at("unavailable").as_bool());
}

TEST(bot_guilds, ready_of_an_unsharded_bot_has_no_shard) {
  switch_scene scene;
  auto bot = scene.live({}, 1);
  EXPECT_FALSE(boost::json::parse(bot.link->got.at(0).d).as_object().contains("shard"));
}

TEST(bot_guilds, ready_waits_for_the_identity_of_the_bot) {
  switch_scene scene;
  auto bot = scene.identify();
  scene.list({guild});
  EXPECT_TRUE(bot.link->got.empty());
  scene.know_the_bot();
  EXPECT_TRUE(bot.link->find("READY"));
}

TEST(bot_guilds, a_list_that_does_not_come_is_asked_for_again) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify();
  EXPECT_EQ(scene.cluster.lists.size(), 1u);
  scene.pass(11s);
  EXPECT_EQ(scene.cluster.lists.size(), 3u);
  scene.list({});
  scene.list({});
  EXPECT_EQ(bot.link->count("READY"), 1u);
}

TEST(bot_guilds, every_guild_of_ready_follows_with_what_the_cluster_says) {
  switch_scene scene;
  auto bot = scene.live({guild, guild_at(41)}, 1, R"(,"large_threshold":100)");
  ASSERT_EQ(bot.link->got.size(), 3u);
  EXPECT_EQ(bot.link->got[1], (got_dispatch{"GUILD_CREATE", 2, scene.created(guild)}));
  EXPECT_EQ(scene.cluster.fetches[0].wanted.intents, 1u);
  EXPECT_EQ(scene.cluster.fetches[0].wanted.large_threshold, 100);
}

TEST(bot_guilds, without_the_guilds_intent_none_follows) {
  switch_scene scene;
  auto bot = scene.live({guild}, 512);
  EXPECT_EQ(bot.link->got.size(), 1u);
  EXPECT_TRUE(scene.cluster.fetches.empty());
  scene.deliver({{"MESSAGE_CREATE", guild, 1},
                 {"GUILD_UPDATE", guild, 2},
                 {"GUILD_CREATE", guild_at(3), 1},
                 {"GUILD_DELETE", guild, 3}});
  EXPECT_EQ(bot.link->count("MESSAGE_CREATE"), 1u);
  EXPECT_EQ(bot.link->got.size(), 2u);
}

TEST(bot_guilds, come_in_batches_that_wait_for_the_link) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify();
  std::vector<snowflake> guilds;
  for (std::uint64_t i = 0; i < 120; ++i)
    guilds.push_back(guild_at(i));
  scene.list(guilds);
  bot.link->queued_ = 70'000;
  ASSERT_EQ(scene.cluster.fetches.size(), 1u);
  EXPECT_EQ(scene.cluster.fetches[0].wanted.guilds.size(), 50u);
  scene.fetch();
  EXPECT_EQ(scene.cluster.fetches.size(), 1u);
  bot.link->queued_ = 0;
  bot.events->on_drained();
  ASSERT_EQ(scene.cluster.fetches.size(), 2u);
  scene.fetch();
  scene.fetch();
  EXPECT_EQ(bot.link->count("GUILD_CREATE"), 120u);
}

TEST(bot_guilds, an_answer_may_come_in_parts) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify();
  scene.list({guild_at(1), guild_at(2), guild_at(3)});
  auto asker = scene.cluster.fetches[0].asker;
  scene.subject->guilds_fetched(asker, {{guild_at(2), 0, 2}}, "{}", scene.now);
  scene.subject->guilds_fetched(asker, {{guild_at(3), 0, 2}, {guild_at(1), 0, 2}}, "{}{}", scene.now);
  EXPECT_EQ(bot.link->count("GUILD_CREATE"), 3u);
  EXPECT_EQ(scene.cluster.fetches.size(), 1u);
}

TEST(bot_guilds, one_that_is_not_available_is_an_outage_until_it_is) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify();
  scene.list({guild});
  auto asker = scene.cluster.fetches[0].asker;
  scene.subject->guilds_fetched(asker, {{guild, 0, 0}}, {}, scene.now);
  ASSERT_EQ(bot.link->count("GUILD_DELETE"), 1u);
  EXPECT_EQ(bot.link->find("GUILD_DELETE")->d,
            R"({"id":")" + std::to_string(guild) + R"(","unavailable":true})");
  scene.pass(4s);
  ASSERT_EQ(scene.cluster.fetches.size(), 2u);
  scene.subject->guilds_fetched(asker, {{guild, 0, 0}}, {}, scene.now);
  EXPECT_EQ(bot.link->count("GUILD_DELETE"), 1u) << "said once";
  scene.pass(4s);
  scene.fetch();
  EXPECT_EQ(bot.link->count("GUILD_CREATE"), 1u);
  scene.pass(20s);
  EXPECT_EQ(scene.cluster.fetches.size(), 3u);
}

TEST(bot_guilds, a_cluster_that_does_not_answer_is_an_outage_too) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify();
  scene.list({guild});
  scene.pass(6s);
  EXPECT_EQ(bot.link->count("GUILD_DELETE"), 1u);
  EXPECT_EQ(scene.cluster.fetches.size(), 2u);
  scene.fetch();
  scene.fetch(); // the late answer to the first request
  EXPECT_EQ(bot.link->count("GUILD_CREATE"), 1u);
}

TEST(bot_guilds, one_that_was_left_before_its_snapshot_is_a_leave) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify();
  scene.list({guild});
  scene.subject->guilds_fetched(scene.cluster.fetches[0].asker, {{guild, 4, 0, true}}, {}, scene.now);
  EXPECT_EQ(bot.link->find("GUILD_DELETE")->d, R"({"id":")" + std::to_string(guild) + R"("})");
  scene.deliver({{"GUILD_DELETE", guild, 4}});
  EXPECT_EQ(bot.link->count("GUILD_DELETE"), 1u);
}

TEST(bot_guilds, deliveries_before_the_snapshot_are_in_it_and_those_after_it_follow) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify();
  scene.list({guild});
  scene.deliver({{"MESSAGE_CREATE", guild, 1}, {"MESSAGE_CREATE", guild, 2}});
  scene.fetch(3);
  scene.deliver({{"MESSAGE_CREATE", guild, 3}, {"MESSAGE_CREATE", guild, 4, "4"}});
  ASSERT_EQ(bot.link->count("MESSAGE_CREATE"), 1u);
  EXPECT_EQ(bot.link->find("MESSAGE_CREATE")->d, "4");
}

TEST(bot_guilds, deliveries_that_overtook_the_snapshot_follow_it) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify();
  scene.list({guild});
  scene.deliver({{"MESSAGE_CREATE", guild, 1, "1"},
                 {"MESSAGE_CREATE", guild_at(7), 1, "x"},
                 {"MESSAGE_CREATE", guild, 2, "2"},
                 {"MESSAGE_CREATE", guild, 3, "3"}});
  EXPECT_EQ(bot.link->got.size(), 1u);
  scene.fetch(1);
  ASSERT_EQ(bot.link->got.size(), 4u);
  EXPECT_EQ(bot.link->got[1].t, "GUILD_CREATE");
  EXPECT_EQ(bot.link->got[2].d, "2");
  EXPECT_EQ(bot.link->got[3].d, "3");
  scene.deliver({{"MESSAGE_CREATE", guild, 4, "4"}});
  EXPECT_EQ(bot.link->got.back().d, "4");
}

TEST(bot_guilds, a_snapshot_with_a_hole_behind_it_is_fetched_again) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify();
  scene.list({guild});
  scene.deliver({{"MESSAGE_CREATE", guild, 5}});
  scene.fetch(3); // 4 is in neither
  EXPECT_EQ(bot.link->count("GUILD_CREATE"), 0u);
  ASSERT_EQ(scene.cluster.fetches.size(), 2u);
  scene.fetch(5);
  EXPECT_EQ(bot.link->count("GUILD_CREATE"), 1u);
}

TEST(bot_guilds, a_real_join_and_leave_reach_the_shard_of_the_guild_once) {
  switch_scene scene;
  auto mine = scene.live({}, 1, R"(,"shard":[0,4])");
  auto other = scene.live({}, 1, R"(,"shard":[1,4])");
  scene.deliver({{"GUILD_CREATE", guild, 1, "join"},
                 {"CHANNEL_UPDATE", guild, 2},
                 {"GUILD_DELETE", guild, 3, "leave"}});
  scene.deliver({{"GUILD_CREATE", guild, 1, "join"}, {"GUILD_DELETE", guild, 3, "leave"}});
  ASSERT_EQ(mine.link->got.size(), 4u);
  EXPECT_EQ(mine.link->got[1].d, "join");
  EXPECT_EQ(mine.link->got[3].d, "leave");
  EXPECT_EQ(other.link->got.size(), 1u);
  scene.deliver({{"CHANNEL_UPDATE", guild, 4}});
  EXPECT_EQ(mine.link->got.size(), 4u);
}

TEST(bot_guilds, a_join_while_the_list_is_on_its_way_is_in_ready) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify(1);
  scene.deliver({{"GUILD_CREATE", guild, 1}});
  scene.list({});
  EXPECT_NE(bot.link->find("READY")->d.find(std::to_string(guild)), std::string::npos);
  scene.fetch(1);
  EXPECT_EQ(bot.link->count("GUILD_CREATE"), 1u);
}

TEST(bot_guilds, a_join_while_the_snapshot_is_on_its_way_takes_its_place) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify(1);
  scene.list({guild});
  scene.deliver({{"GUILD_CREATE", guild, 1, "join"}});
  scene.fetch(1);
  ASSERT_EQ(bot.link->count("GUILD_CREATE"), 1u);
  EXPECT_EQ(bot.link->find("GUILD_CREATE")->d, "join");
}

TEST(bot_guilds, a_leave_while_the_snapshot_is_on_its_way_is_told) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify(1);
  scene.list({guild});
  scene.deliver({{"GUILD_DELETE", guild, 1, "leave"}});
  scene.fetch(0);
  EXPECT_EQ(bot.link->count("GUILD_DELETE"), 1u);
  EXPECT_EQ(bot.link->count("GUILD_CREATE"), 0u);
}

TEST(bot_guilds, outages_of_upstream_sessions_do_not_reach_bots) {
  switch_scene scene;
  auto bot = scene.live({guild}, 1);
  scene.deliver({{"GUILD_DELETE", guild, 1, "{}", 0, unavailable_flag},
                 {"GUILD_CREATE", guild, 2, "{}", 0, unavailable_flag},
                 {"READY", 0, 0},
                 {"RESUMED", 0, 0}});
  EXPECT_EQ(bot.link->got.size(), 2u);
}

TEST(bot_guilds, a_bot_that_loses_its_connection_meanwhile_gets_the_rest_after_resume) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.identify(1);
  scene.list({guild});
  bot.leave(1006);
  scene.pass(20s);
  EXPECT_EQ(scene.cluster.fetches.size(), 1u);
  auto back = scene.resume(scene.session_of(bot), 1);
  scene.pass(1s);
  EXPECT_EQ(scene.cluster.fetches.size(), 2u);
  scene.fetch();
  EXPECT_EQ(back.link->count("GUILD_CREATE"), 1u);
}

TEST(bot_guilds, a_bot_that_leaves_before_ready_is_forgotten) {
  switch_scene scene;
  auto bot = scene.identify();
  bot.leave(1006);
  EXPECT_TRUE(scene.subject->figures().sessions.empty());
  scene.know_the_bot();
  scene.list({guild});
}

} // namespace
} // namespace shardyard
