// Claims about the watchdog on the mix of events: it finds a kind that stays away, and nothing else.
#include "actors/coordinator/mix_watch.hpp"

#include "messages/event_type.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace shardyard;

namespace {

const event_type_id message = find_event_type("MESSAGE_CREATE");
const event_type_id interaction = find_event_type("INTERACTION_CREATE");
constexpr std::uint32_t window_ms = 10'000;

/// Shards of one topology whose events come at random moments.
struct field {
  explicit field(std::uint32_t shards, std::uint64_t seed = 1) : count(shards), random(seed) {}

  shard_mix stretch(std::uint32_t id, double messages_per_s, double interactions_per_s) {
    shard_mix x{{1, id, count}, 1000, window_ms, {}};
    for (auto [type, rate] : {std::pair{message, messages_per_s}, std::pair{interaction, interactions_per_s}})
      if (auto events =
              rate > 0 ? std::poisson_distribution<std::uint32_t>{rate * window_ms / 1000}(random) : 0u)
        x.counts.push_back({type, events});
    return x;
  }

  std::uint32_t count;
  std::mt19937_64 random;
};

} // namespace

TEST(mix_watch, a_kind_that_stays_away_on_one_shard_is_found_when_sixty_were_to_be_expected) {
  field world{4};
  mix_watch watch;
  for (int i = 0; i < 180; ++i)
    for (std::uint32_t id = 0; id < 4; ++id)
      watch.note(world.stretch(id, 5, 0.2));
  ASSERT_TRUE(watch.silent().empty());
  int stretches = 0;
  while (watch.silent().empty() && stretches < 100) {
    ++stretches;
    for (std::uint32_t id = 0; id < 4; ++id)
      watch.note(world.stretch(id, 5, id == 2 ? 0 : 0.2));
  }
  auto found = watch.silent();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].shard, (shard_key{1, 2, 4}));
  EXPECT_EQ(found[0].type, interaction);
  EXPECT_GE(found[0].expected, 60);
  EXPECT_LE(found[0].expected, 120);
  EXPECT_NE(to_string(found[0]).find("no INTERACTION_CREATE for "), std::string::npos);
}

TEST(mix_watch, what_stays_away_on_all_shards_is_a_quiet_hour_and_no_fault) {
  field world{4};
  mix_watch watch;
  for (int i = 0; i < 180; ++i)
    for (std::uint32_t id = 0; id < 4; ++id)
      watch.note(world.stretch(id, 5, 0.2));
  for (int i = 0; i < 50; ++i)
    for (std::uint32_t id = 0; id < 4; ++id)
      watch.note(world.stretch(id, 5, 0));
  EXPECT_TRUE(watch.silent().empty());
}

TEST(mix_watch, a_kind_that_only_one_shard_brings_is_judged_by_its_past) {
  field world{2};
  mix_watch watch;
  auto step = [&](double rate) {
    watch.note(world.stretch(0, 5, rate));
    watch.note(world.stretch(1, 5, 0));
  };
  for (int i = 0; i < 180; ++i)
    step(1);
  for (int i = 0; i < 33; ++i)
    step(0);
  EXPECT_TRUE(watch.silent().empty());
  for (int i = 0; i < 16; ++i)
    step(0);
  EXPECT_EQ(watch.silent().size(), 1u);
}

TEST(mix_watch, one_event_of_the_kind_ends_the_alarm_and_so_does_a_new_session) {
  for (auto new_session : {false, true}) {
    field world{2};
    mix_watch watch;
    for (int i = 0; i < 100; ++i)
      for (std::uint32_t id = 0; id < 2; ++id)
        watch.note(world.stretch(id, 5, 5));
    for (int i = 0; i < 20; ++i) {
      watch.note(world.stretch(0, 5, 5));
      watch.note(world.stretch(1, 5, 0));
    }
    ASSERT_EQ(watch.silent().size(), 1u);
    if (new_session)
      watch.interrupted({1, 1, 2}, false);
    else
      watch.note(world.stretch(1, 5, 5));
    EXPECT_TRUE(watch.silent().empty());
  }
}

TEST(mix_watch, guilds_and_members_that_come_at_once_and_never_again_are_no_fault) {
  for (auto name : {"GUILD_CREATE", "GUILD_MEMBERS_CHUNK"}) {
    field world{2};
    mix_watch watch;
    auto flood = world.stretch(0, 5, 1);
    flood.counts.push_back({find_event_type(name), 5000});
    watch.note(flood);
    for (int i = 0; i < 100; ++i)
      for (std::uint32_t id = 0; id < 2; ++id)
        watch.note(world.stretch(id, 5, 1));
    EXPECT_TRUE(watch.silent().empty()) << to_string(watch.silent().front());
  }
}

TEST(mix_watch, a_young_cluster_raises_no_alarm) {
  field world{4};
  mix_watch watch;
  for (int i = 0; i < 20; ++i)
    for (std::uint32_t id = 0; id < 4; ++id) {
      watch.note(world.stretch(id, 1, i == 0 && id == 1 ? 3 : 0.01));
      EXPECT_TRUE(watch.silent().empty());
    }
}

TEST(mix_watch, days_with_their_tides_and_bursts_raise_no_false_alarm) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  field world{8, seed};
  mix_watch watch;
  std::uniform_real_distribution<double> chance{0, 1};
  for (int i = 0; i < 3 * 24 * 360; ++i) {
    auto tide = 1 + 0.9 * std::sin(2 * 3.14159265 * i / (24 * 360));
    auto burst = chance(world.random) < 0.02 ? 10 : 1;
    for (std::uint32_t id = 0; id < 8; ++id)
      watch.note(world.stretch(id, 2 * tide * burst, 0.02 * tide * burst));
    ASSERT_TRUE(watch.silent().empty()) << to_string(watch.silent().front()) << " in stretch " << i;
  }
}
