#include "actors/coordinator/plan_step.hpp"

#include <algorithm>
#include <gtest/gtest.h>

using namespace shardyard;
using namespace std::chrono_literals;

namespace {

constexpr auto start = unix_ms(1'800'000'000'000);

plan_context healthy(std::uint32_t active = 4) {
  plan_context context;
  context.next_plan_id = 7;
  context.next_topology_id = 3;
  context.cluster_epoch = 11;
  context.active = {2, active};
  context.guilds = 2000;
  context.identifies_left = 500;
  context.hosts = 2;
  return context;
}

reshard_plan plan(std::uint32_t from, std::uint32_t to, bool hold = false) {
  return std::get<reshard_plan>(make_plan({to, from == to, hold}, healthy(from), start));
}

void expect_refused(const result_or_refusal<reshard_plan>& x, const std::string& why) {
  auto no = refused(x);
  ASSERT_TRUE(no);
  EXPECT_NE(no->why.find(why), std::string::npos) << no->why;
  EXPECT_FALSE(no->instead.empty());
}

TEST(make_plan, records_what_is_to_be_done) {
  auto x = plan(4, 6);
  EXPECT_EQ(x.id, 7u);
  EXPECT_EQ(x.cluster_epoch, 11u);
  EXPECT_EQ(x.from, (topology{2, 4}));
  EXPECT_EQ(x.to, (topology{3, 6}));
  EXPECT_EQ(x.units.size(), 2u);
  EXPECT_EQ(state_of(x), plan_state::planned);
}

TEST(make_plan, the_current_count_is_nothing_to_do_unless_renewed) {
  expect_refused(make_plan({4, false, false}, healthy(), start), "nothing to do");
  EXPECT_EQ(plan(4, 4).units.size(), 4u);
  EXPECT_TRUE(plan(4, 4).renew);
  expect_refused(make_plan({6, true, false}, healthy(), start), "renewal keeps the count");
}

TEST(make_plan, a_second_plan_is_refused_with_the_state_of_the_first) {
  auto running = plan(4, 6);
  auto context = healthy();
  context.running = &running;
  expect_refused(make_plan({8, false, false}, context, start), "plan 7 (4 -> 6) is planned; 2 planned units");
  for (auto& unit : running.units)
    unit.state = unit_state::done;
  EXPECT_FALSE(refused(make_plan({8, false, false}, context, start)));
}

TEST(make_plan, bad_counts_are_refused) {
  expect_refused(make_plan({0, false, false}, healthy(), start), "no shard count");
  expect_refused(make_plan({2'000'000, false, false}, healthy(), start), "no shard count");
  auto context = healthy();
  context.shard_multiple = 16;
  auto no = make_plan({40, false, false}, context, start);
  expect_refused(no, "multiple of 16");
  EXPECT_NE(refused(no)->instead.find("32 or 48"), std::string::npos);
  expect_refused(make_plan({5, false, false}, context, start), "multiple of 16");
}

TEST(make_plan, shards_above_discords_guild_limit_are_refused_with_a_count_that_fits) {
  auto context = healthy(64);
  context.guilds = 60'000;
  auto no = make_plan({24, false, false}, context, start);
  expect_refused(no, "2500");
  context.identifies_left = 1000;
  auto least = static_cast<std::uint32_t>(
      std::stoul(refused(no)->instead.substr(std::string{"use at least "}.size())));
  EXPECT_GT(least, 24u);
  EXPECT_FALSE(refused(make_plan({least, false, false}, context, start)));
  context.largest_new_shard = 2501;
  expect_refused(make_plan({40, false, false}, context, start), "would hold 2501");
}

TEST(make_plan, budget_and_hosts_come_first) {
  auto context = healthy();
  context.identifies_left = 5;
  expect_refused(make_plan({6, false, false}, context, start), "needs 6 IDENTIFYs and 5 are left");
  context = healthy();
  context.hosts = 0;
  expect_refused(make_plan({6, false, false}, context, start), "no node");
}

/// Drives one plan by hand: what is observed is set, `run` steps once and keeps the actions.
struct step_test : testing::Test {
  reshard_plan x = plan(2, 4);
  plan_memory memory;
  plan_observations seen;
  plan_tuning tuning;
  unix_time now = start;
  std::vector<plan_action> actions;
  bool journaled = false;

