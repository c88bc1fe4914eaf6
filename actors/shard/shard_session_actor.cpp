#include "actors/shard/link_listener.hpp"
#include "actors/shard/shard_state.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include <time.h>

namespace shardyard {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// A guild that READY listed and that does not come counts as unavailable after this long without any other
/// arriving; what client libraries wait (Gateway reference, "Guild Availability").
constexpr auto arrival_patience = seconds(15);

session::reaction to_session(net::reaction x) {
  switch (x) {
  case net::reaction::resume:
    return session::reaction::resume;
  case net::reaction::identify:
    return session::reaction::identify;
  case net::reaction::fatal:
    return session::reaction::fatal;
  }
  return session::reaction::resume;
}

identify_purpose to_message(session::purpose x) {
  switch (x) {
  case session::purpose::recovery:
    return identify_purpose::recovery;
  case session::purpose::start:
    return identify_purpose::start;
  case session::purpose::reshard:
    return identify_purpose::reshard;
  }
  return identify_purpose::start;
}

bool never_opened(net::close_kind x) {
  return x == net::close_kind::connect_failed || x == net::close_kind::upgrade_refused ||
         x == net::close_kind::impossible;
}

} // namespace

void shard_state::feed(const session::input& in) {
  for (auto& action : machine.next(in, now()))
    carry_out(action);
  if (auto at = machine.deadline())
    arm(clock::time_point{std::chrono::duration_cast<clock::duration>(*at)});
  changed();
}

void shard_state::carry_out(const session::action& action) {
  struct visitor {
    shard_state& me;
    void operator()(const session::ask_permit& x) { me.ask_permit(x); }
    void operator()(const session::permit_used& x) {
      me.permit = x.permit;
      if (me.routes->coordinator)
        compat::send(me.self, me.routes->coordinator, identify_sent{me.setup.shard, x.permit, 0, false});
    }
    void operator()(const session::permit_unused& x) { me.give_back(x.permit); }
    void operator()(const session::connect& x) { me.open(x); }
    void operator()(const session::identify&) {
      me.identifying = true;
      ++me.identifies;
      auto say = me.setup.door->identify(me.setup.shard);
      if (!me.commands.presence().empty())
        say.presence = me.commands.presence();
      me.commands.identified();
      if (auto* link = me.current_link())
        link->identify(say);
    }
    void operator()(const session::resume& x) {
      me.identifying = false;
      if (auto* link = me.current_link())
        link->resume(x.session_id, me.setup.door->token(), x.seq, me.newest_ms);
    }
    void operator()(const session::close& x) {
      for (auto& link : me.links)
        if (link.number == x.link)
          link.link->close(x.code);
    }
    void operator()(const session::wake_at& x) {
      me.arm(clock::time_point{std::chrono::duration_cast<clock::duration>(x.at)});
    }
    void operator()(const session::went_live& x) {
      me.live = true;
      me.text.clear();
      me.handed_over = 0;
      if (x.resumed) {
        ++me.resumes;
        if (me.awaited.empty() && !me.was_ready)
          me.became_ready();
        me.mark(mark_kind::connected, me.cursor.newest());
      }
      me.send_commands();
    }
    void operator()(const session::disconnected& x) {
      me.live = false;
      me.mix.interrupt();
      me.commands.disconnected(me.now());
      me.text = x.reason;
      spdlog::info("shard {} lost its connection: {}", to_string(me.setup.shard), x.reason);
      me.mark(mark_kind::disconnected, me.cursor.newest());
    }
    void operator()(const session::session_lost& x) {
      spdlog::warn("shard {} lost its session: {}", to_string(me.setup.shard), x.reason);
      me.live = me.was_ready = false;
      me.mix.interrupt();
      me.commands.session_lost();
      me.text = x.reason;
      me.session_gone = true;
      me.awaited.clear();
      if (!me.session_id.empty())
        me.mark(mark_kind::lost, me.cursor.newest(), 0, x.reason);
      me.session_id.clear();
    }
    void operator()(const session::alert& x) {
      me.text = x.reason + (x.advice.empty() ? "" : "; " + x.advice);
      spdlog::warn("shard {}: {}", to_string(me.setup.shard), me.text);
    }
    void operator()(const session::fatal& x) {
      me.live = false;
      me.text = x.reason + (x.advice.empty() ? "" : "; " + x.advice);
      spdlog::error("shard {} stopped: {}", to_string(me.setup.shard), me.text);
    }
  };
  std::visit(visitor{*this}, action);
}

