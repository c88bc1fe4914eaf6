#include "actors/coordinator/plan_step.hpp"

#include "actors/coordinator/plan_orders.hpp"

#include <algorithm>

namespace shardyard {

using std::chrono::milliseconds;

namespace {

class stepper {
public:
  stepper(plan_step_result& result, const plan_observations& seen, const plan_tuning& tuning, unix_time now)
      : plan_{result.plan},
        memory_{result.memory},
        orders_{result, tuning, now},
        seen_{seen},
        tuning_{tuning},
        now_{now} {}

  void run() {
    forget_future();
    watch_preparing();
    for (std::uint32_t u = 0; u < plan_.units.size(); ++u) {
      unit_shards shards{{plan_.old_shards(u), seen_}, {plan_.new_shards(u), seen_}};
      advance(u, shards);
      orders_.give(u, shards);
    }
    if (plan_.paused)
      orders_.tell(0, "paused " + plan_.pause_reason,
                   "plan " + std::to_string(plan_.id) + " is paused: " + plan_.pause_reason +
                       "; `continue` or `abort`");
    else if (state_of(plan_) == plan_state::divided)
      orders_.tell(0, "divided", describe(plan_));
  }

private:
  /// A wall clock that went back across a restart must not stretch waits beyond their length.
  void forget_future() {
    for (auto& unit : plan_.units) {
      unit.entered = std::min(unit.entered, now_);
      unit.stable_from = std::min(unit.stable_from, now_);
    }
  }

  void enter(plan_unit& unit, unit_state state) {
    unit.state = state;
    unit.entered = now_;
  }

  void pause(const std::string& why) {
    if (plan_.paused)
      return;
    plan_.paused = true;
    plan_.pause_reason = why;
  }

  // -- deadlines: one more shard ready, one more guild cut

  bool overdue(plan_memory::progress& x, std::uint64_t rest, milliseconds deadline) {
    if (rest < x.rest || x.since == unix_time{} || plan_.paused) {
      x.rest = std::min(x.rest, rest);
      x.since = now_;
    }
    return now_ - x.since >= deadline;
  }

  /// Permits are shared by all units, so the progress of one is progress for all.
  void watch_preparing() {
    std::uint64_t waiting = 0;
    for (std::uint32_t u = 0; u < plan_.units.size(); ++u)
      if (plan_.units[u].state == unit_state::preparing)
        waiting += observed_shards{plan_.new_shards(u), seen_}.lacking(&shard_view::ready);
    if (waiting == 0) {
      memory_.preparing = {};
    } else if (overdue(memory_.preparing, waiting, tuning_.preparing_deadline)) {
      pause("no new shard became ready for " + minutes(tuning_.preparing_deadline) + "; " +
            std::to_string(waiting) + " are not");
      memory_.preparing = {};
    }
  }

