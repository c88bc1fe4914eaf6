#include "actors/coordinator/plan_step.hpp"

#include <algorithm>
#include <numeric>

namespace shardyard {

using std::chrono::milliseconds;

namespace {

using views = std::vector<const shard_view*>;

views views_of(const std::vector<shard_key>& shards, const plan_observations& seen) {
  static const shard_view unknown;
  views result;
  result.reserve(shards.size());
  for (const auto& x : shards) {
    auto* view = seen.find(x);
    result.push_back(view ? view : &unknown);
  }
  return result;
}

/// Sum of `led`; unknown as soon as one is.
std::optional<std::uint64_t> led(const views& all) {
  std::uint64_t sum = 0;
  for (const auto* x : all) {
    if (!x->led)
      return std::nullopt;
    sum += *x->led;
  }
  return sum;
}

std::uint64_t sum(const views& all, std::uint64_t shard_view::*what) {
  return std::accumulate(all.begin(), all.end(), std::uint64_t{0},
                         [what](std::uint64_t sum, const shard_view* x) { return sum + x->*what; });
}

std::uint64_t exceptions(const views& all) {
  return sum(all, &shard_view::exceptions);
}

bool any_of(const views& all, bool shard_view::*what) {
  return std::any_of(all.begin(), all.end(), [what](const shard_view* x) { return x->*what; });
}

bool all_of(const views& all, bool shard_view::*what) {
  return std::all_of(all.begin(), all.end(), [what](const shard_view* x) { return x->*what; });
}

class stepper {
public:
  stepper(plan_step_result& result, const plan_observations& seen, const plan_tuning& tuning, unix_time now)
      : plan_{result.plan},
        memory_{result.memory},
        actions_{result.actions},
        seen_{seen},
        tuning_{tuning},
        now_{now} {}

