// From IDENTIFY to the last GUILD_CREATE: the list of a session's guilds, READY, and their snapshots in
// batches.
#include "actors/bot_session/bot_switch_state.hpp"

#include "actors/bot_session/event_intents.hpp"
#include "actors/bot_session/ready_payload.hpp"

#include <algorithm>
#include <utility>

namespace shardyard {
namespace {

constexpr std::size_t low_water = 64u << 10; // of bot_events::on_drained

std::vector<snowflake> seen_by(const guild_filter& which, std::vector<snowflake> guilds) {
  std::erase_if(guilds, [&](snowflake x) { return x == 0 || !which.sees(x); });
  std::ranges::sort(guilds);
  guilds.erase(std::unique(guilds.begin(), guilds.end()), guilds.end()); // clang 14 lacks the one of ranges
  return guilds;
}

} // namespace

void bot_switch::state::try_ready(bot_session& x, time now) {
  if (x.live() || !x.listed || !has_identity || !x.connection)
    return;
  auto guilds = seen_by(x.filter, std::exchange(x.guilds_of_ready, {}));
  x.phase = session_phase::live;
  x.guilds = guilds.size();
  without_guilds += !has_guilds(x);
  x.log().append("READY",
                 ready_payload({user, application, x.id, settings.resume_url, guilds, x.sharded, x.filter}),
                 now);
  if (has_guilds(x)) {
    for (auto guild : guilds) {
      scopes.of_guild(guild).seats.push_back({&x});
      x.backfill.want(guild, now);
    }
  }
  x.connection->greeted(now);
  pump(x, now);
  fetch_more(x, now);
}

bool bot_switch::state::may_fetch(const bot_session& x) const {
  return x.connection && !x.lost() && x.behind() == 0 && x.connection->link().queued() <= low_water;
}

void bot_switch::state::fetch_more(bot_session& x, time now) {
  if (x.live() && x.backfill.may_ask(now) && may_fetch(x))
    cluster.fetch_guilds(x.asker, {x.backfill.ask(ring.end(), now), x.intents, x.large_threshold});
}

void bot_switch::state::fetched(bot_session& x, const guild_snapshot& row, std::string_view d, time now) {
  guild_backfill::wanted wanted;
  if (!x.backfill.take(row.guild, wanted, now))
    return;
  auto* scope = scopes.find_guild(row.guild);
  auto* seat = scope ? scope->seat_of(&x) : nullptr;
  if (!seat || seat->open)
    return; // it was left or joined meanwhile, and the bot has been told
  if (row.gone) {
    std::erase_if(scope->seats, [&](auto& y) { return y.session == &x; });
    --x.guilds;
    x.log().append("GUILD_DELETE", deleted_guild(row.guild, false), now);
  } else if (row.size == 0) {
    if (!std::exchange(wanted.told, true))
      x.log().append("GUILD_DELETE", deleted_guild(row.guild, true), now);
    x.backfill.again(wanted, now + guild_backfill::pause);
  } else {
    show_guild(x, *seat, row, d, wanted, now);
  }
  touch(x);
}

/// What was delivered after the snapshot was made has come already when the snapshot took the longer way: it
/// stands in the ring.
void bot_switch::state::show_guild(bot_session& x, guild_seat& seat, const guild_snapshot& row,
                                   std::string_view d, guild_backfill::wanted& wanted, time now) {
  auto& scope = scopes.of_guild(row.guild);
  auto later = row.n < scope.n;
  if (later && (row.n + 1 < scope.whole || wanted.since < ring.first())) {
    wanted.asked = false;
    return x.backfill.again(wanted, now);
  }
  x.log().append("GUILD_CREATE", std::string{d}, now);
  seat.open = true;
  seat.from = std::max(row.n, scope.n);
  if (later)
    catch_up(x, row, wanted.since);
}

void bot_switch::state::catch_up(bot_session& x, const guild_snapshot& row, std::uint64_t since) {
  for (auto position = since; position < ring.end(); ++position) {
    if (ring.guild(position) != row.guild || ring.n(position) <= row.n || ring.asker(position) != 0)
      continue;
    auto type = ring.type(position);
    if (!stands_alone(type) && shown(x, type, ring.guild(position), ring.data(position)))
      x.log().append(position);
  }
}

void bot_switch::state::tell_overdue(bot_session& x, time now) {
  for (auto* wanted : x.backfill.overdue(now)) {
    auto* scope = scopes.find_guild(wanted->guild);
    auto* seat = scope ? scope->seat_of(&x) : nullptr;
    if (!seat || seat->open || std::exchange(wanted->told, true))
      continue;
    x.log().append("GUILD_DELETE", deleted_guild(wanted->guild, true), now);
    touch(x);
  }
}

} // namespace shardyard
