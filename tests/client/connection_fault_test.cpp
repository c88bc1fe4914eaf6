// Faults of the connection: whatever ends it, RESUME brings exactly what was missed.
#include "tests/client/driver.hpp"

namespace shardyard::client {
namespace {

using net::close_kind;
using net::compression;
using net::reaction;

class every_transport : public testing::TestWithParam<std::tuple<bool, compression>> {
protected:
  discord at{small_discord(), std::get<0>(GetParam())};
  shard_client who{at, {.compress = std::get<1>(GetParam())}};
};

TEST_P(every_transport, a_resume_after_a_reset_brings_exactly_what_was_missed) {
  who.identify();
  at.emit(300);
  ASSERT_NO_FATAL_FAILURE(who.catch_up());
  EXPECT_EQ(at.fault({{"kind", "reset"}}), 1u);
  auto end = who.closed();
  EXPECT_EQ(end.kind, close_kind::lost);
  EXPECT_EQ(end.after, reaction::resume);
  at.emit(300);
  who.resume();
  at.emit(100);
  who.expect_the_truth();
  EXPECT_EQ(at.stat("identifies_used"), 1u);
}

TEST_P(every_transport, a_guild_of_5_mb_arrives_whole) {
  who.identify();
  auto guild = who.any_guild();
  at.emit(50);
  EXPECT_EQ(at.fault({{"kind", "big_guild"}, {"guild", std::to_string(guild)}}), 1u);
  at.emit(50);
  who.expect_the_truth();
  EXPECT_GT(who.last("GUILD_CREATE").size, 5'000'000u);
  EXPECT_EQ(who.last("GUILD_CREATE").guild, guild);
}

TEST_P(every_transport, a_session_lives_through_many_faults_in_a_row) {
  who.identify();
  at.rate(3000);
  for (auto kind : {"reset", "reconnect", "close", "invalid_session"}) {
    auto before = who.events();
    EXPECT_EQ(at.fault({{"kind", kind}, {"resumable", true}}), 1u);
    if (std::string_view{kind} == "invalid_session") {
      who.record->await("op 9", [](auto&, auto& line) { return !line.invalid.empty(); });
      who.resume_here();
    } else {
      if (std::string_view{kind} == "reconnect") {
        who.record->await("op 7", [](auto&, auto& line) { return line.reconnects == 1; });
        who.link().close(net::resumable_close);
      }
      who.closed();
      who.resume();
    }
    who.record->await("more events", [&](auto& x, auto&) { return x.events.size() > before + 50; });
  }
  at.rate(0);
  who.expect_the_truth();
  EXPECT_EQ(at.stat("identifies_used"), 1u);
}

std::string transport_name(const testing::TestParamInfo<std::tuple<bool, compression>>& x) {
  auto compress = std::get<1>(x.param);
  return std::string{std::get<0>(x.param) ? "tls_" : "plain_"} + (compress == compression::none ? "none"
                                                                  : compress == compression::zlib_stream
                                                                      ? "zlib"
                                                                      : "zstd");
}

INSTANTIATE_TEST_SUITE_P(client, every_transport,
                         testing::Combine(testing::Bool(),
                                          testing::Values(compression::none, compression::zlib_stream,
                                                          compression::zstd_stream)),
                         transport_name);

struct connection_fault : testing::Test {
  /// Missed while away, then resumed.
  static void comes_back(discord& at, shard_client& who) {
    at.emit(200);
    who.resume();
    who.expect_the_truth();
    EXPECT_EQ(at.stat("identifies_used"), 1u);
  }
};

TEST_F(connection_fault, op_7_is_reported_and_the_session_goes_on_elsewhere) {
  discord at;
  shard_client who{at};
  who.identify();
  at.emit(100);
  EXPECT_EQ(at.fault({{"kind", "reconnect"}}), 1u);
  who.record->await("op 7", [](auto&, auto& line) { return line.reconnects == 1; });
  auto end = who.close();
  EXPECT_EQ(end.kind, close_kind::asked);
  EXPECT_EQ(end.after, reaction::resume);
  comes_back(at, who);
}

TEST_F(connection_fault, who_ignores_op_7_is_cut_off_and_may_still_resume) {
  auto chosen = small_discord();
  chosen.reconnect_grace = 20ms;
  discord at{chosen};
  shard_client who{at};
  who.identify();
  at.fault({{"kind", "reconnect"}});
  auto end = who.closed();
  EXPECT_EQ(end.kind, close_kind::lost);
  EXPECT_EQ(end.code, 1006);
  comes_back(at, who);
}

TEST_F(connection_fault, a_node_that_drains_tells_its_own_connections_only) {
  discord at;
  shard_client one{at, {.shard = 0, .count = 2}}, two{at, {.shard = 1, .count = 2}};
  one.identify();
  two.identify();
  EXPECT_EQ(at.fault({{"kind", "drain_node"}, {"node", 0}}), 1u);
  auto told = [](shard_client& who) {
    return who.record->locked([](auto&, auto& line) { return line.reconnects; });
  };
  while (told(one) + told(two) == 0)
    ASSERT_NO_FATAL_FAILURE(one.catch_up());
  EXPECT_EQ(at.fault({{"kind", "drain_node"}, {"node", 1}}), 1u);
  one.record->await("op 7", [](auto&, auto& line) { return line.reconnects == 1; });
  two.record->await("op 7", [](auto&, auto& line) { return line.reconnects == 1; });
}

TEST_F(connection_fault, op_9_true_lets_the_session_resume_on_the_same_connection) {
  discord at;
  shard_client who{at};
  who.identify();
  at.emit(100);
  EXPECT_EQ(at.fault({{"kind", "invalid_session"}, {"resumable", true}}), 1u);
  who.record->await("op 9", [](auto&, auto& line) { return line.invalid == std::vector{true}; });
  at.emit(100);
  who.resume_here();
  who.expect_the_truth();
  EXPECT_EQ(at.stat("identifies_used"), 1u);
}

TEST_F(connection_fault, op_9_false_leaves_an_identify_on_the_same_connection) {
  discord at;
  shard_client who{at};
  who.identify();
  at.emit(100);
  ASSERT_NO_FATAL_FAILURE(who.catch_up());
  auto old = who.session_id();
  EXPECT_EQ(at.fault({{"kind", "invalid_session"}}), 1u);
  who.record->await("op 9", [](auto&, auto& line) { return line.invalid == std::vector{false}; });
  EXPECT_FALSE(at.session(old));
  who.identify_here();
  EXPECT_NE(who.session_id(), old);
  at.emit(100);
  who.expect_the_truth();
  EXPECT_EQ(at.stat("identifies_used"), 2u);
}

TEST_F(connection_fault, a_silent_line_is_found_by_a_heartbeat_without_answer) {
  auto chosen = small_discord();
  chosen.heartbeat_interval = 400ms;
  discord at{chosen};
  shard_client who{at};
  who.identify();
  at.emit(50);
  EXPECT_EQ(at.fault({{"kind", "half_open"}}), 1u);
  auto end = who.closed();
  EXPECT_EQ(end.kind, close_kind::zombie);
  EXPECT_EQ(end.after, reaction::resume);
  EXPECT_FALSE(net::ends_session(end.code));
  comes_back(at, who);
}

TEST_F(connection_fault, a_short_stall_is_borne_without_a_new_connection) {
  discord at;
  shard_client who{at};
  who.identify();
  EXPECT_EQ(at.fault({{"kind", "stall"}, {"ms", 200}}), 1u);
  at.emit(100);
  who.expect_the_truth();
  EXPECT_FALSE(who.record->locked([](auto&, auto& line) { return line.closed.has_value(); }));
}

TEST_F(connection_fault, a_stall_longer_than_two_heartbeats_is_a_dead_line) {
  auto chosen = small_discord();
  chosen.heartbeat_interval = 400ms;
  discord at{chosen};
  shard_client who{at};
  who.identify();
  EXPECT_EQ(at.fault({{"kind", "stall"}, {"ms", 60'000}}), 1u);
  EXPECT_EQ(who.closed().kind, close_kind::zombie);
  comes_back(at, who);
}

TEST_F(connection_fault, the_end_of_a_line_without_close_frame_is_a_loss) {
  discord at;
  shard_client who{at};
  who.identify();
  EXPECT_EQ(at.fault({{"kind", "close"}}), 1u);
  auto end = who.closed();
  EXPECT_EQ(end.kind, close_kind::lost);
  EXPECT_EQ(end.code, 1006);
  comes_back(at, who);
}

TEST_F(connection_fault, a_message_above_the_own_limit_ends_the_line_and_nothing_else_is_lost) {
  discord at;
  shard_client who{at, {.max_message_bytes = 1 << 20}};
  who.identify();
  at.emit(20);
  ASSERT_NO_FATAL_FAILURE(who.catch_up());
  auto before = who.events();
  at.fault({{"kind", "big_guild"}, {"guild", std::to_string(who.any_guild())}});
  auto end = who.closed();
  EXPECT_EQ(end.kind, close_kind::malformed);
  EXPECT_FALSE(net::ends_session(end.code));
  EXPECT_EQ(who.events(), before);
  EXPECT_EQ(json::serialize(at.get("/violations")), "[]");
}

TEST_F(connection_fault, a_fault_of_one_shard_leaves_the_others_alone) {
  discord at;
  shard_client hit{at, {.shard = 0, .count = 2}}, spared{at, {.shard = 1, .count = 2}};
  hit.identify();
  spared.identify();
  EXPECT_EQ(at.fault({{"kind", "reset"}, {"shard", {0, 2}}}), 1u);
  hit.closed();
  at.emit(300);
  hit.resume();
  hit.expect_the_truth();
  spared.expect_the_truth();
  EXPECT_EQ(spared.record->locked([](auto& x, auto&) { return x.resumes; }), 0u);
}

TEST_F(connection_fault, who_missed_more_than_discord_keeps_must_identify) {
  auto chosen = small_discord();
  chosen.replay_limit = 50;
  discord at{chosen};
  shard_client who{at};
  who.identify();
  at.fault({{"kind", "reset"}});
  who.closed();
  at.emit(500);
  while (auto row = at.session(who.session_id()))
    if (row->at("in_flight").to_number<int>() == 0)
      break;
  EXPECT_TRUE(who.resume_is_refused());
  who.identify_here();
  at.emit(20);
  who.expect_the_truth();
}

// ---- close codes

struct close_case {
  int code;
  reaction after;
};

class every_close_code : public testing::TestWithParam<close_case> {};

TEST_P(every_close_code, brings_its_documented_reaction_and_that_one_works) {
  discord at;
  shard_client who{at};
  who.identify();
  at.emit(50);
  auto session = who.session_id();
  EXPECT_EQ(at.fault({{"kind", "close"}, {"code", GetParam().code}}), 1u);
  auto end = who.closed();
  EXPECT_EQ(end.kind, close_kind::by_server);
  EXPECT_EQ(end.code, GetParam().code);
  EXPECT_EQ(end.after, GetParam().after);
  EXPECT_FALSE(end.text.empty());
  EXPECT_EQ(at.session(session).has_value(), end.after == reaction::resume);
  if (end.after == reaction::fatal)
    return;
  at.emit(50);
  if (end.after == reaction::resume)
    who.resume();
  else
    who.identify();
  at.emit(50);
  who.expect_the_truth();
}

// Opcodes and Status Codes, "Gateway Close Event Codes"; 1000 and 1001 come from Discord's edge.
INSTANTIATE_TEST_SUITE_P(
    client, every_close_code,
    testing::Values(close_case{1000, reaction::resume}, close_case{1001, reaction::resume},
                    close_case{4000, reaction::resume}, close_case{4001, reaction::resume},
                    close_case{4002, reaction::resume}, close_case{4003, reaction::identify},
                    close_case{4004, reaction::fatal}, close_case{4005, reaction::resume},
                    close_case{4006, reaction::identify}, close_case{4007, reaction::identify},
                    close_case{4008, reaction::resume}, close_case{4009, reaction::identify},
                    close_case{4010, reaction::fatal}, close_case{4011, reaction::fatal},
                    close_case{4012, reaction::fatal}, close_case{4013, reaction::fatal},
                    close_case{4014, reaction::fatal}, close_case{4999, reaction::resume}),
    [](auto& x) { return "code_" + std::to_string(x.param.code); });

} // namespace
} // namespace shardyard::client
