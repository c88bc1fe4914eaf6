#include "sim/event_source.hpp"
#include "sim/text.hpp"
#include "tests/sim/first_moment.hpp"
#include "tests/sim/guild_cache.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace shardyard::sim {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

settings of_seed(std::uint64_t seed, std::uint32_t guilds = 30) {
  settings chosen;
  chosen.seed = seed;
  chosen.guilds = guilds;
  chosen.mix = event_mix::no_presences;
  chosen.twins = 0.02;
  return chosen;
}

std::string history(const settings& chosen, int events) {
  world all{chosen, first_moment};
  event_source source{all, chosen};
  std::string lines;
  for (auto i = 0; i < events; ++i) {
    auto happened = source.next(first_moment + i * 1ms);
    lines += std::string{happened.content->name} + " " + std::to_string(happened.guild) + " " +
             happened.content->d + "\n";
  }
  return lines;
}

TEST(world, the_same_seed_gives_the_same_history_and_another_seed_another) {
  auto first = history(of_seed(5), 3000);
  EXPECT_EQ(first, history(of_seed(5), 3000));
  EXPECT_NE(first, history(of_seed(6), 3000));
}

json::object snapshot(const world& all, const guild& g, std::uint64_t intents = known_intents) {
  std::string text;
  put_guild_create(text, {all, g}, {.intents = intents, .large_threshold = 250});
  return json::parse(text).get_object();
}

json::object everything_of(const world& all, const guild& g) {
  std::string text;
  put_guild_create(text, {all, g}, {.intents = known_intents, .everyone = true});
  return json::parse(text).get_object();
}

TEST(world, a_snapshot_is_an_older_snapshot_folded_with_the_events_since) {
  for (auto mix : {event_mix::no_presences, event_mix::figures}) {
    auto chosen = of_seed(11, 3);
    chosen.mix = mix;
    chosen.repeated_joins = 0.3;
    chosen.medium_guilds = 0.3;
    world all{chosen, first_moment};
    event_source source{all, chosen};
    std::vector<guild_cache> caches;
    for (auto& g : all.guilds())
      caches.emplace_back(everything_of(all, g));
    std::set<std::string> names;
    for (auto i = 0; i < 40000; ++i) {
      auto happened = source.next(first_moment + i * 20ms);
      auto parsed = json::parse(happened.content->d); // every payload is JSON
      if (happened.guild == 0)
        continue;
      names.emplace(happened.content->name);
      caches[happened.guild_index].apply(happened.content->name, parsed.get_object());
      auto& named = parsed.get_object();
      auto* id = named.if_contains("guild_id");
      EXPECT_EQ(id ? *id : named.at("id"), json::value(std::to_string(happened.guild)))
          << happened.content->name;
    }
    EXPECT_GT(names.size(), 20u);
    for (auto& g : all.guilds())
      EXPECT_EQ(guild_cache::difference(caches[g.index], guild_cache{everything_of(all, g)}), "")
          << "guild " << g.index;
  }
}

TEST(world, a_repeated_join_has_a_later_joined_at_and_counts_no_member) {
  auto chosen = of_seed(21, 2);
  chosen.repeated_joins = 1;
  chosen.twins = 0;
  world all{chosen, first_moment};
  event_source source{all, chosen};
  auto& g = all.guilds().front();
  auto before = g.member_count;
  auto joined = source.next(event_kind::guild_member_add, g, first_moment);
  ASSERT_EQ(joined.kind, event_kind::guild_member_add);
  auto first = json::parse(joined.content->d);
  EXPECT_EQ(g.member_count, before + 1);
  auto again = source.next(first_moment + 500ms);
  ASSERT_EQ(again.kind, event_kind::guild_member_add);
  auto second = json::parse(again.content->d);
  EXPECT_EQ(second.at("user"), first.at("user"));
  EXPECT_GT(second.at("joined_at").as_string(), first.at("joined_at").as_string());
  EXPECT_EQ(g.member_count, before + 1);
}