  static std::string minutes(milliseconds x) {
    return x < std::chrono::minutes{2} ? std::to_string(x.count() / 1000) + " s"
                                       : std::to_string(x.count() / 60'000) + " min";
  }

  // -- states

  void advance(std::uint32_t u, const unit_shards& shards) {
    auto& unit = plan_.units[u];
    switch (unit.state) {
    case unit_state::planned:
      if (!plan_.paused)
        enter(unit, unit_state::preparing);
      break;
    case unit_state::preparing:
      prepare(unit, shards);
      break;
    case unit_state::moving:
      move(u, unit, shards);
      break;
    case unit_state::settling:
      settle(u, unit, shards);
      break;
    case unit_state::closing:
      close(unit, shards.leaving);
      break;
    case unit_state::aborting:
      if (shards.coming.led() == 0 && count_closed(shards.coming) == shards.coming.size())
        enter(unit, unit_state::aborted);
      break;
    case unit_state::done:
    case unit_state::aborted:
      break;
    }
  }

  bool is_closed(const shard_key& key, const shard_view& x) {
    if (x.running || x.closed || x.led != 0) {
      memory_.gone.erase(key);
      return x.closed;
    }
    return now_ - memory_.gone.try_emplace(key, now_).first->second >= tuning_.gone_after;
  }

  std::size_t count_closed(const observed_shards& all) {
    std::size_t result = 0;
    for (const auto& x : all)
      result += is_closed(x.key, *x.view);
    return result;
  }

  void close(plan_unit& unit, const observed_shards& leaving) {
    for (const auto& x : leaving)
      if (!known_closed(unit, x.key) && is_closed(x.key, *x.view))
        unit.closed.push_back(x.key.id);
    if (unit.closed.size() == leaving.size())
      enter(unit, unit_state::done);
  }

  void watch_fatal(const observed_shards& coming) {
    for (const auto& x : coming)
      if (!x.view->fatal.empty())
        pause("shard " + to_string(x.key) + " cannot start: " + x.view->fatal);
  }

  /// Not taken back in this plan: that the kind comes again now does not tell what stayed away.
  void watch_dumb(plan_unit& unit, const observed_shards& leaving) {
    unit.dumb = unit.dumb || (plan_.renew && leaving.any(&shard_view::dumb));
  }

  void prepare(plan_unit& unit, const unit_shards& shards) {
    watch_fatal(shards.coming);
    watch_dumb(unit, shards.leaving);
    if (!plan_.paused && shards.coming.all(&shard_view::ready))
      enter(unit, unit_state::moving);
  }

  void move(std::uint32_t u, plan_unit& unit, const unit_shards& shards) {
    watch_fatal(shards.coming);
    watch_dumb(unit, shards.leaving);
    auto uncut = shards.leaving.led();
    if (uncut == 0 && shards.leaving.all(&shard_view::transferred)) {
      if (plan_.paused)
        return;
      memory_.moving.erase(u);
      unit.accepted = false; // exceptions that come up later want a word of their own
      unit.stable_from = now_;
      enter(unit, unit_state::settling);
      return;
    }
    if (overdue(memory_.moving[u], uncut.value_or(~0ull), tuning_.moving_deadline)) {
      pause("unit " + std::to_string(u) + " cut no guild for " + minutes(tuning_.moving_deadline) + ", " +
            (uncut ? std::to_string(*uncut) + " are left, of them " +
                         std::to_string(shards.leaving.exceptions()) + " exceptions"
                   : "and not every partition reports") +
            "; `commit --accept` cuts exceptions");
      memory_.moving.erase(u);
    }
  }

  void settle(std::uint32_t u, plan_unit& unit, const unit_shards& shards) {
    watch_fatal(shards.coming);
    auto leave = [&](unit_state next) {
      memory_.held.erase(u);
      memory_.settling.erase(u);
      enter(unit, next);
    };
    auto uncut = shards.leaving.led();
    if (uncut && *uncut > 0) // a new session was lost: its guilds went back to the old one
      return leave(unit_state::moving);
    watch_differences(unit, shards.leaving);
    auto stable = now_ - unit.stable_from >= tuning_.stable_for;
    // A partition group that restarted may know of no guild yet: only one that has the transfer can speak of
    // zero.
    auto safe = uncut == 0 && shards.leaving.all(&shard_view::transferred) &&
                shards.coming.all(&shard_view::ready) && shards.coming.all(&shard_view::running);
    auto wanted = !plan_.hold || plan_.committed;
    if (stable && safe && wanted && !plan_.paused)
      return leave(unit_state::closing);
    memory_.held.erase(u);
    if (stable && safe && !wanted)
      memory_.held.insert(u);
    // Counted from the first look after a restart, and anew after each hold or pause: while nobody could act,
    // no time was lost.
    auto& since = memory_.settling.try_emplace(u, now_).first->second;
    if (memory_.held.count(u) || plan_.paused)
      since = now_;
    if (now_ - since < tuning_.settling_deadline + tuning_.stable_for * (1 + tuning_.most_restarts))
      return;
    orders_.tell(u, "unsettled",
                 "unit " + std::to_string(u) + " did not settle in " + minutes(now_ - since) +
                     (uncut ? "" : ", not every partition reports") + ": it goes back to the old shards");
    leave(unit_state::aborting);
  }

  void watch_differences(plan_unit& unit, const observed_shards& leaving) {
    auto newest = unit.stable_from;
    for (const auto& x : leaving)
      if (auto age = x.view->difference_age)
        newest = std::max(newest, now_ - std::max(*age, milliseconds{0}));
    // Ages are measured on other hosts: a few milliseconds of drift are the same difference.
    if (newest <= unit.stable_from + milliseconds{100} || unit.restarts >= tuning_.most_restarts)
      return;
    unit.stable_from = newest;
    ++unit.restarts;
  }

  reshard_plan& plan_;
  plan_memory& memory_;
  plan_orders orders_;
  const plan_observations& seen_;
  const plan_tuning& tuning_;
  unix_time now_;
};

} // namespace

plan_step_result step(reshard_plan plan, plan_memory memory, const plan_observations& seen,
                      const plan_tuning& tuning, unix_time now) {
  plan_step_result result{plan, std::move(memory), false, {}};
  stepper{result, seen, tuning, now}.run();
  result.journal_first = result.plan != plan;
  return result;
}

std::vector<std::uint32_t> units_with_exceptions(const reshard_plan& plan, const plan_observations& seen) {
  std::vector<std::uint32_t> result;
  for (std::uint32_t u = 0; u < plan.units.size(); ++u)
    if (plan.units[u].state == unit_state::moving &&
        observed_shards{plan.old_shards(u), seen}.exceptions() > 0)
      result.push_back(u);
  return result;
}

} // namespace shardyard
