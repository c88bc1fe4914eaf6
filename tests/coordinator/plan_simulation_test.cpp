// Whole plans against a small model of nodes, shards and partitions: messages are lost, sessions die, reports
// are missing, the store fails, the coordinator restarts from its row, the operator pauses, aborts,
// continues. The model knows who leads each guild.
#include "actors/coordinator/plan_step.hpp"
#include "actors/coordinator/rows.hpp"
#include "tests/coordinator/first_moment.hpp"

#include <gtest/gtest.h>
#include <random>

using namespace shardyard;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

struct model_shard {
  bool running = false;
  bool ready = false;
  bool closed = false;
  bool transferred = false;
  bool retracted = false;
};

struct model_guild {
  std::uint64_t key; // id >> 22
  bool on_new = false;
  bool stubborn = false; // neither anchor nor silence: cut only when accepted
};

class simulation {
public:
  explicit simulation(std::uint64_t seed) : random_{seed} {
    auto from = 1 + pick(6);
    auto to = 1 + pick(6);
    plan_context context;
    context.active = {1, from};
    context.next_topology_id = 2;
    context.guilds = 30;
    context.identifies_left = 100;
    context.hosts = 1;
    auto plan = std::get<reshard_plan>(make_plan({to, from == to, pick(3) == 0}, context, now_));
    row_ = to_row(plan);
    plan_ = plan;
    for (std::uint32_t i = 0; i < from; ++i)
      shards_[plan.from.shard(i)] = {true, true, false, false, false};
    for (std::uint32_t i = 0; i < to; ++i)
      shards_[plan.to.shard(i)] = {};
    for (std::uint32_t i = 0; i < 5 + pick(25); ++i)
      guilds_.push_back({random_() >> 22, false, chance(5)});
    tuning_.stable_for = 2s;
  }

  /// Runs until the plan ends; the faults stop after a while, so that it can.
  plan_state run() {
    for (int round = 0; round < 20'000; ++round) {
      faults_ = round < 1500;
      now_ += milliseconds{1 + pick(800)};
      if (faults_ && chance(2))
        restart();
      coordinate();
      live();
      operate();
      check();
      if (finished(plan_))
        break;
    }
    return state_of(plan_);
  }

  void check_end() {
    ASSERT_TRUE(finished(plan_)) << describe(plan_);
    auto forward = state_of(plan_) == plan_state::done;
    for (const auto& guild : guilds_)
      EXPECT_EQ(guild.on_new, forward);
    for (const auto& [key, shard] : shards_) {
      auto wanted = (key.topology == plan_.to.id) == forward;
      EXPECT_TRUE(wanted || !shard.running) << to_string(key) << " was left behind";
    }
  }