/// A host that may have been declared dead must not take its sessions back from their new hosts.
bool shard_state::may_connect() const {
  if (!routes->deliver_until)
    return true;
  timespec at{};
  ::clock_gettime(CLOCK_BOOTTIME, &at);
  auto now_ns = std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
  return now_ns < routes->deliver_until->load(std::memory_order_relaxed);
}

void shard_state::open(const session::connect& x) {
  if (!may_connect()) {
    held_back = x.link;
    text = "waits until this node is heard by its cluster again";
    arm(self->clock().now());
    return;
  }
  auto settings = setup.door->link;
  settings.url = x.url.value_or(routes->gateway_url);
  auto listener = std::make_shared<link_listener>(shard_actor{self}, x.link, setup.shard, session_id);
  links.push_back(
      {x.link, std::make_unique<net::gateway_link>(setup.door->io, settings, std::move(listener))});
  reading_paused = false;
}

void shard_state::ask_permit(const session::ask_permit& x) {
  auto later = [this, ask = x.ask] { feed(session::permit_wait{ask, milliseconds(500)}); };
  if (!routes->coordinator) {
    text = "waits for the coordinator, who grants IDENTIFYs";
    later();
    return;
  }
  identify_request request{routes->cluster_epoch, setup.shard, to_message(x.purpose), ask_base + x.ask};
  compat::request(self, routes->coordinator, seconds(2), request)
      .then(
          [this](const identify_answer& answer) {
            switch (answer.verdict) {
            case identify_verdict::granted:
              if (std::holds_alternative<session::stopped>(machine.current()))
                return give_back(answer.permit);
              feed(session::permit_granted{answer.ask - ask_base, answer.permit,
                                           milliseconds(answer.after_ms)});
              break;
            case identify_verdict::wait:
              text = answer.why;
              feed(session::permit_wait{answer.ask - ask_base, milliseconds(answer.after_ms)});
              break;
            case identify_verdict::refused:
              feed(session::permit_refused{answer.ask - ask_base, answer.why, answer.instead});
              break;
            }
          },
          [later](caf::error&) { later(); });
}

void shard_state::give_back(std::uint64_t unused) {
  if (routes->coordinator)
    compat::send(self, routes->coordinator, permit_returned{setup.shard, unused});
}

net::gateway_link* shard_state::current_link() {
  auto number = machine.current_link();
  for (auto& link : links)
    if (number && link.number == *number)
      return link.link.get();
  return nullptr;
}

void shard_state::on_link(link_news& news) {
  struct visitor {
    shard_state& me;
    session::link_number link;
    bool current;
    void operator()(saw::hello&) { me.feed(session::hello{link, me.resume_from()}); }
    void operator()(saw::ready& x) {
      if (!current)
        return;
      me.on_ready(x);
      me.feed(session::ready{link, x.session_id, x.resume_url});
    }
    void operator()(saw::resumed&) { me.feed(session::resumed{link}); }
    void operator()(saw::reconnect&) { me.feed(session::reconnect{link}); }
    void operator()(saw::invalid_session& x) {
      if (current && me.identifying && !me.live && me.routes->coordinator && me.permit != 0)
        compat::send(me.self, me.routes->coordinator, identify_sent{me.setup.shard, me.permit, 0, true});
      me.feed(session::invalid_session{link, x.resumable});
    }
    void operator()(saw::heartbeat_ack& x) {
      if (current && me.live)
        me.mark(mark_kind::flushed, x.s);
    }
    void operator()(saw::room&) {
      if (!current)
        return;
      me.handed_over = 0;
      me.send_commands();
    }
    void operator()(saw::closed& x) { me.on_closed(link, x.reason); }
  };
  auto number = machine.current_link();
  std::visit(visitor{*this, news.link, number && *number == news.link}, news.what);
}