  void run() {
    forget_future();
    watch_preparing();
    for (std::uint32_t u = 0; u < plan_.units.size(); ++u) {
      old_keys_ = plan_.old_shards(u);
      new_keys_ = plan_.new_shards(u);
      old_ = views_of(old_keys_, seen_);
      new_ = views_of(new_keys_, seen_);
      advance(u);
      act(u);
    }
    if (plan_.paused)
      tell(0, "paused " + plan_.pause_reason,
           "plan " + std::to_string(plan_.id) + " is paused: " + plan_.pause_reason +
               "; `continue` or `abort`");
    else if (state_of(plan_) == plan_state::divided)
      tell(0, "divided", describe(plan_));
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
        for (const auto* x : views_of(plan_.new_shards(u), seen_))
          waiting += !x->ready;
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

  void advance(std::uint32_t u) {
    auto& unit = plan_.units[u];
    switch (unit.state) {
    case unit_state::planned:
      if (!plan_.paused)
        enter(unit, unit_state::preparing);
      break;
    case unit_state::preparing:
      prepare(unit);
      break;
    case unit_state::moving:
      move(u, unit);
      break;
    case unit_state::settling:
      settle(u, unit);
      break;
    case unit_state::closing:
      close(unit);
      break;
    case unit_state::aborting:
      if (led(new_) == 0 && count_closed(new_keys_, new_) == new_.size())
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

  std::size_t count_closed(const std::vector<shard_key>& keys, const views& all) {
    std::size_t result = 0;
    for (std::size_t i = 0; i < keys.size(); ++i)
      result += is_closed(keys[i], *all[i]);
    return result;
  }

  static bool known_closed(const plan_unit& unit, const shard_key& old_shard) {
    return std::count(unit.closed.begin(), unit.closed.end(), old_shard.id) > 0;
  }

  void close(plan_unit& unit) {
    for (std::size_t i = 0; i < old_.size(); ++i)
      if (!known_closed(unit, old_keys_[i]) && is_closed(old_keys_[i], *old_[i]))
        unit.closed.push_back(old_keys_[i].id);
    if (unit.closed.size() == old_.size())
      enter(unit, unit_state::done);
  }

  void watch_fatal() {
    for (std::size_t i = 0; i < new_.size(); ++i)
      if (!new_[i]->fatal.empty())
        pause("shard " + to_string(new_keys_[i]) + " cannot start: " + new_[i]->fatal);
  }

  /// Not taken back in this plan: that the kind comes again now does not tell what stayed away.
  void watch_dumb(plan_unit& unit) {
    unit.dumb = unit.dumb || (plan_.renew && any_of(old_, &shard_view::dumb));
  }

  void prepare(plan_unit& unit) {
    watch_fatal();
    watch_dumb(unit);
    if (!plan_.paused && all_of(new_, &shard_view::ready))
      enter(unit, unit_state::moving);
  }

  void move(std::uint32_t u, plan_unit& unit) {
    watch_fatal();
    watch_dumb(unit);
    auto uncut = led(old_);
    if (uncut == 0 && all_of(old_, &shard_view::transferred)) {
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
            (uncut ? std::to_string(*uncut) + " are left, of them " + std::to_string(exceptions(old_)) +
                         " exceptions"
                   : "and not every partition reports") +
            "; `commit --accept` cuts exceptions");
      memory_.moving.erase(u);
    }
  }

  void settle(std::uint32_t u, plan_unit& unit) {
    watch_fatal();
    auto leave = [&](unit_state next) {
      memory_.held.erase(u);
      memory_.settling.erase(u);
      enter(unit, next);
    };
    auto uncut = led(old_);
    if (uncut && *uncut > 0) // a new session was lost: its guilds went back to the old one
      return leave(unit_state::moving);
    watch_differences(unit);
    auto stable = now_ - unit.stable_from >= tuning_.stable_for;
    // A partition group that restarted may know of no guild yet: only one that has the transfer can speak of
    // zero.
    auto safe = uncut == 0 && all_of(old_, &shard_view::transferred) && all_of(new_, &shard_view::ready) &&
                all_of(new_, &shard_view::running);
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
    tell(u, "unsettled",
         "unit " + std::to_string(u) + " did not settle in " + minutes(now_ - since) +
             (uncut ? "" : ", not every partition reports") + ": it goes back to the old shards");
    leave(unit_state::aborting);
  }

  void watch_differences(plan_unit& unit) {
    auto newest = unit.stable_from;
    for (const auto* x : old_)
      if (x->difference_age)
        newest = std::max(newest, now_ - std::max(*x->difference_age, milliseconds{0}));
    // Ages are measured on other hosts: a few milliseconds of drift are the same difference.
    if (newest <= unit.stable_from + milliseconds{100} || unit.restarts >= tuning_.most_restarts)
      return;
    unit.stable_from = newest;
    ++unit.restarts;
  }

  // -- actions

  void act(std::uint32_t u) {
    const auto& unit = plan_.units[u];
    switch (unit.state) {
    case unit_state::planned:
    case unit_state::aborted:
      break;
    case unit_state::preparing:
      if (!plan_.paused)
        start_missing(u);
      break;
    case unit_state::moving:
      start_missing(u);
      if (!plan_.paused)
        transfer(u, unit);
      break;
    case unit_state::settling:
      start_missing(u);
      transfer(u, unit);
      if (memory_.held.count(u))
        tell(u, "held", "unit " + std::to_string(u) + " is ready to close and waits for `commit`");
      break;
    case unit_state::closing:
      start_missing(u);
      transfer(u, unit);
      drain(u, unit);
      break;
    case unit_state::done:
      start_missing(u);
      break;
    case unit_state::aborting:
      go_back(u);
      break;
    }
  }

  void start_missing(std::uint32_t u) {
    for (std::size_t i = 0; i < new_.size(); ++i)
      if (!new_[i]->running && new_[i]->fatal.empty())
        send(plan_action_kind::start_shard, u, new_keys_[i]);
  }

  /// A guild that went back to its old shard after the row was written is awaited, and the shadow stays while
  /// a new session is away.
  void drain(std::uint32_t u, const plan_unit& unit) {
    if (!all_of(new_, &shard_view::ready))
      return;
    for (std::size_t i = 0; i < old_.size(); ++i)
      if (!known_closed(unit, old_keys_[i]) && old_[i]->led == 0 && old_[i]->transferred)
        send(plan_action_kind::send_drain, u, old_keys_[i]);
  }

  /// Repeated in later states too, since a partition that restarted may have forgotten its transfer.
  void transfer(std::uint32_t u, const plan_unit& unit) {
    let_calls_go(u, old_keys_, old_);
    for (std::size_t i = 0; i < old_.size(); ++i) {
      if (known_closed(unit, old_keys_[i]) || old_[i]->closed)
        continue;
      if (!old_[i]->transferred)
        send(plan_action_kind::send_transfer, u, old_keys_[i]);
      else if (unit.accepted && old_[i]->exceptions > 0)
        send(plan_action_kind::send_accept, u, old_keys_[i]);
      else if (unit.dumb && old_[i]->exceptions > old_[i]->voice)
        send(plan_action_kind::send_rescue, u, old_keys_[i]);
    }
    auto excepted = exceptions(old_);
    if (unit.dumb && excepted > sum(old_, &shard_view::voice))
      tell(u, "dumb",
           "unit " + std::to_string(u) + ": " + std::to_string(excepted) +
               " guilds had neither an anchor nor silence; they are cut without a proof and counted as "
               "accepted, "
               "since the session they had does not bring every kind of event");
    else if (!unit.accepted && excepted > 0)
      tell(u, "exceptions",
           "unit " + std::to_string(u) + ": " + std::to_string(excepted) +
               " guilds had neither an anchor nor silence; their old shards stay open until they are cut, or "
               "`commit --accept` cuts them");
  }

  /// No cut is seamless for a guild where the bot speaks, so those go when all others of the unit have gone.
  void let_calls_go(std::uint32_t u, const std::vector<shard_key>& keys, const views& all) {
    if (auto calls = sum(all, &shard_view::voice); calls == 0 || led(all) != calls)
      return;
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (all[i]->voice > 0)
        send(plan_action_kind::send_calls, u, keys[i]);
  }

  void go_back(std::uint32_t u) {
    let_calls_go(u, new_keys_, new_);
    auto still_led = led(new_);
    for (std::size_t i = 0; i < new_.size(); ++i) {
      // A shard that runs may lead guilds even if no transfer was ever sent: the old session may have been
      // lost meanwhile.
      if (still_led != 0 && !new_[i]->closed && !new_[i]->retracted)
        send(plan_action_kind::send_retract, u, new_keys_[i]);
      if (still_led == 0 && !new_[i]->closed)
        send(plan_action_kind::close_shard, u, new_keys_[i]);
    }
    if (still_led != 0 && now_ - plan_.units[u].entered >= tuning_.moving_deadline)
      tell(u, "stuck",
           "unit " + std::to_string(u) + " cannot go back yet: " +
               (still_led ? std::to_string(*still_led) + " guilds are led by its new shards"
                          : std::string{"not every partition reports"}));
  }

  void send(plan_action_kind kind, std::uint32_t u, const shard_key& shard) {
    auto [place, first] = memory_.sent.try_emplace({kind, shard}, now_);
    if (!first && now_ - place->second < tuning_.repeat)
      return;
    place->second = now_;
    actions_.push_back({kind, u, shard, {}});
  }

  /// Once per topic and `remind`: the figures in the text may change from step to step.
  void tell(std::uint32_t u, const std::string& topic, std::string text) {
    auto [place, first] = memory_.told.try_emplace(std::to_string(u) + " " + topic, now_);
    if (!first && now_ - place->second < tuning_.remind)
      return;
    place->second = now_;
    actions_.push_back({plan_action_kind::tell_operator, u, {}, std::move(text)});
  }

  reshard_plan& plan_;
  plan_memory& memory_;
  std::vector<plan_action>& actions_;
  const plan_observations& seen_;
  const plan_tuning& tuning_;
  unix_time now_;
  std::vector<shard_key> old_keys_, new_keys_; // of the unit at hand
  views old_, new_;
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
    if (plan.units[u].state == unit_state::moving && exceptions(views_of(plan.old_shards(u), seen)) > 0)
      result.push_back(u);
  return result;
}

} // namespace shardyard
