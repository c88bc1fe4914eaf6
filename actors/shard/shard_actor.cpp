#include "actors/shard/shard_actor.hpp"

#include "actors/shard/shard_state.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

namespace shardyard {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr auto look_interval = milliseconds(100); ///< while something is waited for that nobody tells
constexpr auto drain_patience = seconds(5);       ///< for the groups' answers, then the drain is asked again
constexpr auto forget_patience = seconds(5);      ///< for the last marks to be acknowledged
constexpr auto release_patience = seconds(2); ///< for acknowledgements; beyond it the other host replays more
constexpr auto release_interval = milliseconds(5);

} // namespace

shard_state::shard_state(shard_actor::pointer self, shard_setup x)
    : self(self),
      setup(std::move(x)),
      machine(setup.door->tuning, std::random_device{}()),
      routes(setup.routes.table),
      mix(setup.door->mix_stretch) {
  ask_base = std::uint64_t{std::random_device{}()} << 31;
  if (!setup.presence.empty())
    commands.add({.op = 3, .d = setup.presence}, {});
  if (setup.session) {
    session_id = setup.session->session_id;
    resume_url = setup.session->resume_url;
    newest_ms = setup.session->newest_ms;
    guilds.insert(setup.session->guilds.begin(), setup.session->guilds.end());
    cursor.begin(session_id, setup.session->cursor);
    session_changed = true; // the row carries this life's term
  }
}

shard_actor::behavior_type shard_state::make_behavior() {
  // Without its node nobody writes its checkpoints or could close it.
  watch.add(self, setup.listener, [this](const caf::error& reason) { self->quit(reason); });
  route(setup.routes);
  session::start begin;
  begin.purpose = setup.purpose;
  if (setup.session)
    begin.session = session::resumable{session_id, resume_url};
  feed(begin);
  return {
      [this](const stream_answer& x) { acknowledged(x); },
      [this](const drain_answer& x) { drain_answered(x); },
      [this](const upstream_command& x) { take_command(x); },
      [this](const shard_routes& x) { route(x); },
      [this](const transfer& x) {
        // The groups have retired a closed shard's topology; a repeated order must not bring it back to life
        // there.
        if (closed)
          return;
        mark(x.retract ? mark_kind::retract : mark_kind::transfer, cursor.newest(), x.plan);
      },
      [this](const drain& x) { start_drain(x); },
      [this](const release_shard&) { start_release(); },
      [this](const link_message& x) { on_link(*x.news); },
      [this](const link_block& x) { on_events(x); },
      [this](tick) { on_tick(); },
  };
}

void shard_state::start_drain(const drain& x) {
  if (x.forget) {
    forget_now();
    return;
  }
  if (closed) {
    if (routes->coordinator)
      compat::send(self, routes->coordinator,
                   done{x.plan, x.cluster_epoch, setup.shard, cursor.newest(), events, 0});
    return;
  }
  auto at = self->clock().now();
  if (drains && drains->order.plan == x.plan && at < drains->asked + drain_patience)
    return;
  drains = draining{.order = x, .asked = at};
  for (auto& outlet : outlets)
    drains->awaited.insert(outlet.id);
  mark(mark_kind::drain, cursor.newest(), x.plan);
  changed();
}

void shard_state::drain_answered(const drain_answer& x) {
  if (!drains || drains->order.plan != x.plan || drains->awaited.erase(x.group) == 0)
    return;
  drains->led += x.led;
  if (!drains->awaited.empty())
    return;
  auto order = drains->order;
  auto led = drains->led;
  drains.reset();
  if (led == 0)
    close_now();
  closed_plan = led == 0 ? order.plan : 0;
  if (routes->coordinator)
    compat::send(self, routes->coordinator,
                 done{order.plan, order.cluster_epoch, setup.shard, cursor.newest(), events, led});
  changed();
}

/// Closes with a code that leaves the session resumable at Discord; our own record of it ends here.
void shard_state::close_now() {
  feed(session::stop{net::resumable_close});
  live = false;
  closed = session_gone = true;
  text = "closed by its plan";
  mark(mark_kind::closed, cursor.newest(), 0);
  spdlog::info("shard {} is closed", to_string(setup.shard));
}

/// Ends the session at Discord and this actor, once the groups know.
void shard_state::forget_now() {
  if (forgetting)
    return;
  forgetting = true;
  forget_by = self->clock().now() + forget_patience;
  if (!closed) {
    feed(session::stop{1000});
    live = false;
    closed = session_gone = true;
    text = "ended by its plan";
    mark(mark_kind::closed, cursor.newest(), 0);
  }
  arm(self->clock().now());
}

/// For a move: nothing more is read; what was read is given time to be acknowledged, so that the other host
/// replays little.
void shard_state::start_release() {
  if (releasing || closed || forgetting)
    return;
  releasing = true;
  auto at = self->clock().now();
  release_by = at + release_patience;
  if (auto* link = current_link())
    link->pause_reading();
  go_on_releasing(at);
}

