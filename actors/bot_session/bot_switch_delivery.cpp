// What becomes of one delivery: is it new, who may see it, where it is remembered. The path of every event of
// the cluster.
#include "actors/bot_session/bot_switch_state.hpp"

#include "actors/bot_session/content_mask.hpp"
#include "actors/bot_session/event_intents.hpp"
#include "messages/discord_event.hpp"

#include <algorithm>
#include <utility>

namespace shardyard {
namespace {

/// Answers to a command, which only the session that gave it gets.
bool is_answer(event_type_id type) {
  static const auto by_type = [] {
    std::vector<bool> result(event_types().size());
    for (auto name : {"GUILD_MEMBERS_CHUNK", "SOUNDBOARD_SOUNDS", "CHANNEL_INFO", "RATE_LIMITED"})
      result[find_event_type(name)] = true;
    return result;
  }();
  return type < by_type.size() && by_type[type];
}

} // namespace

/// One event on its way to the sessions: it enters the ring when the first of them wants it.
struct bot_switch::state::arrival {
  state& at;
  const event_block& block;
  const event_entry& e;
  time now;
  const event_gate& gate;
  std::uint64_t needed;
  std::uint64_t position = 0;
  bool kept = false;
  signed char own = -1; // not known yet

  arrival(state& s, const event_block& b, const event_entry& x, time when)
      : at(s),
        block(b),
        e(x),
        now(when),
        gate(gate_of(x.type)),
        needed(x.guild != 0 ? gate.in_guild : gate.outside) {}

  bool shown_to(std::uint64_t intents) {
    if (passes(needed, intents))
      return true;
    if (!gate.own || !passes(gate.own_needs, intents))
      return false;
    if (own < 0)
      own = concerns(e.type, block.data(e), at.self) ? 1 : 0;
    return own != 0;
  }

  std::uint64_t keep() {
    if (!std::exchange(kept, true))
      position = at.ring.push(block, e, now);
    return position;
  }

  void give(bot_session& to) { at.append(to, keep()); }
};

bool bot_switch::state::shown(const bot_session& x, event_type_id type, snowflake guild,
                              std::string_view d) const {
  auto& gate = gate_of(type);
  return passes(guild != 0 ? gate.in_guild : gate.outside, x.intents) ||
         (gate.own && passes(gate.own_needs, x.intents) && concerns(type, d, self));
}

void bot_switch::state::touch(bot_session& x) {
  if (!std::exchange(x.touched, true))
    touched.push_back(&x);
}

void bot_switch::state::append(bot_session& to, std::uint64_t position) {
  to.log().append(position);
  touch(to);
}

void bot_switch::state::deliver(const event_block& block, const event_entry& e, time now) {
  if ((e.flags & (cut_flag | gap_flag)) != 0) {
    gaps += (e.flags & gap_flag) != 0;
    return;
  }
  if (e.type == discord_event::ready || e.type == discord_event::resumed)
    return;
  auto& scope = scopes.of(e);
  if (e.asker != 0) { // has no number of its own: `n` is the guild's newest then
    if (answers.repeated(block.from, e, now))
      return;
  } else if (e.n != 0) {
    auto place = scope.note(e.n);
    if (place == delivery_place::repeated)
      return;
    if (place != delivery_place::next)
      break_off(e, scope, place);
  }
  if (e.guild == 0 && e.type == discord_event::user_update)
    user = block.data(e);
  arrival in{*this, block, e, now};
  if (e.type == discord_event::voice_server_update)
    return voice_server(in);
  if (is_answer(e.type))
    return answer(in, e.asker);
  if (e.type == discord_event::guild_create || e.type == discord_event::guild_delete) {
    if ((e.flags & unavailable_flag) == 0)
      e.type == discord_event::guild_create ? joined(in, scope) : left(in, scope);
    return;
  }
  if (e.guild == 0 || stands_alone(e.type))
    to_all(in);
  else
    to_seats(in, scope);
}

void bot_switch::state::voice_server(arrival& in) {
  if (in.e.asker != 0)
    voices.served(in.e.asker, in.e.guild);
  answer(in, in.e.asker != 0 ? in.e.asker : voices.speaker(in.e.guild));
}

void bot_switch::state::answer(arrival& in, std::uint32_t asker) {
  auto* to = asker == 0 ? nullptr : find(asker);
  if (!to)
    return;
  commands.answered(asker, in.e.type, in.e.guild, in.block.data(in.e));
  if (to->live())
    in.give(*to);
}

/// A real join. A session that has the guild pending gets this in place of the snapshot.
void bot_switch::state::joined(arrival& in, delivery_scope& scope) {
  for (auto& x : sessions) {
    if (!x->filter.sees(in.e.guild))
      continue;
    if (!x->live()) {
      x->guilds_of_ready.push_back(in.e.guild);
      continue;
    }
    if (!has_guilds(*x))
      continue;
    auto* seat = scope.seat_of(x.get());
    if (seat && seat->open && in.e.n <= seat->from)
      continue;
    if (!seat) {
      seat = &scope.seats.emplace_back(guild_seat{x.get()});
      ++x->guilds;
    }
    seat->open = true;
    seat->from = in.e.n;
    in.give(*x);
  }
}

void bot_switch::state::left(arrival& in, delivery_scope& scope) {
  std::erase_if(scope.seats, [&](guild_seat& seat) {
    if (seat.open && in.e.n <= seat.from)
      return false;
    in.give(*seat.session);
    --seat.session->guilds;
    return true;
  });
}

/// Direct messages and the like go to shard 0, interactions and entitlements to the shard of their guild
/// whether or not the bot is in it.
void bot_switch::state::to_all(arrival& in) {
  for (auto& x : sessions)
    if (x->live() && x->filter.sees(in.e.guild) && in.shown_to(x->intents))
      in.give(*x);
}

void bot_switch::state::to_seats(arrival& in, delivery_scope& scope) {
  for (auto& seat : scope.seats) {
    if (!in.shown_to(seat.session->intents))
      continue;
    if (!seat.open)
      in.keep(); // a snapshot may be on its way that does not contain it
    else if (in.e.n == 0 || in.e.n > seat.from)
      in.give(*seat.session);
  }
  if (without_guilds == 0)
    return;
  for (auto& x : sessions)
    if (x->live() && !has_guilds(*x) && x->filter.sees(in.e.guild) && in.shown_to(x->intents))
      in.give(*x);
}

/// Deliveries before this one are missing. A session whose GUILD_CREATE contains them has lost nothing, nor
/// has one that still waits for it.
void bot_switch::state::break_off(const event_entry& e, delivery_scope& scope, delivery_place place) {
  auto harmed = place == delivery_place::hole;
  for (auto& seat : scope.seats) {
    if (!seat.open || seat.from + 1 >= e.n)
      continue;
    harmed = true;
    lose(*seat.session, session_loss::missing);
  }
  if (place == delivery_place::hole)
    for (auto& x : sessions)
      if (x->live() && x->filter.sees(e.guild) && !scope.seat_of(x.get()))
        lose(*x, session_loss::missing); // it may be a join that is missing
  holes += harmed;
}

void bot_switch::state::pump(bot_session& x, time) {
  if (x.connection && !x.lost() && !x.pump(x.connection->link(), ring, settings.high_water, self))
    lose(x, session_loss::overtaken);
}

void bot_switch::state::flush(time now) {
  for (auto* x : touched) {
    x->touched = false;
    pump(*x, now);
  }
  touched.clear();
  ring.evict(now);
  end_lost(now);
}

} // namespace shardyard