  int drains = 0;
  int restarts = 0;

private:
  std::uint32_t pick(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  bool chance(std::uint32_t percent) { return pick(100) < percent; }
  bool fault(std::uint32_t percent) { return faults_ && chance(percent); }

  shard_key old_of(const model_guild& x) const {
    return plan_.from.shard(static_cast<std::uint32_t>(x.key % plan_.from.shard_count));
  }
  shard_key new_of(const model_guild& x) const {
    return plan_.to.shard(static_cast<std::uint32_t>(x.key % plan_.to.shard_count));
  }
  std::uint64_t led_by(const shard_key& shard) const {
    return static_cast<std::uint64_t>(
        std::count_if(guilds_.begin(), guilds_.end(),
                      [&](const model_guild& x) { return (x.on_new ? new_of(x) : old_of(x)) == shard; }));
  }

  void restart() {
    ++restarts;
    plan_ = from_row<reshard_plan>(row_);
    memory_ = {};
    blind_until_ = now_ + milliseconds{pick(3000)};
  }

  plan_observations observe() {
    plan_observations seen;
    if (now_ < blind_until_)
      return seen;
    for (const auto& [key, shard] : shards_) {
      auto& view = seen[key];
      view.running = shard.running;
      view.ready = shard.ready;
      view.closed = shard.closed && !fault(20);
      view.transferred = shard.transferred && !fault(5);
      view.retracted = shard.retracted;
      if (!fault(10))
        view.led = led_by(key);
      if (key.topology == plan_.from.id && view.led)
        view.exceptions =
            static_cast<std::uint64_t>(std::count_if(guilds_.begin(), guilds_.end(), [&](const auto& x) {
              return x.stubborn && !x.on_new && old_of(x) == key;
            }));
      if (fault(3))
        view.difference_age = milliseconds{pick(1000)};
    }
    return seen;
  }

  void coordinate() {
    seen_ = observe();
    auto result = step(plan_, memory_, seen_, tuning_, now_);
    if (result.journal_first) {
      if (fault(10))
        return; // the store is away: nothing of this step happened
      row_ = to_row(result.plan);
      if (fault(5))
        return restart(); // killed between the durable write and the actions
    }
    plan_ = result.plan;
    memory_ = result.memory;
    for (const auto& action : result.actions)
      carry_out(action);
  }

  void carry_out(const plan_action& action) {
    auto durable = from_row<reshard_plan>(row_);
    if (action.kind == plan_action_kind::send_drain) {
      ++drains;
      EXPECT_EQ(durable.units.at(action.unit).state, unit_state::closing)
          << "I9: the closing row comes first";
      EXPECT_EQ(seen_[action.shard].led, 0u) << "I9: every guild is cut";
      EXPECT_TRUE(seen_[action.shard].transferred)
          << "only a partition that knows the plan can speak of zero";
      for (const auto& key : plan_.new_shards(action.unit))
        EXPECT_TRUE(seen_[key].ready) << "the shadow stays while a new session is away";
    }
    if (fault(20) || action.kind == plan_action_kind::tell_operator)
      return; // lost
    auto& shard = shards_.at(action.shard);
    switch (action.kind) {
    case plan_action_kind::start_shard:
      EXPECT_NE(durable.units.at(action.unit).state, unit_state::planned)
          << "the row of the unit comes first";
      shard.running = true;
      shard.closed = false;
      break;
    case plan_action_kind::send_transfer:
      shard.transferred = true;
      break;
    case plan_action_kind::send_retract:
      shard.retracted = true;
      break;
    case plan_action_kind::send_accept:
      for (auto& x : guilds_)
        if (x.stubborn && old_of(x) == action.shard && shards_.at(new_of(x)).ready)
          x.stubborn = false;
      break;
    case plan_action_kind::send_drain:
      if (led_by(action.shard) == 0)
        shard = {false, false, true, true, false};
      break;
    case plan_action_kind::close_shard:
      EXPECT_EQ(led_by(action.shard), 0u) << "a new shard was closed under its guilds";
      shard = {false, false, true, false, false};
      break;
    case plan_action_kind::send_rescue:
      ADD_FAILURE() << "no session is dumb here";
      break;
    case plan_action_kind::send_calls:
      ADD_FAILURE() << "nobody speaks here";
      break;
    case plan_action_kind::tell_operator:
      break;
    }
  }

  /// Shards become ready, sessions die, guilds are cut in the direction that is allowed.
  void live() {
    for (auto& [key, shard] : shards_) {
      if (key.topology != plan_.to.id)
        continue;
      if (shard.running && !shard.ready && chance(30))
        shard.ready = true;
      if (!shard.running || !fault(1))
        continue;
      shard.ready = false; // the session is lost; guilds whose old session lives go back to it
      shard.running = !chance(50);
      for (auto& x : guilds_)
        if (x.on_new && new_of(x) == key && shards_.at(old_of(x)).running)
          x.on_new = false;
    }
    for (auto& x : guilds_) {
      auto& from = shards_.at(old_of(x));
      auto& to = shards_.at(new_of(x));
      if (to.retracted) {
        if (x.on_new && from.running && chance(20))
          x.on_new = false;
      } else if (from.transferred && to.ready && !x.stubborn && chance(20)) {
        x.on_new = true;
      }
    }
    // A continued plan starts new sessions, whose retract is over.
    for (auto& [key, shard] : shards_)
      if (shard.retracted && plan_.units[key.id % plan_.units.size()].state == unit_state::preparing)
        shard.retracted = false;
  }

  void command(result_or_refusal<reshard_plan> next) {
    if (refused(next))
      return;
    plan_ = std::get<reshard_plan>(next);
    row_ = to_row(plan_);
  }

  void operate() {
    if (fault(1))
      command(pause(plan_, "operator"));
    if (aborts_ < 2 && faults_ && pick(1000) < 2) {
      ++aborts_;
      command(abort(plan_, now_));
    }
    if (chance(3) || !faults_)
      command(continue_plan(plan_, now_));
    if (chance(1) || !faults_)
      command(commit(plan_, units_with_exceptions(plan_, seen_)));
  }

  void check() {
    for (const auto& x : guilds_) {
      auto lead = x.on_new ? new_of(x) : old_of(x);
      EXPECT_FALSE(shards_.at(lead).closed) << "a guild is led by a closed shard";
    }
    EXPECT_EQ(plan_, from_row<reshard_plan>(row_)) << "the coordinator goes by what is durable";
    if (!finished(plan_)) {
      plan_context context;
      context.active = plan_.from;
      context.hosts = 1;
      context.identifies_left = 100;
      context.running = &plan_;
      EXPECT_TRUE(refused(make_plan({9, false, false}, context, now_))) << "I11: one active plan";
    }
  }

  std::mt19937_64 random_;
  unix_time now_ = first_moment;
  unix_time blind_until_{};
  bool faults_ = true;
  int aborts_ = 0;
  std::string row_;
  reshard_plan plan_;
  plan_memory memory_;
  plan_tuning tuning_;
  plan_observations seen_;
  std::map<shard_key, model_shard> shards_;
  std::vector<model_guild> guilds_;
};

TEST(plan_simulation, every_plan_ends_whole_whatever_happens) {
  auto base = std::random_device{}();
  std::map<plan_state, int> ends;
  auto drains = 0, restarts = 0;
  for (std::uint64_t run = 0; run < 400; ++run) {
    SCOPED_TRACE("seed " + std::to_string(base + run));
    simulation x{base + run};
    ++ends[x.run()];
    x.check_end();
    drains += x.drains;
    restarts += x.restarts;
    if (HasFailure())
      return;
  }
  EXPECT_GT(ends[plan_state::done], 0);
  EXPECT_GT(ends[plan_state::aborted], 0);
  EXPECT_GT(drains, 0);
  EXPECT_GT(restarts, 400);
}

} // namespace