void shard_state::go_on_releasing(clock::time_point at) {
  if (!released) {
    auto settled = std::ranges::all_of(outlets, [](auto& x) { return x.stream.empty(); });
    if (!settled && at < release_by) {
      arm(at + release_interval);
      return;
    }
    feed(session::stop{net::resumable_close});
    live = false;
    released = true;
    released_at = at;
    text = "closed to be moved";
    spdlog::info("shard {} is released", to_string(setup.shard));
  }
  ended = true;
  tell_node(at);
  self->quit();
}

shard_phase shard_state::phase() const {
  if (closed)
    return shard_phase::closed;
  if (std::holds_alternative<session::stopped>(machine.current()))
    return shard_phase::stopped;
  if (drains)
    return shard_phase::draining;
  if (live)
    return awaited.empty() ? shard_phase::live : shard_phase::arriving;
  return machine.current_link() ? shard_phase::connecting : shard_phase::waiting;
}

void shard_state::arm(clock::time_point at) {
  if (armed && *armed <= at)
    return;
  armed = at;
  // A tick cannot be called back, so one that is on its way already serves again.
  if (!ticks_sent.insert(at).second)
    return;
  auto wait = std::max(clock::duration::zero(), at - self->clock().now());
  compat::send_after(self, wait, self, tick{});
}

void shard_state::changed() {
  news.changed();
  arm_news();
}

void shard_state::counted() {
  news.counted();
  arm_news();
}

void shard_state::arm_news() {
  auto due = news.due(routes->moving);
  if (due && (!armed || *armed > *due)) // mostly the tick is on its way, and the time not asked for
    arm(std::max(*due, self->clock().now()));
}

void shard_state::on_tick() {
  auto at = self->clock().now();
  ticks_sent.erase(ticks_sent.begin(), ticks_sent.upper_bound(at));
  if (armed && at < *armed)
    return; // replaced by an earlier one that has been, and another is on its way
  armed.reset();
  if (auto link = std::exchange(held_back, std::nullopt))
    feed(session::connect_failed{*link, text, milliseconds(1000), false});
  if (auto due = machine.deadline(); due && due->count() <= at.time_since_epoch().count())
    feed(session::timer{});
  if (auto due = machine.deadline())
    arm(clock::time_point{std::chrono::duration_cast<clock::duration>(*due)});
  check_arrivals(at);
  send_commands();
  if (reading_paused) {
    for (auto& outlet : outlets)
      outlet.stream.retry();
    watch_room();
    arm(at + look_interval);
  }
  if (next_probe != clock::time_point{}) {
    if (at >= next_probe) {
      next_probe = at + setup.door->probe_interval;
      if (auto* link = live ? current_link() : nullptr)
        link->heartbeat_now();
    }
    arm(next_probe);
  }
  if (releasing) {
    go_on_releasing(at);
    return;
  }
  if (at >= mix.due())
    news.changed();
  arm(std::max(mix.due(), at + look_interval));
  if (auto due = news.due(routes->moving); due && at >= *due)
    tell_node(at);
  arm_news();
  if (!forgetting)
    return;
  auto all_told = std::ranges::all_of(outlets, [](auto& x) { return x.stream.empty() || !x.group; });
  if ((all_told && links.empty()) || at >= forget_by) {
    ended = true;
    tell_node(at);
    self->quit();
  } else {
    arm(at + look_interval);
  }
}

void shard_state::tell_node(clock::time_point at) {
  news.told(at); // of the tick itself: later by a little, it would need a tick of its own
  shard_news told;
  auto& status = told.status;
  status.shard = setup.shard;
  status.phase = phase();
  status.was_ready = was_ready || (live && awaited.empty());
  status.guilds = static_cast<std::uint32_t>(guilds.size());
  status.unavailable = static_cast<std::uint32_t>(unavailable);
  status.s = cursor.newest();
  status.events = events;
  status.resumes = resumes;
  status.identifies = identifies;
  status.closed_plan = closed_plan;
  status.text = text;
  for (auto& outlet : outlets)
    status.spooled_bytes += outlet.stream.bytes_spooled();
  told.cursor = resume_from();
  told.newest_ms = newest_ms;
  told.session_gone = session_gone;
  told.gone = ended;
  told.released = released;
  told.mix = mix.take(setup.shard, status.guilds, live && awaited.empty(), at);
  if (released)
    told.closed_for_ms = static_cast<std::uint32_t>(
        std::chrono::duration_cast<milliseconds>(self->clock().now() - released_at).count());
  if ((session_changed || released) && !session_gone && !session_id.empty())
    told.session = session_checkpoint{setup.shard,
                                      session_id,
                                      resume_url,
                                      setup.plan,
                                      told.cursor,
                                      newest_ms,
                                      {guilds.begin(), guilds.end()},
                                      setup.term};
  session_changed = false;
  compat::send(self, setup.listener, std::move(told));
}

shard_actor spawn_shard(caf::actor_system& system, shard_setup setup) {
  return system.spawn<shard_actor::stateful_impl<shard_state>>(std::move(setup));
}

} // namespace shardyard