TEST(world, activity_of_guilds_differs_by_orders_of_magnitude) {
  auto chosen = of_seed(3, 200);
  world all{chosen, first_moment};
  event_source source{all, chosen};
  std::vector<int> counts(200);
  for (auto i = 0; i < 50000; ++i)
    if (auto happened = source.next(first_moment); happened.guild != 0)
      ++counts[happened.guild_index];
  std::ranges::sort(counts);
  EXPECT_GT(counts.back(), 50 * std::max(1, counts.front()));
}

TEST(world, equal_payloads_come_again_and_discord_repeats_itself) {
  auto chosen = of_seed(4, 5);
  world all{chosen, first_moment};
  event_source source{all, chosen};
  std::map<std::string, int> seen;
  for (auto i = 0; i < 20000; ++i) {
    auto happened = source.next(first_moment + i * 1ms);
    ++seen[std::string{happened.content->name} + happened.content->d];
  }
  std::map<std::string, int> repeated;
  for (auto& [text, count] : seen)
    if (count > 1)
      ++repeated[text.substr(0, text.find('{'))];
  EXPECT_GT(repeated["MESSAGE_REACTION_ADD"], 0);
  EXPECT_GT(repeated["VOICE_STATE_UPDATE"], 0);
  EXPECT_GT(repeated["MESSAGE_CREATE"], 0); // only twins can
}

TEST(world, mixes_have_the_sizes_and_shares_of_the_reference) {
  for (auto [mix, low, high, presences] : {std::tuple{event_mix::presences, 390, 650, 0.9},
                                           {event_mix::no_presences, 700, 1100, 0.0},
                                           {event_mix::figures, 560, 680, 0.45}}) {
    auto chosen = of_seed(9, 100);
    chosen.mix = mix;
    world all{chosen, first_moment};
    event_source source{all, chosen};
    std::size_t bytes = 0, presence_count = 0;
    constexpr auto events = 20000;
    for (auto i = 0; i < events; ++i) {
      auto happened = source.next(first_moment + i * 1ms);
      // The envelope adds the name and some 30 bytes.
      bytes += happened.content->d.size() + happened.content->name.size() + 30;
      presence_count += happened.kind == event_kind::presence_update;
    }
    EXPECT_GT(bytes / events, static_cast<std::size_t>(low));
    EXPECT_LT(bytes / events, static_cast<std::size_t>(high));
    EXPECT_NEAR(static_cast<double>(presence_count) / events, presences, 0.02);
  }
}

TEST(world, members_and_presences_are_shown_by_intents_and_size) {
  auto chosen = of_seed(2, 60);
  chosen.medium_guilds = 0.3;
  world all{chosen, first_moment};
  for (auto& g : all.guilds()) {
    auto blind = snapshot(all, g, guilds_intent), seeing = snapshot(all, g);
    EXPECT_EQ(blind.at("members").as_array().size(), 1u);
    EXPECT_TRUE(blind.at("presences").as_array().empty());
    EXPECT_EQ(seeing.at("large"), g.member_count > 250);
    if (g.member_count <= 250) {
      EXPECT_EQ(seeing.at("members").as_array().size(), g.member_count);
    }
  }
}

TEST(world, timestamps_and_ids_carry_the_moment) {
  std::string text;
  put_time(text, 1'795'178'096'789);
  EXPECT_EQ(text, R"("2026-11-20T12:34:56.789000+00:00")");
  auto chosen = of_seed(1);
  world all{chosen, first_moment};
  std::set<snowflake> fresh;
  for (auto i = 0; i < 4000; ++i)
    fresh.insert(all.fresh_id(first_moment));
  EXPECT_EQ(fresh.size(), 4000u);
  EXPECT_EQ(static_cast<std::int64_t>(*fresh.begin() >> 22) + snowflake_epoch_ms, unix_ms(first_moment));
}

} // namespace
} // namespace shardyard::sim
