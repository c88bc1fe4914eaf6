#include "tests/shard/session_driver.hpp"

#include "actors/shard/close_advice.hpp"

namespace shardyard::session {
namespace {

void drop(driver& d, reaction how = reaction::resume, int code = 1006) {
  d.link_died(d.link());
  d.feed(closed{d.link(), code, how, "test"});
}

void refuse_connect(driver& d, bool fatal = false) {
  d.link_died(d.link());
  d.feed(connect_failed{d.link(), "refused", {}, fatal});
}

/// Brings a resting machine to its next connection.
void wait_for_connect(driver& d) {
  while (!d.in<connecting>())
    d.expire();
}

TEST(session_machine, a_new_shard_asks_for_a_permit_before_it_connects) {
  driver d;
  d.feed(start{std::nullopt, purpose::reshard});
  ASSERT_TRUE(d.did<ask_permit>());
  EXPECT_EQ(d.did<ask_permit>()->purpose, purpose::reshard);
  EXPECT_FALSE(d.did<connect>());
  d.grant(7);
  ASSERT_TRUE(d.did<connect>());
  EXPECT_FALSE(d.did<connect>()->url);
}

TEST(session_machine, identify_reports_the_permit_and_its_age) {
  driver d;
  d.feed(start{});
  d.pass(2s);
  d.grant(7);
  d.pass(3s);
  d.feed(hello{d.link(), 0});
  ASSERT_TRUE(d.did<identify>());
  ASSERT_TRUE(d.did<permit_used>());
  EXPECT_EQ(d.did<permit_used>()->permit, 7u);
  EXPECT_EQ(d.did<permit_used>()->age, 5s);
}

TEST(session_machine, a_permit_that_expired_before_hello_is_asked_again_on_the_open_link) {
  driver d;
  d.feed(start{});
  d.grant(7);
  d.pass(10s);
  d.feed(hello{d.link(), 0});
  EXPECT_FALSE(d.did<identify>());
  ASSERT_TRUE(d.did<ask_permit>());
  d.grant(8);
  ASSERT_TRUE(d.did<identify>());
  EXPECT_EQ(d.did<identify>()->link, d.link());
  EXPECT_EQ(d.did<permit_used>()->permit, 8u);
}

TEST(session_machine, a_grant_counts_from_asking_not_from_its_arrival) {
  driver d;
  d.feed(start{});
  d.pass(9950ms);
  d.grant(7);
  EXPECT_FALSE(d.did<connect>());
  EXPECT_TRUE(d.in<queued>());
}

TEST(session_machine, an_answer_to_an_older_ask_is_ignored) {
  driver d;
  d.feed(start{});
  auto old = d.last_ask();
  d.expire();
  EXPECT_NE(d.last_ask(), old);
  d.feed(permit_granted{old, 7, 10s});
  EXPECT_TRUE(d.in<asking>());
}

TEST(session_machine, a_wait_is_asked_again_when_the_hint_is_over) {
  driver d;
  d.feed(start{});
  d.feed(permit_wait{d.last_ask(), 5s});
  EXPECT_EQ(d.did<wake_at>()->at, d.now() + 5s);
  d.pass(4s);
  EXPECT_FALSE(d.feed(timer{}).empty());
  EXPECT_TRUE(d.in<queued>());
  d.pass(1s);
  d.feed(timer{});
  EXPECT_TRUE(d.did<ask_permit>());
}

TEST(session_machine, a_refused_permit_is_told_and_asked_again_later) {
  driver d;
  d.feed(start{});
  d.feed(permit_refused{d.last_ask(), "budget spent", "wait until 12:00"});
  ASSERT_TRUE(d.did<alert>());
  EXPECT_NE(d.did<alert>()->reason.find("budget spent"), std::string::npos);
  d.expire();
  EXPECT_TRUE(d.did<ask_permit>());
}

TEST(session_machine, a_known_session_is_resumed_without_any_permit) {
  driver d;
  d.feed(start{resumable{"old", "wss://r"}, purpose::start});
  ASSERT_TRUE(d.did<connect>());
  EXPECT_EQ(d.did<connect>()->url, "wss://r");
  d.feed(hello{d.link(), 41});
  ASSERT_TRUE(d.did<resume>());
  EXPECT_EQ(d.did<resume>()->session_id, "old");
  EXPECT_EQ(d.did<resume>()->seq, 41u);
  d.feed(resumed{d.link()});
  EXPECT_TRUE(d.did<went_live>()->resumed);
}

TEST(session_machine, a_lost_connection_of_a_steady_session_is_resumed_at_once) {
  driver d;
  d.go_live();
  drop(d);
  EXPECT_TRUE(d.did<disconnected>());
  ASSERT_TRUE(d.did<connect>());
  EXPECT_EQ(d.did<connect>()->url, "wss://resume");
}

TEST(session_machine, op_7_resumes_after_a_jitter_and_never_with_a_code_that_ends_the_session) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    driver d(seed);
    d.go_live();
    d.feed(reconnect{d.link()});
    ASSERT_TRUE(d.did<close>());
    EXPECT_GE(d.did<close>()->code, 4000);
    auto begun = d.now();
    wait_for_connect(d);
    EXPECT_LE(d.now() - begun, 2s);
  }
}

