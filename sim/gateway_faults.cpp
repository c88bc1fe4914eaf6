// Injected faults. Those that concern sessions hit all of them unless one session or shard is named.
#include "sim/gateway.hpp"
#include "sim/text.hpp"

#include <algorithm>
#include <array>

namespace shardyard::sim {
namespace {

constexpr std::array<std::string_view, 20> kind_names{
    "reconnect",  "invalid_session", "reset",  "half_open",  "stall",         "close",         "outage",
    "outage_end", "delay",           "budget", "rate_limit", "duplicate",     "unknown_event", "big_guild",
    "drain_node", "drop_event",      "join",   "leave",      "refuse_resume", "mute"};

/// Close codes after which a session cannot be resumed (Opcodes and Status Codes).
bool ends_session(int code) {
  return code == 4003 || code == 4004 || code == 4006 || code == 4007 || code == 4009 ||
         (code >= 4010 && code <= 4014);
}

} // namespace

std::optional<fault_kind> find_fault(std::string_view name) {
  auto found = std::ranges::find(kind_names, name);
  if (found == kind_names.end())
    return std::nullopt;
  return static_cast<fault_kind>(found - kind_names.begin());
}

std::string fault_names() {
  std::string all;
  for (auto name : kind_names) {
    if (!all.empty())
      all += ", ";
    all += name;
  }
  return all;
}

std::vector<session*> gateway::targets(const fault& what) {
  std::vector<session*> result;
  for (auto& [number, which] : sessions_) {
    auto& as = which->as();
    auto shard_fits =
        !what.shard || (what.shard->first == as.shard_id && what.shard->second == as.shard_count);
    if (which->ready && shard_fits && (what.session.empty() || what.session == which->id()))
      result.push_back(which.get());
  }
  return result;
}

fault_result gateway::apply(const fault& what, moment now) {
  switch (what.kind) {
  case fault_kind::budget:
    limiter_.set_remaining(what.remaining);
    return {.hit = 1};
  case fault_kind::rate_limit:
    rate_limited_until_ =
        now + std::chrono::duration_cast<moment::duration>(std::chrono::duration<double>{what.retry_after});
    return {.hit = 1};
  case fault_kind::join:
    return join(now);
  case fault_kind::leave:
    return leave(what, now);
  case fault_kind::unknown_event:
    return unknown_event(what, now);
  case fault_kind::drain_node: {
    fault_result result;
    for (auto& [number, who] : clients_) {
      if (!who.gone && who.node == what.node) {
        send_reconnect(who, now);
        ++result.hit;
      }
    }
    return result;
  }
  case fault_kind::duplicate:
    if (what.session.empty() && !what.shard) {
      ++duplicates_;
      return {.hit = sessions_.size()};
    }
    break;
  case fault_kind::mute:
    if (what.event == event_kind::unknown)
      return {.error = "\"event\" must be the name of an event that happens here"};
    break;
  case fault_kind::outage:
  case fault_kind::big_guild:
    if (!world_.find(what.guild))
      return {.error = "\"guild\" must be the id of a guild that the bot is in"};
    break;
  default:
    break;
  }
  fault_result result;
  for (auto* which : targets(what))
    result.hit += strike(*which, what, now) ? 1 : 0;
  return result;
}

bool gateway::strike(session& which, const fault& what, moment now) {
  auto found = clients_.find(which.client);
  auto* who = found == clients_.end() || found->second.gone ? nullptr : &found->second;
  switch (what.kind) {
  case fault_kind::reconnect:
    if (who)
      send_reconnect(*who, now);
    return who;
  case fault_kind::invalid_session:
    if (who) {
      detach(*who, now);
      send_invalid(*who, what.resumable, now);
    }
    if (!what.resumable)
      end(which, "invalidated", now);
    return who || !what.resumable;
  case fault_kind::reset:
  case fault_kind::half_open:
    if (who) {
      detach(*who, now);
      who->gone = true;
      what.kind == fault_kind::reset ? who->out->reset() : who->out->fall_silent();
    }
    return who;
  case fault_kind::stall:
    if (who) {
      who->out->stall(std::chrono::milliseconds{what.ms});
      who->last_beat = now + std::chrono::milliseconds{what.ms};
    }
    return who;
  case fault_kind::close:
    if (who)
      close(*who, what.code, "Injected.", now);
    if (who && ends_session(what.code))
      end(which, "closed by server " + std::to_string(what.code), now);
    return who;
  case fault_kind::outage: {
    auto index = world_.find(what.guild)->index;
    auto view = which.guilds.find(index);
    if (view == which.guilds.end() || view->second == guild_view::outage)
      return false;
    lose_guild(which, index, now);
    return true;
  }
  case fault_kind::outage_end: {
    std::vector<std::uint32_t> back;
    for (auto& [index, view] : which.guilds)
      if (view == guild_view::outage && (what.guild == 0 || world_.guilds()[index].id == what.guild))
        back.push_back(index);
    for (auto index : back)
      if (world_.guilds()[index].present)
        show_guild(which, index, now);
    return !back.empty();
  }
  case fault_kind::big_guild: {
    auto index = world_.find(what.guild)->index;
    auto view = which.guilds.find(index);
    if (view == which.guilds.end() || view->second != guild_view::attached)
      return false;
    show_guild(which, index, now, what.bytes);
    return true;
  }
  case fault_kind::delay:
    which.lag_ms = what.ms;
    return true;
  case fault_kind::duplicate:
    ++which.duplicates;
    return true;
  case fault_kind::drop_event:
    which.drops.push_back(what.guild);
    return true;
  case fault_kind::refuse_resume:
    which.refuses_resume = true;
    return true;
  case fault_kind::mute:
    which.muted.insert(what.event);
    return true;
  case fault_kind::budget:
  case fault_kind::rate_limit:
  case fault_kind::unknown_event:
  case fault_kind::drain_node:
  case fault_kind::join:
  case fault_kind::leave:
    break;
  }
  return false;
}

fault_result gateway::join(moment now) {
  auto& g = world_.join(world_time(now));
  source_.guilds_changed();
  auto id = truth_.happened("GUILD_CREATE", g.id, 0);
  fault_result result{.hit = 1, .guild = g.id};
  each_session_of(g.id, [&](session& which) {
    if (!which.ready)
      return;
    which.guilds[g.index] = guild_view::attached;
    if ((which.as().intents & guilds_intent) != 0) {
      payload created{.name = "GUILD_CREATE", .d = {}};
      put_guild_create(
          created.d, {world_, g},
          {.intents = which.as().intents, .large_threshold = which.as().large_threshold, .joined = true});
      auto s = which.dispatch(std::make_shared<const payload>(std::move(created)), true);
      truth_.carried(which.number(), s, id);
      ++copies_;
    }
    truth_.guild_shown(which.number(), g.id, id);
  });
  return result;
}

fault_result gateway::leave(const fault& what, moment now) {
  auto* g = world_.find(what.guild);
  if (!g)
    return {.error = "\"guild\" must be the id of a guild that the bot is in"};
  // Who still waits for the guild hears of its end all the same.
  each_session_of(g->id, [g](session& which) {
    if (auto view = which.guilds.find(g->index); view != which.guilds.end())
      view->second = guild_view::attached;
  });
  payload left{.name = "GUILD_DELETE", .d = R"({"id":)"};
  put_id(left.d, g->id);
  put(left.d, "}");
  happen({.kind = event_kind::guild_delete,
          .guild = g->id,
          .guild_index = g->index,
          .content = std::make_shared<const payload>(std::move(left))},
         now);
  each_session_of(g->id, [g](session& which) { which.guilds.erase(g->index); });
  world_.leave(*g);
  source_.guilds_changed();
  return {.hit = 1};
}

fault_result gateway::unknown_event(const fault& what, moment now) {
  auto* g = what.guild == 0 ? nullptr : world_.find(what.guild);
  if (what.guild != 0 && !g)
    return {.error = "\"guild\" must be the id of a guild that the bot is in, or absent"};
  payload novel{.name = "GUILD_LANTERN_UPDATE",
                .d = R"({"lit":true,"nested":{"guild_id":"1","s":9,"op":7},"id":)"};
  put_id(novel.d, world_.fresh_id(world_time(now)));
  if (g) {
    put(novel.d, R"(,"guild_id":)");
    put_id(novel.d, g->id);
  }
  put(novel.d, "}");
  occurrence happened{.guild = g ? g->id : 0,
                      .guild_index = g ? g->index : 0,
                      .content = std::make_shared<const payload>(std::move(novel))};
  happened.id = truth_.happened(happened.content->name, happened.guild, 0, happened.content->d);
  fault_result result;
  for (auto* which : targets(what)) {
    auto& as = which->as();
    if ((happened.guild >> 22) % as.shard_count == as.shard_id)
      result.hit += deliver(*which, happened, now) ? 1 : 0;
  }
  return result;
}

} // namespace shardyard::sim
