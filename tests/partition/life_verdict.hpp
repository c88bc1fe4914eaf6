// Whether the promises held at the end of a random life: every event once and in order in the sink's lines,
// and caches that are what a bot was told.
#pragma once

#include "tests/partition/cache_lines.hpp"
#include "tests/partition/life_history.hpp"

#include <regex>
#include <set>

namespace shardyard::testing {

/// By session and s: which occurrence the event is.
using carried_events = std::map<std::pair<std::string, std::uint64_t>, std::size_t>;

class life_verdict {
public:
  life_verdict(const group_world& world, const life_history& history, life kind)
      : world_(world), history_(history), kind_(kind) {}

  /// Empty when every promise held.
  const std::string& text() const { return problem_; }
  std::size_t gaps() const { return gaps_; }

  void fail(std::string what) {
    if (problem_.size() < 2000)
      problem_ += what + "\n";
  }

  void check_lines(const carried_events& carried) {
    std::map<std::size_t, int> seen;
    std::map<std::pair<snowflake, snowflake>, std::pair<std::uint64_t, std::uint64_t>> numbers;
    std::map<std::pair<snowflake, snowflake>, std::size_t> newest;
    std::map<snowflake, std::size_t> equal_seen;
    std::set<snowflake> shown;
    for (auto& x : world_.lines) {
      auto place = std::pair{x.guild, x.channel};
      auto& [n, epoch] = numbers[place];
      if (x.epoch < epoch)
        fail("an epoch fell in " + name(place));
      epoch = x.epoch;
      if (x.control()) {
        gaps_ += (x.flags & gap_flag) != 0;
        if ((x.flags & gap_flag) && !kind_.gaps)
          fail("a gap in " + name(place) + ": " + x.d);
        continue;
      }
      if (x.n != n + 1)
        fail("n jumped from " + std::to_string(n) + " to " + std::to_string(x.n) + " in " + name(place));
      n = x.n;
      if (kind_.gaps)
        continue;
      if (x.flags & snapshot_flag) {
        // The guild itself, once; no session begins where another one has not covered everything before.
        if (x.t != "GUILD_CREATE" || !shown.insert(x.guild).second)
          fail("a difference was made up in " + name(place) + ": " + x.t);
        continue;
      }
      if (x.t == "GUILD_CREATE")
        fail("a join was made up in " + name(place));
      auto id = carried.at({x.from.session_id, x.s});
      if (x.t == "ENTITLEMENT_CREATE")
        id = history_.nth_equal(id, ++equal_seen[history_.event(id).key]);
      ++seen[id];
      auto lane = type_of(find_event_type(x.t)).lane;
      if (x.guild == 0 && x.channel == 0)
        continue;
      if (lane == lane::keyed)
        continue;
      if (newest.contains(place) && newest[place] >= id)
        fail("re-ordered in " + name(place) + (x.flags & late_flag ? " (late)" : ""));
      newest[place] = id;
    }
    if (kind_.gaps)
      return;
    for (auto& x : history_.all()) {
      auto owed = x.at >= 1000s && x.at < world_.now;
      if (owed && seen[x.id] == 0)
        fail("lost " + x.event.t + " of " + std::to_string(x.event.guild) + " at " +
             std::to_string(x.at / 1ms));
      if (seen[x.id] > 1)
        fail("doubled " + x.event.t + " of " + std::to_string(x.event.guild) + " at " +
             std::to_string(x.at / 1ms));
    }
  }

  /// What is remembered is what a bot was told, and that is the world, unless something came late.
  void check_caches() {
    auto& policy = *world_.settings.cache;
    for (auto guild : history_.guilds()) {
      auto remembered = describe(*world_.group, guild);
      auto told = told_to_a_bot(world_.lines, guild, policy);
      // No event tells how many members there are.
      if (kind_.gaps)
        for (auto text : {&remembered, &told})
          *text = std::regex_replace(*text, std::regex{R"("member_count":\d+)"}, "");
      if (remembered != told || told.empty())
        fail("cache of " + std::to_string(guild) + " is " + remembered + " and not " + told);
      auto late = std::ranges::any_of(world_.lines, [&](auto& x) {
        return x.guild == guild && ((x.flags & late_flag) != 0 || x.d.find("\"weak\":true") != x.d.npos);
      });
      std::string world;
      guild_cache fresh;
      fresh.replace(history_.snapshot_of(guild, world_.now), policy);
      fresh.write_guild_create(world, guild, {~std::uint64_t{0}, 50}, policy);
      remembered = describe(*world_.group, guild);
      if (!late && remembered != world)
        fail("cache of " + std::to_string(guild) + " is " + remembered + ", the world " + world);
    }
  }

private:
  static std::string name(const std::pair<snowflake, snowflake>& x) {
    return std::to_string(x.first) + "/" + std::to_string(x.second);
  }

  const group_world& world_;
  const life_history& history_;
  life kind_;
  std::size_t gaps_ = 0;
  std::string problem_;
};

} // namespace shardyard::testing
