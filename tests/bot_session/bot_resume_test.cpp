#include "tests/bot_session/switch_scene.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

std::vector<got_dispatch> from(const fake_bot& bot, std::uint64_t s) {
  std::vector<got_dispatch> result;
  for (auto& x : bot.link->got)
    if (x.s >= s)
      result.push_back(x);
  return result;
}

TEST(bot_resume, replays_what_followed_with_the_same_sequences_and_bytes) {
  switch_scene scene;
  auto bot = scene.live({guild});
  scene.deliver(
      {{"MESSAGE_CREATE", guild, 1, R"({"id":"1"})"}, {"MESSAGE_CREATE", guild, 2, R"({"id":"2"})"}});
  auto seen = from(bot, 3);
  ASSERT_EQ(seen.size(), 2u);
  bot.leave(1006);
  scene.deliver({{"MESSAGE_CREATE", guild, 3, R"({"id":"3"})"}});

  auto back = scene.resume(scene.session_of(bot), 2);

  ASSERT_EQ(back.link->got.size(), 4u);
  EXPECT_EQ(back.link->got[0], seen[0]);
  EXPECT_EQ(back.link->got[1], seen[1]);
  EXPECT_EQ(back.link->got[2], (got_dispatch{"MESSAGE_CREATE", 5, R"({"id":"3"})"}));
  EXPECT_EQ(back.link->got[3].t, "RESUMED");
  EXPECT_EQ(back.link->got[3].s, 6u);
  EXPECT_EQ(back.link->got[3].d.front(), '{');
  scene.deliver({{"MESSAGE_CREATE", guild, 4}});
  EXPECT_EQ(back.link->got.back().s, 7u);
}

TEST(bot_resume, replays_ready_and_guilds_too) {
  switch_scene scene;
  auto bot = scene.live({guild});
  auto all = bot.link->got;
  bot.leave(4000);
  auto back = scene.resume(scene.session_of(bot), 0);
  ASSERT_EQ(back.link->got.size(), all.size() + 1);
  EXPECT_TRUE(std::equal(all.begin(), all.end(), back.link->got.begin()));
}

TEST(bot_resume, an_unknown_session_is_invalid_and_the_socket_may_be_used_on) {
  switch_scene scene;
  scene.know_the_bot();
  auto bot = scene.resume(std::string(32, 'a'), 1);
  EXPECT_TRUE(bot.link->was_sent("9"));
  EXPECT_FALSE(bot.link->closed);
  bot.say(1, "1"); // a heartbeat that was on its way
  EXPECT_FALSE(bot.link->closed);
  bot.say(2, switch_scene::identify_fields(1));
  scene.list({});
  EXPECT_TRUE(bot.link->find("READY"));
  EXPECT_EQ(bot.link->got[0].s, 1u);
}

TEST(bot_resume, a_command_that_crossed_op_9_is_not_authenticated) {
  switch_scene scene;
  auto bot = scene.resume(std::string(32, 'a'), 1);
  bot.say(43, R"({"guild_id":"1","fields":[]})");
  EXPECT_EQ(bot.link->closed, 4003);
}

TEST(bot_resume, the_session_of_another_bot_is_invalid) {
  switch_scene scene;
  auto bot = scene.live({});
  bot.leave(1006);
  auto thief = scene.resume(scene.session_of(bot), 1, "other-secret");
  EXPECT_TRUE(thief.link->was_sent("9"));
  EXPECT_TRUE(scene.resume(scene.session_of(bot), 1).link->find("RESUMED"));
}

TEST(bot_resume, an_impossible_sequence_is_4007_and_its_repeat_invalid) {
  switch_scene scene;
  auto bot = scene.live({});
  bot.leave(1006);
  auto session = scene.session_of(bot);
  EXPECT_EQ(scene.resume(session, 2).link->closed, 4007);
  EXPECT_TRUE(scene.resume(session, 2).link->was_sent("9"));
}

TEST(bot_resume, takes_a_live_session_over) {
  switch_scene scene;
  auto bot = scene.live({guild});
  auto back = scene.resume(scene.session_of(bot), 2);
  EXPECT_EQ(bot.link->closed, 4000);
  scene.deliver({{"MESSAGE_CREATE", guild, 1}});
  EXPECT_EQ(bot.link->count("MESSAGE_CREATE"), 0u);
  EXPECT_EQ(back.link->count("MESSAGE_CREATE"), 1u);
  bot.leave(1000); // the old socket's last word does not concern the session
  scene.deliver({{"MESSAGE_CREATE", guild, 2}});
  EXPECT_EQ(back.link->count("MESSAGE_CREATE"), 2u);
}

TEST(bot_resume, a_session_ended_by_the_bot_is_gone) {
  for (auto code : {1000, 1001}) {
    switch_scene scene;
    auto bot = scene.live({});
    bot.leave(static_cast<std::uint16_t>(code));
    EXPECT_TRUE(scene.resume(scene.session_of(bot), 1).link->was_sent("9"));
    EXPECT_TRUE(scene.subject->figures().sessions.empty());
  }
}

TEST(bot_resume, any_other_end_keeps_the_session) {
  for (auto code : {1005, 1006, 4000, 4200, 4901, 3065}) {
    switch_scene scene;
    auto bot = scene.live({});
    bot.leave(static_cast<std::uint16_t>(code));
    EXPECT_TRUE(scene.resume(scene.session_of(bot), 1).link->find("RESUMED")) << code;
  }
}