TEST(session_machine, op_7_without_jitter_reconnects_in_the_same_step) {
  tuning quick;
  quick.reconnect_jitter = 0s;
  driver d(1, quick);
  d.go_live();
  d.feed(reconnect{d.link()});
  EXPECT_TRUE(d.did<connect>());
}

TEST(session_machine, op_9_true_keeps_the_session) {
  driver d;
  d.go_live();
  d.feed(invalid_session{d.link(), true});
  EXPECT_FALSE(d.did<session_lost>());
  wait_for_connect(d);
  d.feed(hello{d.link(), 5});
  EXPECT_TRUE(d.did<resume>());
}

TEST(session_machine, op_9_false_drops_the_session_and_waits_one_to_five_seconds_for_a_fresh_permit) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    driver d(seed);
    d.go_live();
    d.feed(invalid_session{d.link(), false});
    EXPECT_TRUE(d.did<session_lost>());
    EXPECT_FALSE(d.under_test().known_session());
    auto begun = d.now();
    d.expire();
    EXPECT_GE(d.now() - begun, 1s);
    EXPECT_LE(d.now() - begun, 5s);
    ASSERT_TRUE(d.did<ask_permit>());
    EXPECT_EQ(d.did<ask_permit>()->purpose, purpose::recovery);
  }
}

TEST(session_machine, a_close_code_that_ends_the_session_leads_to_identify) {
  driver d;
  d.go_live();
  drop(d, reaction::identify, 4009);
  ASSERT_TRUE(d.did<session_lost>());
  EXPECT_NE(d.did<session_lost>()->reason.find("4009"), std::string::npos);
}

TEST(session_machine, an_unreachable_resume_url_is_left_for_the_base_url_after_two_tries) {
  driver d;
  d.go_live();
  drop(d);
  refuse_connect(d);
  wait_for_connect(d);
  EXPECT_TRUE(d.did<connect>()->url);
  refuse_connect(d);
  wait_for_connect(d);
  ASSERT_TRUE(d.did<connect>());
  EXPECT_FALSE(d.did<connect>()->url);
  d.feed(hello{d.link(), 9});
  EXPECT_TRUE(d.did<resume>());
  drop(d);
  EXPECT_TRUE(d.did<session_lost>()) << "one RESUME over the base URL, then IDENTIFY";
}

TEST(session_machine, a_network_outage_costs_no_session) {
  driver d;
  d.go_live();
  drop(d);
  for (int i = 0; i < 40; ++i) {
    wait_for_connect(d);
    refuse_connect(d);
    EXPECT_FALSE(d.did<session_lost>());
  }
  wait_for_connect(d);
  d.feed(hello{d.link(), 9});
  EXPECT_TRUE(d.did<resume>());
}

TEST(session_machine, three_failed_resumes_drop_the_session) {
  driver d;
  d.go_live();
  drop(d);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(d.did<session_lost>());
    wait_for_connect(d);
    d.feed(hello{d.link(), 9});
    ASSERT_TRUE(d.did<resume>());
    drop(d);
  }
  EXPECT_TRUE(d.did<session_lost>());
}

TEST(session_machine, a_long_replay_is_not_taken_for_a_dead_connection) {
  driver d;
  d.go_live();
  drop(d);
  d.feed(hello{d.link(), 9});
  for (int i = 0; i < 10; ++i) {
    d.pass(50s);
    d.feed(replayed{d.link()});
    d.feed(timer{});
    ASSERT_TRUE(d.in<resuming>());
  }
  d.feed(resumed{d.link()});
  EXPECT_TRUE(d.in<live>());
}

TEST(session_machine, hello_that_does_not_come_is_given_up_after_30_seconds) {
  driver d;
  d.feed(start{});
  d.grant(1);
  auto begun = d.now();
  d.expire();
  EXPECT_EQ(d.now() - begun, 30s);
  EXPECT_TRUE(d.did<close>());
}