void shard_state::on_events(const link_block& x) {
  if (machine.current_link() != x.link)
    return;
  if (!live)
    feed(session::replayed{x.link});
  take(x.block);
}

void shard_state::on_ready(const saw::ready& x) {
  session_id = x.session_id;
  resume_url = x.resume_url;
  session_gone = false;
  session_changed = true;
  was_ready = identifying = false;
  live = true;
  newest_ms = 0;
  unavailable = 0;
  guilds.clear();
  awaited.clear();
  for (auto& guild : x.guilds) {
    guilds.insert(guild.id);
    awaited.insert(guild.id);
  }
  cursor.begin(session_id, x.s);
  last_arrival = self->clock().now();
  began_ns = last_arrival.time_since_epoch().count();
  spdlog::info("shard {} is READY with {} guilds", to_string(setup.shard), guilds.size());
  send_ready_marks(mark_kind::started);
  if (awaited.empty())
    became_ready();
  else
    arm(last_arrival + arrival_patience);
}

/// At most two are in the connection's hands, where bots do not take turns: the rest waits here, also for a
/// RESUME.
void shard_state::send_commands() {
  constexpr std::size_t most_handed_over = 2;
  auto* link = live ? current_link() : nullptr;
  while (link && handed_over < most_handed_over) {
    auto next = commands.next(now());
    if (!next)
      break;
    if (link->send(next->op, next->d) == net::send_status::accepted)
      ++handed_over;
    else
      spdlog::warn("shard {}: op {} of bot {} is not sent: it is too long, or the connection is gone",
                   to_string(setup.shard), next->op, next->bot);
  }
  if (auto due = live ? commands.due() : std::nullopt)
    arm(clock::time_point{std::chrono::duration_cast<clock::duration>(*due)});
}

/// A command for a session that is no more goes nowhere: its group asks the one that leads now.
void shard_state::take_command(const upstream_command& x) {
  if (!x.session.empty() && x.session != session_id)
    return;
  commands.add(x, now());
  send_commands();
}

void shard_state::on_closed(session::link_number number, const net::close_reason& reason) {
  std::erase_if(links, [number](auto& x) { return x.number == number; });
  if (never_opened(reason.kind)) {
    auto fatal = reason.kind == net::close_kind::impossible || reason.after == net::reaction::fatal;
    feed(session::connect_failed{number, reason.text, reason.retry_after, fatal});
    return;
  }
  feed(session::closed{number, reason.code, to_session(reason.after), reason.text});
}

/// Follows GUILD_CREATE and GUILD_DELETE: which guilds READY promised are still to come, which the session
/// has.
void shard_state::note_arrivals(const event_block& block) {
  static const auto created = find_event_type("GUILD_CREATE");
  static const auto deleted = find_event_type("GUILD_DELETE");
  for (auto& entry : block.entries) {
    if (entry.type != created && entry.type != deleted)
      continue;
    auto gone = entry.type == deleted && (entry.flags & unavailable_flag) == 0;
    if (gone ? guilds.erase(entry.guild) > 0 : guilds.insert(entry.guild).second)
      session_changed = true;
    if (awaited.erase(entry.guild) == 0)
      continue;
    unavailable += (entry.flags & unavailable_flag) != 0;
    last_arrival = self->clock().now();
    if (awaited.empty())
      became_ready();
  }
  if (session_changed)
    changed();
}

void shard_state::check_arrivals(clock::time_point at) {
  if (awaited.empty() || !live)
    return;
  if (at < last_arrival + arrival_patience) {
    arm(last_arrival + arrival_patience);
    return;
  }
  spdlog::warn("shard {}: {} guilds of READY did not come and count as unavailable", to_string(setup.shard),
               awaited.size());
  unavailable += awaited.size();
  awaited.clear();
  became_ready();
}

void shard_state::became_ready() {
  was_ready = true;
  if (routes->coordinator)
    compat::send(self, routes->coordinator,
                 ready{routes->cluster_epoch, setup.shard, static_cast<std::uint32_t>(guilds.size()),
                       static_cast<std::uint32_t>(unavailable)});
  changed();
}

} // namespace shardyard
