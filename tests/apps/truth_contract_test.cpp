// The rows that the simulator writes are the rows that the audit reads: the one format that both sides know
// without sharing code.
#include "apps/truth_source.hpp"
#include "sim/truth_log.hpp"

#include <gtest/gtest.h>

using namespace shardyard;

namespace {

truth read_back(const sim::truth_log& log) {
  truth_source source;
  std::string rows;
  for (sim::truth_log::reader reader{log};;) {
    auto more = reader.read(rows, 16);
    source.feed(rows);
    rows.clear();
    if (!more)
      break;
  }
  auto result = source.finish();
  EXPECT_EQ(source.error(), "");
  return result;
}

} // namespace

TEST(truth_contract, digests_change_nothing_for_the_audit) {
  sim::truth_log log{true, {}, true};
  log.session_ready(0, "first", 0, 1);
  log.happened("MESSAGE_CREATE", 1, 0, R"({"id":"2"})");
  log.happened("ENTITLEMENT_CREATE", 0, 0);
  log.carried(0, 2, 1);
  auto what = read_back(log);
  ASSERT_EQ(what.newest(), 2u);
  EXPECT_EQ(what.scope_of(1), (truth::scope{1, 0}));
  EXPECT_EQ(what.find(0, 2), 1u);
}

TEST(truth_contract, every_row_of_the_simulator_is_understood) {
  constexpr snowflake guild = 41771983423143937, channel = 1259901812757889036;
  sim::truth_log log{true};
  log.session_ready(0, "first", 0, 2);
  log.guild_shown(0, guild, 0);
  log.happened("MESSAGE_CREATE", guild, 0);
  log.happened("MESSAGE_CREATE", 0, channel);
  log.happened("ENTITLEMENT_CREATE", 0, 0);
  log.carried(0, 3, 2);
  log.carried(0, 4, 1);
  log.guild_lost(0, guild, 3);
  log.session_ready(1, "second", 0, 1);
  log.session_ended(0, "op 9");
  auto what = read_back(log);

  ASSERT_EQ(what.newest(), 3u);
  EXPECT_EQ(what.scope_of(1), (truth::scope{guild, 0}));
  EXPECT_EQ(what.scope_of(2), (truth::scope{0, channel}));
  EXPECT_EQ(what.scope_of(3), (truth::scope{0, 0}));
  EXPECT_EQ(what.name_of(3).name, "ENTITLEMENT_CREATE");
  auto first = what.find_session("first");
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(what.find(*first, 3), 2u);
  EXPECT_EQ(what.find(*first, 4), 1u);
  EXPECT_EQ(what.find(*first, 5), 0u);
  EXPECT_TRUE(what.owed(1));
  EXPECT_TRUE(what.owed(2));
  EXPECT_FALSE(what.owed(3)); // no session carried one, so the intents kept it out
  EXPECT_EQ(what.sessions().at(0).shard_count, 2u);
  ASSERT_EQ(what.coverage_of(guild).size(), 3u);
  EXPECT_FALSE(what.coverage_of(guild)[1].begins);
  EXPECT_EQ(what.coverage_of(guild)[1].after, 3u);
  EXPECT_EQ(what.coverage_of(0).size(), 3u);
  EXPECT_EQ(what.sessions().at(0).end->after, 3u);
}