TEST(session_machine, ready_that_does_not_come_closes_with_4000_and_takes_a_new_permit) {
  driver d;
  d.feed(start{});
  d.grant(1);
  d.feed(hello{d.link(), 0});
  d.expire();
  ASSERT_TRUE(d.did<close>());
  EXPECT_EQ(d.did<close>()->code, 4000);
  d.expire();
  EXPECT_TRUE(d.did<ask_permit>());
}

TEST(session_machine, an_unused_permit_survives_a_failed_connect_while_it_is_valid) {
  driver d;
  d.feed(start{});
  d.grant(1);
  refuse_connect(d);
  d.expire();
  ASSERT_TRUE(d.did<connect>());
  d.feed(hello{d.link(), 0});
  EXPECT_EQ(d.did<permit_used>()->permit, 1u);
}

TEST(session_machine, a_permit_that_was_not_used_goes_back_when_the_shard_is_stopped) {
  driver d;
  d.feed(start{});
  d.grant(7);
  d.feed(stop{4000});
  ASSERT_TRUE(d.did<permit_unused>());
  EXPECT_EQ(d.did<permit_unused>()->permit, 7u);
}

TEST(session_machine, a_used_permit_does_not_go_back) {
  driver d;
  d.feed(start{});
  d.grant(7);
  d.feed(hello{d.link(), 0});
  d.feed(stop{4000});
  EXPECT_FALSE(d.did<permit_unused>());
}

TEST(session_machine, a_grant_that_comes_after_its_ask_was_given_up_goes_back_once) {
  driver d;
  d.feed(start{});
  auto first = d.last_ask();
  d.expire();
  ASSERT_NE(d.last_ask(), first);
  d.feed(permit_granted{first, 7, 10s});
  ASSERT_TRUE(d.did<permit_unused>());
  EXPECT_EQ(d.did<permit_unused>()->permit, 7u);
  d.feed(permit_granted{first, 7, 10s});
  EXPECT_FALSE(d.did<permit_unused>());
}

TEST(session_machine, a_permit_is_not_used_for_a_second_identify) {
  driver d;
  d.feed(start{});
  d.grant(1);
  d.feed(hello{d.link(), 0});
  d.feed(invalid_session{d.link(), false});
  d.expire();
  EXPECT_TRUE(d.did<ask_permit>());
}

TEST(session_machine, fatal_codes_stop_with_a_reason_and_advice) {
  for (int code : {4004, 4010, 4011, 4012, 4013, 4014}) {
    driver d;
    d.go_live();
    drop(d, reaction::fatal, code);
    ASSERT_TRUE(d.did<fatal>());
    EXPECT_NE(d.did<fatal>()->reason.find(std::to_string(code)), std::string::npos);
    EXPECT_EQ(d.did<fatal>()->advice, advice_for_close(code));
    EXPECT_NE(d.did<fatal>()->advice, advice_for_close(0)) << "general advice for a listed code";
    EXPECT_TRUE(d.in<stopped>());
    EXPECT_TRUE(d.expire().empty());
  }
}

TEST(session_machine, a_too_many_requests_answer_is_obeyed) {
  driver d;
  d.feed(start{});
  d.grant(1);
  d.link_died(d.link());
  d.feed(connect_failed{d.link(), "429", 90s, false});
  EXPECT_GE(d.did<wake_at>()->at - d.now(), 90s);
}

TEST(session_machine, stop_keeps_the_way_back_unless_the_code_ends_the_session) {
  for (std::uint16_t code : {4000, 1000}) {
    driver d;
    d.go_live();
    d.feed(stop{code});
    ASSERT_TRUE(d.did<close>());
    EXPECT_EQ(d.did<close>()->code, code);
    EXPECT_EQ(d.under_test().known_session().has_value(), code == 4000);
  }
}

TEST(session_machine, messages_of_a_former_connection_change_nothing) {
  driver d;
  d.go_live();
  auto old = d.link();
  drop(d);
  d.feed(hello{d.link(), 9});
  d.feed(resumed{d.link()});
  EXPECT_TRUE(d.feed(closed{old, 4004, reaction::fatal, ""}).empty());
  EXPECT_TRUE(d.feed(invalid_session{old, false}).empty());
  EXPECT_TRUE(d.feed(reconnect{old}).empty());
  EXPECT_TRUE(d.in<live>());
}

TEST(session_machine, a_server_that_drops_each_new_session_is_backed_off_from) {
  driver d;
  d.go_live();
  auto begun = d.now();
  for (int i = 0; i < 20; ++i) {
    drop(d);
    wait_for_connect(d);
    d.feed(hello{d.link(), 9});
    d.feed(resumed{d.link()});
  }
  EXPECT_GT(d.now() - begun, 60s);
}

} // namespace
} // namespace shardyard::session