TEST(bot_resume, a_session_outlives_its_connection_for_the_window_only) {
  switch_scene scene;
  auto bot = scene.live({});
  bot.leave(1006);
  scene.pass(299s);
  EXPECT_EQ(scene.subject->figures().sessions.size(), 1u);
  scene.pass(1s);
  EXPECT_TRUE(scene.subject->figures().sessions.empty());
  EXPECT_TRUE(scene.resume(scene.session_of(bot), 1).link->was_sent("9"));
}

TEST(bot_resume, what_the_ring_has_lost_is_told_and_not_pretended) {
  bot_switch_settings settings;
  settings.ring_events = 4;
  switch_scene scene{settings};
  auto bot = scene.live({guild});
  bot.leave(1006);
  for (std::uint64_t n = 1; n <= 5; ++n)
    scene.deliver({{"MESSAGE_CREATE", guild, n}});
  auto back = scene.resume(scene.session_of(bot), 2);
  EXPECT_TRUE(back.link->was_sent("9"));
  EXPECT_TRUE(back.link->got.empty());
  EXPECT_EQ(scene.subject->figures().invalid, 1u);
}

TEST(bot_resume, what_the_bot_has_need_not_be_kept) {
  bot_switch_settings settings;
  settings.ring_events = 4;
  switch_scene scene{settings};
  auto bot = scene.live({guild});
  for (std::uint64_t n = 1; n <= 9; ++n)
    scene.deliver({{"MESSAGE_CREATE", guild, n}});
  bot.leave(1006);
  auto back = scene.resume(scene.session_of(bot), 7);
  EXPECT_EQ(back.link->count("MESSAGE_CREATE"), 4u);
  EXPECT_EQ(back.link->got[0].s, 8u);
}

TEST(bot_resume, the_ring_forgets_by_age_and_bytes) {
  for (auto by_age : {true, false}) {
    bot_switch_settings settings;
    if (by_age)
      settings.ring_age = 10s;
    else
      settings.ring_bytes = 100;
    switch_scene scene{settings};
    auto bot = scene.live({guild});
    bot.leave(1006);
    scene.deliver({{"MESSAGE_CREATE", guild, 1, "\"" + std::string(90, 'x') + "\""}});
    if (by_age)
      scene.pass(12s);
    EXPECT_EQ(scene.subject->figures().ring_events, 0u);
    EXPECT_EQ(scene.subject->figures().ring_bytes, 0u);
    EXPECT_TRUE(scene.resume(scene.session_of(bot), 2).link->was_sent("9"));
  }
}

TEST(bot_resume, a_slow_bot_waits_in_the_ring_and_goes_on_when_it_has_drained) {
  bot_switch_settings settings;
  settings.high_water = 64u << 10;
  switch_scene scene{settings};
  auto bot = scene.live({guild});
  bot.link->slow = true;
  std::string big = "\"" + std::string(40'000, 'x') + "\"";
  for (std::uint64_t n = 1; n <= 5; ++n)
    scene.deliver({{"MESSAGE_CREATE", guild, n, big}});
  EXPECT_EQ(bot.link->count("MESSAGE_CREATE"), 2u);
  EXPECT_EQ(scene.subject->figures().sessions[0].behind, 3u);
  bot.link->slow = false;
  bot.link->queued_ = 0;
  bot.events->on_drained();
  EXPECT_EQ(bot.link->count("MESSAGE_CREATE"), 5u);
  EXPECT_EQ(bot.link->got.back().s, 7u);
}

TEST(bot_resume, a_bot_overtaken_by_the_ring_is_closed_and_its_resume_is_invalid) {
  bot_switch_settings settings;
  settings.ring_events = 3;
  settings.high_water = 64u << 10;
  switch_scene scene{settings};
  auto bot = scene.live({guild});
  bot.link->queued_ = 70'000;
  for (std::uint64_t n = 1; n <= 4; ++n)
    scene.deliver({{"MESSAGE_CREATE", guild, n}});
  bot.link->queued_ = 0;
  bot.events->on_drained();
  EXPECT_EQ(bot.link->closed, 4000);
  EXPECT_EQ(bot.link->count("MESSAGE_CREATE"), 0u);
  EXPECT_TRUE(scene.resume(scene.session_of(bot), 2).link->was_sent("9"));
  EXPECT_EQ(scene.subject->figures().invalid, 1u);
}

TEST(bot_resume, own_events_are_kept_within_their_bound) {
  bot_switch_settings settings;
  settings.own_bytes = 10;
  switch_scene scene{settings};
  auto bot = scene.live({guild, guild_at(41)});
  scene.deliver({{"MESSAGE_CREATE", guild, 1}});
  scene.pass(2s);
  scene.subject->tick(scene.now);
  auto session = scene.session_of(bot);
  bot.leave(1006);
  auto back = scene.resume(session, 3);
  EXPECT_EQ(back.link->count("MESSAGE_CREATE"), 1u);
  back.leave(1006);
  EXPECT_TRUE(scene.resume(session, 0).link->was_sent("9"));
}

} // namespace
} // namespace shardyard
