// The cache against the simulator's world: after any events it is what a new GUILD_CREATE would make it.
#include "actors/partition/guild_cache.hpp"
#include "sim/event_source.hpp"
#include "tests/partition/guild_text.hpp"
#include "tests/sim/first_moment.hpp"

#include <gtest/gtest.h>

#include <random>

namespace shardyard {
namespace {

using namespace std::chrono_literals;

constexpr guild_view everything{0x331FFFF, 50};

/// A world whose every event is told to one cache per guild.
struct world_run {
  world_run(std::uint64_t seed, cache_policy chosen)
      : settings(of(seed, chosen)), all(settings, sim::first_moment), source(all, settings), policy(chosen) {
    policy.self = all.bot().id;
    for (auto& guild : all.guilds())
      caches.push_back(fresh(guild));
  }

  static sim::settings of(std::uint64_t seed, const cache_policy& policy) {
    sim::settings result;
    result.seed = seed;
    result.guilds = 16;
    result.medium_guilds = 0.2;
    result.large_guilds = 0.05;
    result.mix = policy.presences ? sim::event_mix::presences : sim::event_mix::no_presences;
    result.twins = 0.02;
    // A join told twice raises the count where the member is not kept.
    result.repeated_joins = policy.members >= member_policy::seen ? 0.05 : 0;
    return result;
  }

  std::string created(const sim::guild& of) const {
    std::string d;
    sim::put_guild_create(d, {all, of}, {.intents = everything.intents, .everyone = true});
    return d;
  }

  guild_cache fresh(const sim::guild& of) const {
    guild_cache result;
    EXPECT_TRUE(result.replace(created(of), policy));
    return result;
  }

  void happen(int events) {
    for (; events > 0; --events) {
      now += 20ms;
      tell(source.next(now));
    }
  }

  /// Kinds that are rare in the mix, in guilds at random.
  void happen_rarely(int events, std::mt19937& random) {
    for (; events > 0; --events) {
      now += 20ms;
      auto kind = static_cast<sim::event_kind>(random() % static_cast<int>(sim::event_kind::guild_update));
      tell(source.next(kind, all.guilds()[random() % all.guilds().size()], now));
    }
  }

  void tell(const sim::occurrence& happened) {
    if (happened.guild != 0)
      caches[happened.guild_index].apply(find_event_type(happened.content->name), happened.content->d,
                                         policy);
  }

  std::string text(const guild_cache& of, const sim::guild& guild) const {
    std::string out;
    of.write_guild_create(out, guild.id, everything, policy);
    return out;
  }

  sim::settings settings;
  sim::world all;
  sim::event_source source;
  cache_policy policy;
  std::vector<guild_cache> caches;
  sim::moment now = sim::first_moment;
};

guild_cache copy_of(const guild_cache& x) {
  std::string bytes;
  x.save(bytes);
  auto result = guild_cache::load(bytes);
  EXPECT_TRUE(result);
  return result ? std::move(*result) : guild_cache{};
}

/// `lines` without the members that have no line in `others`.
std::string without_absent_members(const std::string& lines, const std::string& others) {
  std::istringstream in{lines};
  std::string kept;
  for (std::string line; std::getline(in, line);) {
    auto key = line.substr(0, line.find('{'));
    if (!line.starts_with("members ") || others.find(key) != std::string::npos)
      kept += line + "\n";
  }
  return kept;
}

struct guild_cache_in_a_world : ::testing::TestWithParam<cache_policy> {};

TEST_P(guild_cache_in_a_world, equals_one_built_afresh_after_random_events) {
  std::random_device dice;
  for (auto round = 0; round < 2; ++round) {
    auto seed = dice();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random{seed};
    world_run x{seed, GetParam()};
    x.happen(6'000);
    x.happen_rarely(8'000, random);
    for (auto& each : x.caches)
      each = copy_of(each);
    x.happen(5'000);
    for (auto& guild : x.all.guilds()) {
      auto& cache = x.caches[guild.index];
      ASSERT_EQ(cache.member_count(), guild.member_count);
      ASSERT_EQ(
          first_difference(guild_lines(x.text(cache, guild)), guild_lines(x.text(x.fresh(guild), guild))), "")
          << "guild " << guild.index;
      ASSERT_TRUE(cache.difference(x.fresh(guild), guild.id).empty());
    }
  }
}

TEST_P(guild_cache_in_a_world, is_brought_to_another_state_by_their_difference) {
  std::random_device dice;
  for (auto round = 0; round < 2; ++round) {
    auto seed = dice();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random{seed};
    world_run x{seed, GetParam()};
    x.happen_rarely(5'000, random);
    std::vector<guild_cache> before;
    for (auto& each : x.caches)
      before.push_back(copy_of(each));
    x.happen(2'000);
    x.happen_rarely(round * 5'000, random);
    for (auto& guild : x.all.guilds()) {
      auto& cache = before[guild.index];
      auto newer = x.fresh(guild);
      for (auto& event : cache.difference(newer, guild.id))
        cache.apply(event.type, event.d, x.policy);
      // What no event tells alone does not count. Whoever is absent from a list that is not everybody may
      // have left or not.
      auto lines = [&](const guild_cache& of) {
        return guild_lines(x.text(of, guild), {"last_message_id", "processed_at_timestamp"});
      };
      auto brought = lines(cache);
      if (guild.silent_members() > 0)
        brought = without_absent_members(brought, lines(newer));
      ASSERT_EQ(first_difference(brought, lines(newer)), "") << "guild " << guild.index;
      ASSERT_TRUE(cache.difference(newer, guild.id).empty());
    }
  }
}

// What a session sees is Discord's matter: the simulator writes it by rules of its own.
TEST(guild_cache_in_a_world_views, writes_what_the_world_would_send_a_session) {
  constexpr std::uint64_t presences = 1 << 8;
  world_run x{std::random_device{}(), {member_policy::all, true, 0}};
  SCOPED_TRACE("seed " + std::to_string(x.settings.seed));
  x.happen(20'000);
  for (auto intents : {everything.intents, everything.intents & ~presences})
    for (std::uint16_t threshold : {50, 250})
      for (auto& guild : x.all.guilds()) {
        std::string ours, theirs;
        x.caches[guild.index].write_guild_create(ours, guild.id, {intents, threshold}, x.policy);
        sim::put_guild_create(theirs, {x.all, guild}, {.intents = intents, .large_threshold = threshold});
        ASSERT_EQ(first_difference(guild_lines(ours), guild_lines(theirs)), "") << "guild " << guild.index;
      }
}

INSTANTIATE_TEST_SUITE_P(policies, guild_cache_in_a_world,
                         ::testing::Values(cache_policy{member_policy::none, false, 0},
                                           cache_policy{member_policy::voice, false, 0},
                                           cache_policy{member_policy::seen, true, 0},
                                           cache_policy{member_policy::all, true, 0}));

} // namespace
} // namespace shardyard
