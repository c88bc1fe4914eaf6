#include "actors/coordinator/plan_orders.hpp"

namespace shardyard {

void plan_orders::give(std::uint32_t u, const unit_shards& shards) {
  switch (plan_.units[u].state) {
  case unit_state::planned:
  case unit_state::aborted:
    break;
  case unit_state::preparing:
    if (!plan_.paused)
      start_missing(u, shards.coming);
    break;
  case unit_state::moving:
    start_missing(u, shards.coming);
    if (!plan_.paused)
      transfer(u, shards.leaving);
    break;
  case unit_state::settling:
    start_missing(u, shards.coming);
    transfer(u, shards.leaving);
    if (memory_.held.count(u))
      tell(u, "held", "unit " + std::to_string(u) + " is ready to close and waits for `commit`");
    break;
  case unit_state::closing:
    start_missing(u, shards.coming);
    transfer(u, shards.leaving);
    drain(u, shards);
    break;
  case unit_state::done:
    start_missing(u, shards.coming);
    break;
  case unit_state::aborting:
    go_back(u, shards.coming);
    break;
  }
}

void plan_orders::start_missing(std::uint32_t u, const observed_shards& coming) {
  for (const auto& [key, view] : coming)
    if (!view->running && view->fatal.empty())
      send(plan_action_kind::start_shard, u, key);
}

/// Repeated in later states too, since a partition that restarted may have forgotten its transfer.
void plan_orders::transfer(std::uint32_t u, const observed_shards& leaving) {
  const auto& unit = plan_.units[u];
  let_calls_go(u, leaving);
  for (const auto& [key, view] : leaving) {
    if (known_closed(unit, key) || view->closed)
      continue;
    if (!view->transferred)
      send(plan_action_kind::send_transfer, u, key);
    else if (unit.accepted && view->exceptions > 0)
      send(plan_action_kind::send_accept, u, key);
    else if (unit.dumb && view->exceptions > view->voice)
      send(plan_action_kind::send_rescue, u, key);
  }
  tell_exceptions(u, leaving);
}

void plan_orders::tell_exceptions(std::uint32_t u, const observed_shards& leaving) {
  const auto& unit = plan_.units[u];
  auto excepted = leaving.exceptions();
  if (unit.dumb && excepted > leaving.calls())
    tell(u, "dumb",
         "unit " + std::to_string(u) + ": " + std::to_string(excepted) +
             " guilds had neither an anchor nor silence; they are cut without a proof and counted as "
             "accepted, since the session they had does not bring every kind of event");
  else if (!unit.accepted && excepted > 0)
    tell(u, "exceptions",
         "unit " + std::to_string(u) + ": " + std::to_string(excepted) +
             " guilds had neither an anchor nor silence; their old shards stay open until they are cut, or "
             "`commit --accept` cuts them");
}

/// No cut is seamless for a guild where the bot speaks, so those go when all others of the unit have gone.
void plan_orders::let_calls_go(std::uint32_t u, const observed_shards& side) {
  if (auto calls = side.calls(); calls == 0 || side.led() != calls)
    return;
  for (const auto& [key, view] : side)
    if (view->voice > 0)
      send(plan_action_kind::send_calls, u, key);
}

/// A guild that went back to its old shard after the row was written is awaited, and the shadow stays while a
/// new session is away.
void plan_orders::drain(std::uint32_t u, const unit_shards& shards) {
  if (!shards.coming.all(&shard_view::ready))
    return;
  for (const auto& [key, view] : shards.leaving)
    if (!known_closed(plan_.units[u], key) && view->led == 0 && view->transferred)
      send(plan_action_kind::send_drain, u, key);
}

void plan_orders::go_back(std::uint32_t u, const observed_shards& coming) {
  let_calls_go(u, coming);
  auto still_led = coming.led();
  for (const auto& [key, view] : coming) {
    // A shard that runs may lead guilds even if no transfer was ever sent: the old session may have been lost
    // meanwhile.
    if (still_led != 0 && !view->closed && !view->retracted)
      send(plan_action_kind::send_retract, u, key);
    if (still_led == 0 && !view->closed)
      send(plan_action_kind::close_shard, u, key);
  }
  if (still_led != 0 && now_ - plan_.units[u].entered >= tuning_.moving_deadline)
    tell(u, "stuck",
         "unit " + std::to_string(u) + " cannot go back yet: " +
             (still_led ? std::to_string(*still_led) + " guilds are led by its new shards"
                        : std::string{"not every partition reports"}));
}

void plan_orders::send(plan_action_kind kind, std::uint32_t u, const shard_key& shard) {
  auto [place, first] = memory_.sent.try_emplace({kind, shard}, now_);
  if (!first && now_ - place->second < tuning_.repeat)
    return;
  place->second = now_;
  actions_.push_back({kind, u, shard, {}});
}

void plan_orders::tell(std::uint32_t u, const std::string& topic, std::string text) {
  auto [place, first] = memory_.told.try_emplace(std::to_string(u) + " " + topic, now_);
  if (!first && now_ - place->second < tuning_.remind)
    return;
  place->second = now_;
  actions_.push_back({plan_action_kind::tell_operator, u, {}, std::move(text)});
}

} // namespace shardyard