  void run() {
    auto result = step(x, memory, seen, tuning, now);
    x = result.plan;
    memory = result.memory;
    actions = result.actions;
    journaled = result.journal_first;
  }
  std::size_t count(plan_action_kind kind) const {
    return static_cast<std::size_t>(
        std::count_if(actions.begin(), actions.end(), [kind](const auto& a) { return a.kind == kind; }));
  }
  bool told(const std::string& text) const {
    return std::any_of(actions.begin(), actions.end(),
                       [&](const auto& a) { return a.text.find(text) != std::string::npos; });
  }
  std::vector<shard_key> all_shards() const {
    std::vector<shard_key> result;
    for (auto& topology : {x.from, x.to})
      for (std::uint32_t id = 0; id < topology.shard_count; ++id)
        result.push_back(topology.shard(id));
    return result;
  }
  void all_ready() {
    for (std::uint32_t u = 0; u < x.units.size(); ++u)
      for (const auto& shard : x.new_shards(u)) {
        seen[shard].running = seen[shard].ready = true;
        seen[shard].led = 0;
      }
    for (std::uint32_t u = 0; u < x.units.size(); ++u)
      for (const auto& shard : x.old_shards(u)) {
        seen[shard].running = seen[shard].ready = true;
        seen[shard].led = 10;
      }
  }
  void to_moving() {
    run();
    all_ready();
    run();
    ASSERT_EQ(state_of(x), plan_state::moving);
  }
  void all_cut() {
    for (std::uint32_t u = 0; u < x.units.size(); ++u)
      for (const auto& shard : x.old_shards(u)) {
        seen[shard].transferred = true;
        seen[shard].led = 0;
        seen[shard].exceptions = 0;
      }
  }
  void to_settling() {
    to_moving();
    all_cut();
    run();
    ASSERT_EQ(state_of(x), plan_state::settling);
  }
};

TEST_F(step_test, new_shards_are_started_once_the_row_is_durable) {
  run();
  EXPECT_TRUE(journaled);
  EXPECT_EQ(count(plan_action_kind::start_shard), 4u);
}

TEST_F(step_test, an_action_is_repeated_until_its_effect_is_seen) {
  run();
  now += 1999ms;
  run();
  EXPECT_EQ(count(plan_action_kind::start_shard), 0u);
  now += 1ms;
  seen[x.new_shards(0)[0]].running = true;
  run();
  EXPECT_EQ(count(plan_action_kind::start_shard), 3u);
  EXPECT_FALSE(journaled);
}

TEST_F(step_test, a_unit_moves_when_its_own_shards_are_ready) {
  run();
  for (const auto& shard : x.new_shards(1))
    seen[shard].running = seen[shard].ready = true;
  run();
  EXPECT_EQ(x.units[0].state, unit_state::preparing);
  EXPECT_EQ(x.units[1].state, unit_state::moving);
  EXPECT_EQ(count(plan_action_kind::send_transfer), 1u);
}

TEST_F(step_test, unknown_counts_are_not_zero) {
  to_moving();
  all_cut();
  seen[x.old_shards(0)[0]].led.reset();
  run();
  EXPECT_EQ(x.units[0].state, unit_state::moving);
  EXPECT_EQ(x.units[1].state, unit_state::settling);
}

TEST_F(step_test, a_drain_needs_stability_and_a_durable_row) {
  to_settling();
  now += 59'999ms;
  run();
  EXPECT_EQ(count(plan_action_kind::send_drain), 0u);
  now += 1ms;
  run();
  EXPECT_EQ(x.units[0].state, unit_state::closing);
  EXPECT_TRUE(journaled);
  EXPECT_EQ(count(plan_action_kind::send_drain), 2u);
}

TEST_F(step_test, late_events_restart_the_stability_clock_three_times_at_most) {
  to_settling();
  auto entered = now;
  while (state_of(x) == plan_state::settling && now < entered + 1h) {
    now += 10s;
    for (auto& shard : all_shards())
      seen[shard].difference_age = 0ms;
    run();
  }
  EXPECT_EQ(state_of(x), plan_state::closing);
  EXPECT_GE(now - entered, 60s + 3 * 10s);
  EXPECT_LE(now - entered, 4 * 60s);
}

TEST_F(step_test, guilds_that_go_back_send_the_unit_back_to_moving) {
  to_settling();
  seen[x.old_shards(0)[0]].led = 1;
  run();
  EXPECT_EQ(x.units[0].state, unit_state::moving);
  EXPECT_EQ(x.units[1].state, unit_state::settling);
}

TEST_F(step_test, a_hold_waits_for_commit_and_no_deadline_ends_it) {
  x = plan(2, 4, true);
  to_settling();
  for (int hour = 0; hour < 5; ++hour) {
    now += 1h;
    run();
    EXPECT_TRUE(told("waits for `commit`"));
  }
  EXPECT_EQ(x.count(unit_state::settling), 2u);
  x = std::get<reshard_plan>(commit(x));
  run();
  EXPECT_EQ(x.count(unit_state::closing), 2u);
}

TEST_F(step_test, a_hold_survives_a_moment_of_doubt_after_hours) {
  x = plan(2, 4, true);
  to_settling();
  now += 5h;
  run();
  now += 5h;
  run();
  seen[x.new_shards(0)[0]].ready = false;
  run();
  EXPECT_EQ(x.count(unit_state::settling), 2u);
}

TEST_F(step_test, a_restart_after_hours_does_not_abort_a_settling_unit) {
  to_settling();
  now += 10h;
  memory = {};
  seen = {};
  run();
  EXPECT_EQ(x.count(unit_state::settling), 2u);
}

TEST_F(step_test, a_unit_that_does_not_settle_goes_back) {
  to_settling();
  seen[x.new_shards(1)[0]].ready = false;
  now += 65s;
  run();
  now += 30min;
  run();
  EXPECT_EQ(x.units[0].state, unit_state::closing);
  EXPECT_EQ(x.units[1].state, unit_state::aborting);
  EXPECT_TRUE(told("did not settle"));
}

TEST_F(step_test, preparing_and_moving_without_progress_pause_and_tell) {
  run();
  run();
  now += 15min;
  run();
  EXPECT_TRUE(x.paused);
  EXPECT_TRUE(told("no new shard became ready for 15 min; 4 are not"));
  x = std::get<reshard_plan>(continue_plan(x, now));
  now += 10min;
  run();
  EXPECT_FALSE(x.paused) << "the deadline begins anew";
  all_ready();
  run();
  run();
  now += 30min;
  run();
  EXPECT_TRUE(x.paused);
  EXPECT_TRUE(told("cut no guild for 30 min, 10 are left"));
}

TEST_F(step_test, progress_keeps_the_deadline_away) {
  to_moving();
  for (std::uint64_t left = 9; left > 0; --left) {
    now += 29min;
    for (std::uint32_t u = 0; u < 2; ++u)
      seen[x.old_shards(u)[0]].led = left;
    run();
    EXPECT_FALSE(x.paused);
  }
}

TEST_F(step_test, a_shard_that_discord_refuses_pauses_the_plan) {
  run();
  seen[x.new_shards(0)[0]].fatal = "close code 4014: Disallowed intent(s).";
  now += 3s;
  run();
  EXPECT_TRUE(x.paused);
  EXPECT_TRUE(told("4014"));
  EXPECT_EQ(count(plan_action_kind::start_shard), 0u);
}

TEST_F(step_test, exceptions_are_cut_only_when_accepted) {
  to_moving();
  all_cut();
  auto shard = x.old_shards(0)[0];
  seen[shard].led = seen[shard].exceptions = 3;
  run();
  EXPECT_TRUE(told("3 guilds had neither an anchor nor silence"));
  EXPECT_EQ(count(plan_action_kind::send_accept), 0u);
  EXPECT_EQ(units_with_exceptions(x, seen), (std::vector<std::uint32_t>{0}));
  x = std::get<reshard_plan>(commit(x, units_with_exceptions(x, seen)));
  run();
  EXPECT_EQ(count(plan_action_kind::send_accept), 1u);
  seen[shard].led = seen[shard].exceptions = 0;
  run();
  EXPECT_EQ(x.units[0].state, unit_state::settling);
  EXPECT_FALSE(x.units[0].accepted);
}

TEST_F(step_test, exceptions_of_a_dumb_session_are_cut_as_they_are_listed_and_no_others) {
  x = plan(2, 2);
  x.renew = true;
  to_moving();
  auto dumb = x.old_shards(0)[0], well = x.old_shards(1)[0];
  seen[dumb].transferred = seen[well].transferred = true;
  seen[dumb].dumb = true;
  run();
  EXPECT_EQ(count(plan_action_kind::send_rescue), 0u) << "anchors and silence have their time first";
  EXPECT_TRUE(journaled);
  seen[dumb].exceptions = seen[well].exceptions = 3;
  run();
  ASSERT_EQ(count(plan_action_kind::send_rescue), 1u);
  EXPECT_EQ(std::ranges::find(actions, plan_action_kind::send_rescue, &plan_action::kind)->shard, dumb);
  EXPECT_TRUE(told("unit 0: 3 guilds had neither an anchor nor silence; they are cut without a proof"));
  EXPECT_TRUE(told("`commit --accept` cuts them")) << "for the other unit";
  EXPECT_EQ(count(plan_action_kind::send_accept), 0u);
}

TEST_F(step_test, a_coordinator_that_never_saw_the_session_well_knows_from_the_plan_that_it_is_dumb) {
  x = plan(2, 2);
  x.renew = true;
  to_moving();
  auto shard = x.old_shards(0)[0];
  seen[shard].transferred = seen[shard].dumb = true;
  run();
  memory = {};
  seen[shard].dumb = false;
  seen[shard].exceptions = 1;
  run();
  EXPECT_EQ(count(plan_action_kind::send_rescue), 1u);
}

TEST_F(step_test, a_dumb_session_is_no_reason_to_cut_calls_or_in_a_plan_that_is_no_renewal) {
  x = plan(2, 2);
  x.renew = true;
  to_moving();
  auto shard = x.old_shards(0)[0];
  seen[shard].transferred = seen[shard].dumb = true;
  seen[shard].exceptions = seen[shard].voice = 2;
  run();
  EXPECT_EQ(count(plan_action_kind::send_rescue), 0u);
  seen[shard].voice = 1;
  run();
  EXPECT_EQ(count(plan_action_kind::send_rescue), 1u);
  x.renew = x.units[0].dumb = false;
  now += 1min;
  run();
  EXPECT_EQ(count(plan_action_kind::send_rescue), 0u);
}

TEST_F(step_test, calls_may_go_when_nothing_else_of_their_unit_is_left_on_any_shard_of_it) {
  x = plan(4, 6); // two old shards and three new ones in each unit
  to_moving();
  for (auto& shard : x.old_shards(0))
    seen[shard].transferred = true;
  auto speaking = x.old_shards(0)[0], other = x.old_shards(0)[1];
  seen[speaking].led = seen[speaking].voice = 2;
  seen[other].led = 1;
  run();
  EXPECT_EQ(count(plan_action_kind::send_calls), 0u) << "one guild of the unit has no call";
  seen[other].led.reset();
  run();
  EXPECT_EQ(count(plan_action_kind::send_calls), 0u) << "unknown is never taken for zero";
  seen[other].led = 0;
  run();
  ASSERT_EQ(count(plan_action_kind::send_calls), 1u);
  for (auto& action : actions)
    if (action.kind == plan_action_kind::send_calls) {
      EXPECT_EQ(action.shard, speaking);
    }
  x = std::get<reshard_plan>(abort(x, now));
  seen[x.new_shards(0)[0]].led = seen[x.new_shards(0)[0]].voice = 1;
  run();
  EXPECT_EQ(count(plan_action_kind::send_calls), 1u) << "and on the way back";
}

TEST_F(step_test, a_pause_stops_what_has_not_begun_but_not_a_close) {
  to_settling();
  now += 60s;
  seen[x.new_shards(1)[0]].ready = false;
  run();
  ASSERT_EQ(x.units[0].state, unit_state::closing);
  x = std::get<reshard_plan>(pause(x, "operator"));
  seen[x.new_shards(1)[0]].ready = true;
  now += 10s;
  run();
  EXPECT_EQ(x.units[1].state, unit_state::settling);
  EXPECT_EQ(count(plan_action_kind::send_drain), 1u);
}

TEST_F(step_test, an_abort_takes_guilds_back_before_it_closes_shards) {
  to_moving();
  auto shards = x.new_shards(0);
  seen[shards[0]].led = 4;
  x = std::get<reshard_plan>(abort(x, now));
  run();
  EXPECT_EQ(count(plan_action_kind::send_retract), 2u);
  seen[shards[0]].led = 0;
  now += 3s;
  run();
  EXPECT_EQ(count(plan_action_kind::close_shard), 2u + 2u);
  for (std::uint32_t u = 0; u < 2; ++u)
    for (const auto& shard : x.new_shards(u)) {
      seen[shard].running = false;
      seen[shard].closed = true;
    }
  run();
  EXPECT_EQ(state_of(x), plan_state::aborted);
  EXPECT_EQ(active_topology(x), x.from);
}

TEST_F(step_test, an_abort_in_the_middle_divides_the_plan_until_it_is_continued) {
  to_settling();
  seen[x.new_shards(1)[0]].ready = false;
  now += 60s;
  run();
  x = std::get<reshard_plan>(abort(x, now));
  EXPECT_EQ(x.units[0].state, unit_state::closing);
  EXPECT_EQ(x.units[1].state, unit_state::aborting);
  for (auto& shard : all_shards())
    seen[shard].closed = true, seen[shard].running = false;
  run();
  EXPECT_EQ(state_of(x), plan_state::divided);
  EXPECT_FALSE(finished(x));
  EXPECT_NE(describe(x).find("`continue` moves the rest forward"), std::string::npos);
  EXPECT_EQ(wanted_shards(x), (std::vector<shard_key>{{2, 1, 2}, {3, 0, 4}, {3, 2, 4}}));
  auto context = healthy();
  context.running = &x;
  expect_refused(make_plan({8, false, false}, context, now), "divided");
  expect_refused(abort(x, now), "divided");
  x = std::get<reshard_plan>(continue_plan(x, now));
  EXPECT_EQ(x.units[1].state, unit_state::planned);
  EXPECT_EQ(x.units[0].state, unit_state::done);
}

TEST_F(step_test, a_shard_to_be_closed_that_runs_nowhere_counts_as_closed_after_a_while) {
  to_settling();
  now += 60s;
  run();
  for (auto& shard : all_shards())
    seen[shard].running = seen[shard].ready = shard.topology == 3;
  run();
  EXPECT_EQ(state_of(x), plan_state::closing);
  now += 10s;
  run();
  EXPECT_EQ(state_of(x), plan_state::done);
  EXPECT_EQ(active_topology(x), x.to);
}

TEST_F(step_test, a_shard_that_may_still_lead_guilds_never_counts_as_closed) {
  to_moving();
  x = std::get<reshard_plan>(abort(x, now));
  for (auto& shard : all_shards())
    seen[shard].running = false;
  for (std::optional<std::uint64_t> led : {std::optional<std::uint64_t>{3}, std::optional<std::uint64_t>{}}) {
    for (const auto& shard : x.new_shards(0))
      seen[shard].led = led;
    now += 1min;
    run();
    EXPECT_EQ(x.units[0].state, unit_state::aborting);
  }
}

TEST_F(step_test, a_drain_waits_for_the_new_shards_and_for_guilds_that_went_back) {
  to_settling();
  now += 60s;
  run();
  ASSERT_EQ(state_of(x), plan_state::closing);
  seen[x.new_shards(0)[0]].ready = false;
  seen[x.old_shards(1)[0]].led = 2;
  now += 3s;
  run();
  EXPECT_EQ(count(plan_action_kind::send_drain), 0u);
  seen[x.new_shards(0)[0]].ready = true;
  seen[x.old_shards(1)[0]].led = 0;
  run();
  EXPECT_EQ(count(plan_action_kind::send_drain), 2u);
}

TEST_F(step_test, a_new_shard_is_not_closed_under_its_guilds) {
  to_moving();
  x = std::get<reshard_plan>(abort(x, now));
  seen[x.new_shards(0)[0]].led = 1;
  run();
  for (const auto& action : actions)
    EXPECT_FALSE(action.kind == plan_action_kind::close_shard && action.unit == 0);
}

TEST_F(step_test, a_partition_that_forgot_its_transfer_gets_it_again_before_anything_closes) {
  to_settling();
  seen[x.old_shards(0)[0]].transferred = false;
  now += 60s;
  run();
  EXPECT_EQ(x.units[0].state, unit_state::settling);
  EXPECT_EQ(x.units[1].state, unit_state::closing);
  EXPECT_EQ(count(plan_action_kind::send_transfer), 1u);
  seen[x.old_shards(0)[0]].transferred = true;
  seen[x.old_shards(1)[0]].transferred = false;
  now += 3s;
  run();
  EXPECT_EQ(x.units[0].state, unit_state::closing);
  EXPECT_EQ(count(plan_action_kind::send_drain), 1u);
  EXPECT_EQ(count(plan_action_kind::send_transfer), 1u);
}

TEST_F(step_test, changing_figures_do_not_flood_the_operator) {
  to_moving();
  all_cut();
  auto words = 0u;
  for (std::uint64_t left = 50; left > 0; --left) {
    now += 1s;
    seen[x.old_shards(0)[0]].led = seen[x.old_shards(0)[0]].exceptions = left;
    run();
    words += static_cast<unsigned>(count(plan_action_kind::tell_operator));
  }
  EXPECT_EQ(words, 1u);
}

TEST(plan_verbs, a_finished_plan_takes_no_verb) {
  auto x = plan(4, 8);
  for (auto& unit : x.units)
    unit.state = unit_state::done;
  expect_refused(pause(x, "operator"), "plan 7 is done");
  expect_refused(continue_plan(x, start), "plan 7 is done");
  expect_refused(commit(x), "plan 7 is done");
  expect_refused(abort(x, start), "plan 7 is done");
}

TEST(plan_verbs, verbs_without_effect_are_refused_with_the_state) {
  auto x = plan(4, 8);
  expect_refused(continue_plan(x, start), "planned");
  expect_refused(commit(x), "planned");
  for (auto& unit : x.units)
    unit.state = unit_state::closing;
  expect_refused(abort(x, start), "closing");
}

} // namespace
