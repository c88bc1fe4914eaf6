// A bot's commands on their whole way: group, shard, socket, simulated Discord and back to the sink.
#include "actors/partition/json_members.hpp"
#include "tests/actors/live_scene.hpp"

namespace shardyard::testing {
namespace {

struct bot_command_path : live_scene {
  struct answer {
    std::uint32_t asker = 0;
    std::string t, d;
  };
  struct heard {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<answer> answers;
  };
  std::shared_ptr<heard> ears = std::make_shared<heard>();
  std::uint64_t number = 0;

  /// Keeps what is for askers alone.
  sink_actor listen() {
    return keep(system.spawn([ears = ears](sink_actor::pointer) -> sink_actor::behavior_type {
      return {[ears](const sink_batch& x) -> caf::result<delivery_accepted> {
        std::lock_guard lock{ears->mutex};
        for (auto& block : x.blocks)
          for (auto& e : block.entries)
            if (e.asker != 0)
              ears->answers.push_back({e.asker, std::string{block.name(e)}, std::string{block.data(e)}});
        ears->changed.notify_all();
        return delivery_accepted{x.number, 0};
      }};
    }));
  }

  void begin() {
    auto setup = group_setup();
    setup.receivers.push_back(listen());
    spawn_group(std::move(setup));
    shard({1, 0, 1});
    await_ready({1, 0, 1});
  }

  /// A guild of the simulated Discord that the group knows.
  snowflake some_guild() {
    discord.emit(200);
    await_events(1);
    for (auto& [guild, _] : record->now().numbers)
      if (guild != 0)
        return guild;
    return 0;
  }

  void ask(std::uint32_t asker, std::uint8_t op, snowflake guild, std::string d) {
    compat::anon_send(group, bot_command{asker, ++number, "music", op, guild, std::move(d), {}});
  }
  std::vector<answer> await_answers(std::size_t count) {
    std::unique_lock lock{ears->mutex};
    EXPECT_TRUE(ears->changed.wait_for(lock, 30s, [&] { return ears->answers.size() >= count; }))
        << "waited in vain for " << count << " answers, got " << ears->answers.size();
    return ears->answers;
  }
};

TEST_F(bot_command_path, members_come_in_chunks_to_the_asker_with_its_own_nonce) {
  begin();
  auto guild = some_guild();
  ASSERT_NE(guild, 0u);
  auto id = std::to_string(guild);
  ask(0xa, 8, guild, R"({"guild_id":")" + id + R"(","query":"","limit":0,"nonce":"mine"})");
  ask(0xb, 8, guild, R"({"guild_id":")" + id + R"(","query":"","limit":0})");
  auto answers = await_answers(2);
  auto refused = std::ranges::find(answers, "RATE_LIMITED", &answer::t);
  ASSERT_NE(refused, answers.end());
  EXPECT_EQ(refused->asker, 0xbu);
  auto chunk = std::ranges::find(answers, "GUILD_MEMBERS_CHUNK", &answer::t);
  ASSERT_NE(chunk, answers.end());
  EXPECT_EQ(chunk->asker, 0xau);
  auto members = json_members(chunk->d);
  EXPECT_EQ(find_value(members, "nonce"), "\"mine\"");
  EXPECT_EQ(number_of(find_value(members, "guild_id")), guild);
  EXPECT_EQ(find_value(members, "chunk_index"), "0");
  EXPECT_FALSE(json_elements(find_value(members, "members")).empty());
}

TEST_F(bot_command_path, sounds_and_channels_come_to_whoever_asked) {
  begin();
  auto guild = some_guild();
  ASSERT_NE(guild, 0u);
  auto id = std::to_string(guild);
  ask(0xa, 31, guild, R"({"guild_ids":[")" + id + R"("]})");
  ask(0xb, 43, guild, R"({"guild_id":")" + id + R"(","fields":["status","voice_start_time"]})");
  auto answers = await_answers(2);
  auto sounds = std::ranges::find(answers, "SOUNDBOARD_SOUNDS", &answer::t);
  auto info = std::ranges::find(answers, "CHANNEL_INFO", &answer::t);
  ASSERT_TRUE(sounds != answers.end() && info != answers.end());
  EXPECT_EQ(sounds->asker, 0xau);
  EXPECT_EQ(info->asker, 0xbu);
}

TEST_F(bot_command_path, sixty_requests_survive_a_reconnect_and_are_answered_once_each) {
  begin();
  auto guild = some_guild();
  ASSERT_NE(guild, 0u);
  auto d = R"({"guild_id":")" + std::to_string(guild) + R"(","query":"a","limit":1})";
  for (std::uint32_t i = 0; i < 30; ++i)
    ask(100 + i, 8, guild, d);
  discord.fault({{"kind", "reset"}});
  for (std::uint32_t i = 30; i < 60; ++i)
    ask(100 + i, 8, guild, d);
  auto answers = await_answers(60);
  std::set<std::uint32_t> askers;
  for (auto& x : answers)
    EXPECT_TRUE(askers.insert(x.asker).second) << "answered twice: " << x.asker;
  EXPECT_EQ(askers.size(), 60u);
}

} // namespace
} // namespace shardyard::testing
