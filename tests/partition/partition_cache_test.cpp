// What a partition remembers of a guild is what a bot that saw all deliveries knows: through reshards, gaps,
// restarts and moves.
#include "actors/partition/moved_state.hpp"
#include "tests/partition/cache_lines.hpp"
#include "tests/partition/partition_fixture.hpp"

namespace shardyard::testing {
namespace {

struct remembered_guild : partition_rules {
  remembered_guild() {
    w.settings.cache = cache_policy{};
    w.restart();
  }

  test_shard covering(shard_key key, std::string session, made_event create = guild_create(g1, 0, 10)) {
    auto x = w.start(key, std::move(session), {g1});
    w.send(x, {std::move(create)});
    return x;
  }

  std::string remembered(snowflake guild = g1) const { return describe(*w.group, guild); }
  guild_snapshot row(snowflake guild = g1) const { return w.group->describe({{guild}, 0, 50}).guilds.at(0); }
  /// The group's picture is that of a bot that was here from the first delivery.
  void expect_what_was_told(snowflake guild = g1) const {
    EXPECT_EQ(remembered(guild), told_to_a_bot(w.lines, guild, *w.settings.cache));
    EXPECT_NE(remembered(guild), "");
  }
  bool knows(const std::string& text) const { return remembered().find(text) != std::string::npos; }
  std::vector<std::uint16_t> flags_of(std::string_view t) const {
    std::vector<std::uint16_t> result;
    for (auto& x : w.lines)
      if (x.t == t)
        result.push_back(x.flags);
    return result;
  }
  void crash_and_resync(std::initializer_list<test_shard*> shards) {
    w.crash();
    w.restart();
    for (auto x : shards)
      w.resync(*x);
    for (auto x : shards)
      w.take_acks(*x);
  }
};

TEST_F(remembered_guild, is_empty_without_a_policy) {
  w.settings.cache.reset();
  w.restart();
  auto a = covering(old_shard, "A");
  w.send(a, {topic(g1, 1)});
  EXPECT_EQ(row().size, 0u);
  EXPECT_EQ(w.told(g1), (std::vector<std::string>{"CHANNEL_UPDATE"}));
  EXPECT_EQ(w.group->guilds({}).guilds, std::vector<snowflake>{g1});
  EXPECT_EQ(w.group->report(w.now).uncached, 0u);
}

TEST_F(remembered_guild, follows_the_deliveries) {
  auto a = covering(old_shard, "A");
  EXPECT_TRUE(knows("\"topic\":\"0\""));
  w.send(a, {topic(g1, 1), joins(g1, 5)});
  EXPECT_TRUE(knows("\"topic\":\"1\""));
  EXPECT_TRUE(knows("\"member_count\":11"));
  expect_what_was_told();
  EXPECT_EQ(row().n, w.lines.back().n);
}

// A bot that was here before the cluster had the guild learns of it; others see that it was no dispatch.
TEST_F(remembered_guild, its_first_snapshot_is_told_as_one) {
  auto a = covering(old_shard, "A");
  EXPECT_EQ(w.told(g1), (std::vector<std::string>{"GUILD_CREATE"}));
  EXPECT_EQ(flags_of("GUILD_CREATE"), std::vector<std::uint16_t>{snapshot_flag});
  auto b = covering(new_shard, "B");
  EXPECT_EQ(w.told(g1).size(), 1u);
}

TEST_F(remembered_guild, is_the_same_through_a_reshard_and_back) {
  auto a = covering(old_shard, "A");
  w.send(a, {topic(g1, 1)});
  auto b = covering(new_shard, "B", guild_create(g1, 1, 10));
  EXPECT_TRUE(knows("\"topic\":\"1\""));
  w.mark(a, mark_kind::transfer);
  quiet(a, b);
  w.send(b, {topic(g1, 2), joins(g1, 5)});
  w.send(a, {topic(g1, 2), joins(g1, 5)});
  EXPECT_EQ(w.count("SHARDYARD_CUT"), 1u);
  EXPECT_TRUE(knows("\"member_count\":11"));
  w.mark(b, mark_kind::lost);
  w.send(a, {topic(g1, 3)});
  EXPECT_EQ(w.count("SHARDYARD_CUT"), 2u);
  EXPECT_TRUE(knows("\"topic\":\"3\""));
  EXPECT_TRUE(knows("\"member_count\":11"));
  EXPECT_EQ(w.count("GUILD_CREATE"), 1u);
  expect_what_was_told();
}

TEST_F(remembered_guild, what_changed_in_a_gap_is_told_before_anything_else_of_the_new_session) {
  auto a = covering(old_shard, "A");
  w.send(a, {topic(g1, 1)});
  w.mark(a, mark_kind::lost);
  w.restart_session(a, "A2", {g1});
  w.send(a, {guild_create(g1, 4, 10, R"(,{"id":"8","type":0,"name":"new"})"), topic(g1, 5)});
  auto told = w.told(g1);
  ASSERT_EQ(told.size(), 6u);
  EXPECT_EQ(told[2], "SHARDYARD_GAP");
  std::ranges::sort(told.begin() + 3, told.begin() + 5);
  EXPECT_EQ(told[3], "CHANNEL_CREATE");
  EXPECT_EQ(told[4], "CHANNEL_UPDATE");
  EXPECT_EQ(told[5], "CHANNEL_UPDATE");
  EXPECT_EQ(flags_of("CHANNEL_CREATE"), std::vector<std::uint16_t>{snapshot_flag});
  EXPECT_EQ(w.count("GUILD_CREATE"), 1u);
  EXPECT_TRUE(knows("\"topic\":\"5\""));
  expect_what_was_told();
}

TEST_F(remembered_guild, nothing_is_told_when_nothing_changed_in_the_gap) {
  auto a = covering(old_shard, "A");
  w.send(a, {topic(g1, 1)});
  w.mark(a, mark_kind::lost);
  w.restart_session(a, "A2", {g1});
  w.send(a, {guild_create(g1, 1, 10)});
  EXPECT_EQ(w.told(g1), (std::vector<std::string>{"GUILD_CREATE", "CHANNEL_UPDATE", "SHARDYARD_GAP"}));
}

TEST_F(remembered_guild, a_leave_and_a_join_are_told_once_and_forget_what_was) {
  auto a = covering(old_shard, "A");
  w.send(a, {{"GUILD_DELETE", g1, 0, "{\"id\":\"1\"}"}});
  EXPECT_EQ(row().size, 0u);
  EXPECT_TRUE(row().gone);
  EXPECT_TRUE(w.group->guilds({}).guilds.empty());
  w.send(a, {guild_create(g1, 6, 3)});
  EXPECT_FALSE(row().gone);
  EXPECT_EQ(flags_of("GUILD_CREATE"), (std::vector<std::uint16_t>{snapshot_flag, 0}));
  expect_what_was_told();
}

TEST_F(remembered_guild, a_leave_that_nobody_saw_is_told_when_a_session_begins_without_the_guild) {
  auto a = covering(old_shard, "A");
  w.mark(a, mark_kind::lost);
  w.restart_session(a, "A2", {});
  EXPECT_EQ(w.told(g1).back(), "GUILD_DELETE");
  EXPECT_EQ(w.lines.back().flags, snapshot_flag);
  EXPECT_TRUE(row().gone);
  crash_and_resync({&a});
  EXPECT_TRUE(row().gone);
  EXPECT_EQ(w.count("GUILD_DELETE"), 1u);
}

TEST_F(remembered_guild, is_not_shown_while_every_session_has_an_outage) {
  auto a = covering(old_shard, "A");
  w.send(a, {{"GUILD_DELETE", g1, 0, "{}", 0, unavailable_flag}});
  EXPECT_EQ(row().size, 0u);
  EXPECT_FALSE(row().gone);
  EXPECT_EQ(w.group->guilds({}).guilds, std::vector<snowflake>{g1});
  w.send(a, {guild_create(g1, 9, 10)});
  EXPECT_NE(row().size, 0u);
  EXPECT_EQ(w.told(g1).back(), "CHANNEL_UPDATE");
  expect_what_was_told();
}

TEST_F(remembered_guild, survives_a_crash_with_what_the_sink_has) {
  auto a = covering(old_shard, "A");
  w.send(a, {topic(g1, 1), joins(g1, 5), joins(g1, 6)});
  auto before = remembered();
  crash_and_resync({&a});
  EXPECT_EQ(remembered(), before);
  w.send(a, {joins(g1, 7)});
  EXPECT_TRUE(knows("\"member_count\":13"));
  expect_what_was_told();
}

// Wherever between log and sink the node dies, what is delivered again is applied once.
TEST_F(remembered_guild, counts_members_once_wherever_the_node_dies) {
  for (std::size_t written = 0; written <= 5; ++written) {
    w = group_world{};
    w.settings.cache = cache_policy{};
    w.restart();
    w.sink_stalled = true;
    auto a = covering(old_shard, "A");
    w.send(a, {joins(g1, 1), joins(g1, 2)});
    w.send(a, {topic(g1, 1), joins(g1, 3)});
    w.write_lines(written);
    w.waiting.clear();
    w.crash();
    w.sink_stalled = false;
    w.restart();
    w.resync(a);
    w.take_acks(a);
    EXPECT_TRUE(knows("\"member_count\":13")) << written << " lines: " << remembered();
    EXPECT_TRUE(a.unacked.empty());
    expect_what_was_told();
  }
}

// The same between the lines of a difference.
TEST_F(remembered_guild, tells_the_rest_of_a_difference_after_a_crash) {
  for (std::size_t written = 0; written <= 4; ++written) {
    w = group_world{};
    w.settings.cache = cache_policy{};
    w.restart();
    auto a = covering(old_shard, "A");
    w.mark(a, mark_kind::lost);
    w.sink_stalled = true;
    w.restart_session(a, "A2", {g1});
    w.send(a, {guild_create(g1, 4, 10, R"(,{"id":"8","type":0,"name":"new"})")});
    w.send(a, {topic(g1, 5)});
    w.write_lines(written);
    w.waiting.clear();
    w.crash();
    w.sink_stalled = false;
    w.restart();
    w.resync(a);
    w.take_acks(a);
    EXPECT_TRUE(knows("\"topic\":\"5\"")) << written << " lines: " << remembered();
    EXPECT_EQ(w.count("CHANNEL_CREATE"), 1u) << written;
    EXPECT_EQ(w.count("CHANNEL_UPDATE"), 2u) << written;
    expect_what_was_told();
  }
}

// Many guilds never speak: they have no delivery and no position of their own but the snapshot.
TEST_F(remembered_guild, a_guild_that_its_sink_has_not_seen_yet_comes_again) {
  w.sink_stalled = true;
  auto a = covering(old_shard, "A");
  w.waiting.clear();
  w.crash();
  w.sink_stalled = false;
  w.restart();
  EXPECT_EQ(row().size, 0u);
  w.resync(a);
  EXPECT_NE(row().size, 0u);
  expect_what_was_told();
}

TEST_F(remembered_guild, moves_with_its_partition) {
  auto a = covering(old_shard, "A");
  w.send(a, {topic(g1, 1), joins(g1, 5)});
  auto before = remembered();
  w.group->checkpoint(w.now, true);
  w.log += w.group->take_log();
  auto snapshot = w.group->snapshot();
  ASSERT_TRUE(snapshot);
  std::vector<std::uint32_t> mine{partition_of(g1, 4)}, others{(partition_of(g1, 4) + 1) % 4};
  std::size_t used = 0;
  for (auto& kept : {*snapshot, w.log}) { // released in order, or copied by a second host
    auto moved = decode_log(state_to_move(kept, mine, 4), used);
    partition_group there{w.settings, moved, w.now};
    EXPECT_EQ(describe(there, g1), before);
    EXPECT_EQ(there.describe({{g1}, 0, 50}).guilds[0].n, row().n);
    EXPECT_TRUE(decode_log(state_to_move(kept, others, 4), used).caches.empty());
  }
}

TEST_F(remembered_guild, an_older_log_lists_its_guilds_and_counts_them_as_uncached) {
  w.settings.cache.reset();
  w.restart();
  auto a = covering(old_shard, "A");
  w.send(a, {topic(g1, 1)});
  w.crash();
  w.settings.cache = cache_policy{};
  w.restart();
  w.resync(a);
  EXPECT_EQ(w.group->guilds({}).guilds, std::vector<snowflake>{g1});
  EXPECT_EQ(row().size, 0u);
  EXPECT_FALSE(row().gone);
  EXPECT_EQ(w.group->report(w.now).uncached, 1u);
  // A renewal brings a new session beside the old one.
  auto b = covering(new_shard, "B", guild_create(g1, 1, 10));
  EXPECT_EQ(w.group->report(w.now).uncached, 0u);
  EXPECT_EQ(flags_of("GUILD_CREATE"), std::vector<std::uint16_t>{snapshot_flag});
  EXPECT_TRUE(knows("\"topic\":\"1\""));
}

TEST_F(remembered_guild, is_listed_to_the_shard_that_has_it) {
  auto a = w.start(old_shard, "A", {g1, g2});
  w.send(a, {guild_create(g1, 0, 1), guild_create(g2, 0, 1)});
  EXPECT_EQ(w.group->guilds({{1, 4}}).guilds, std::vector<snowflake>{g1});
  EXPECT_EQ(w.group->guilds({{0, 1}}).guilds.size(), 2u);
  auto all = w.group->describe({{g2, guild_no(9), g1}, 0, 50});
  ASSERT_EQ(all.guilds.size(), 3u);
  EXPECT_EQ(all.guilds[0].guild, g2);
  EXPECT_EQ(all.guilds[1].size, 0u);
  EXPECT_EQ(all.guilds[2].guild, g1);
  EXPECT_EQ(all.guilds[0].size + all.guilds[2].size, all.bytes.size());
}

TEST_F(remembered_guild, with_many_others_is_described_when_the_rest_is_asked_for_again) {
  auto a = w.start(old_shard, "A", {g1, g2});
  w.send(a, {guild_create(g1, 0, 1), guild_create(g2, 0, 10)});
  std::vector<snowflake> asked(10'000, g2);
  auto all = w.group->describe({asked, 0, 50});
  EXPECT_LT(all.guilds.size(), asked.size());
  EXPECT_LT(all.bytes.size(), (256u << 10) + all.guilds[0].size);
  EXPECT_GE(all.bytes.size(), 256u << 10);
}

} // namespace
} // namespace shardyard::testing
