// Random lives of a few sessions: what the truth says that they carried must be exactly what happened while
// they had the guild.
#include "tests/sim/scenario.hpp"

#include <map>
#include <set>

namespace shardyard::sim {
namespace {

using namespace std::chrono_literals;

struct span_of_guild {
  std::int64_t after = 0, until = INT64_MAX; ///< occurrences in (after, until] are owed
};

void live(scenario& at, random_source& rng) {
  auto& guilds = at.discord.all().guilds();
  auto& chosen = guilds[rng.below(static_cast<std::uint32_t>(guilds.size()))];
  std::vector<fault_kind> kinds{fault_kind::outage,    fault_kind::outage_end, fault_kind::delay,
                                fault_kind::duplicate, fault_kind::join,       fault_kind::leave,
                                fault_kind::big_guild, fault_kind::reset};
  fault what{
      .kind = kinds[rng.below(static_cast<std::uint32_t>(kinds.size()))], .guild = chosen.id, .bytes = 10};
  what.ms = rng.below(60);
  auto victim = at.discord.sessions().begin();
  std::advance(victim, rng.below(static_cast<std::uint32_t>(at.discord.sessions().size())));
  if (what.kind != fault_kind::duplicate)
    what.session = victim->second->id();
  auto& hit = *victim->second;
  at.discord.apply(what, at.now);
  at.pass(std::chrono::milliseconds{2 * rng.below(10)});
  if (!hit.connection) {
    auto& back = at.connect();
    at.say(back, at.resume_text(hit.id(), hit.s() - std::min<std::uint64_t>(hit.s(), rng.below(50))));
    EXPECT_EQ(back.line.dispatches("RESUMED").size() > 0, true);
  }
}

void check(scenario& at) {
  std::map<std::int64_t, std::pair<std::string, std::string>> happened; // guild and name
  std::map<std::string, std::vector<std::int64_t>> of_guild;
  for (auto& row : at.truth_rows("o")) {
    std::string guild{row[2].as_string()};
    happened[row[1].as_int64()] = {guild, std::string{row[3].as_string()}};
    of_guild[guild].push_back(row[1].as_int64());
  }
  std::map<std::pair<std::int64_t, std::string>, std::vector<span_of_guild>> spans;
  for (std::string_view letter : {"g", "u"}) {
    for (auto& row : at.truth_rows(letter)) {
      auto& list = spans[{row[1].as_int64(), std::string{row[2].as_string()}}];
      if (letter == "g") {
        list.push_back({row[3].as_int64()});
        continue;
      }
      span_of_guild* span = nullptr; // the latest snapshot before the outage
      for (auto& s : list)
        if (s.until == INT64_MAX && s.after <= row[3].as_int64() && (!span || s.after >= span->after))
          span = &s;
      ASSERT_NE(span, nullptr);
      span->until = row[3].as_int64();
    }
  }
  std::map<std::pair<std::int64_t, std::string>, std::vector<std::int64_t>> carried;
  std::map<std::int64_t, std::set<std::int64_t>> sequences;
  for (auto& row : at.truth_rows("c")) {
    auto& [guild, name] = happened.at(row[3].as_int64());
    carried[{row[1].as_int64(), guild}].push_back(row[3].as_int64());
    EXPECT_TRUE(sequences[row[1].as_int64()].insert(row[2].as_int64()).second);
  }
  for (auto& [key, list] : spans) {
    auto& [k, guild] = key;
    std::vector<std::int64_t> owed;
    for (auto id : of_guild[guild]) {
      auto covered = std::ranges::any_of(list, [id](auto& s) { return id > s.after && id <= s.until; });
      if (covered || happened[id].second == "GUILD_CREATE" || happened[id].second == "GUILD_DELETE")
        owed.push_back(id);
    }
    EXPECT_EQ(carried[key], owed) << "session " << k << " guild " << guild;
  }
}

class random_lives : public testing::TestWithParam<int> {};

TEST_P(random_lives, sessions_carry_exactly_what_happened_while_they_had_the_guild) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  auto chosen = small_world();
  chosen.seed = static_cast<std::uint64_t>(GetParam());
  chosen.guilds = 8;
  scenario at{chosen};
  random_source rng{chosen.seed};
  for (std::uint32_t id = 0; id < 5; ++id)
    id < 2 ? at.identified(id, 2) : at.identified(id + 2, 7);
  at.pass(10ms);
  at.discord.set_rate(400);
  for (auto i = 0; i < 40; ++i)
    live(at, rng);
  at.discord.set_rate(0);
  at.pass(200ms);
  EXPECT_EQ(at.discord.count().in_flight, 0u);
  EXPECT_TRUE(at.broken_rules().empty());
  check(at);
}

INSTANTIATE_TEST_SUITE_P(seeds, random_lives, testing::Range(1, 21));

} // namespace
} // namespace shardyard::sim
