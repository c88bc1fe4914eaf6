// What sessions get: READY, the guilds one by one, and a copy of each event that their shard and intents
// admit.
#include "sim/gateway.hpp"
#include "sim/text.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace shardyard::sim {
namespace {

constexpr std::size_t stream_pause_bytes = 8u << 20; // GUILD_CREATEs wait while so much is unwritten

} // namespace

std::size_t gateway::replay_limit(std::size_t guild_count) const {
  if (settings_.replay_limit != 0)
    return settings_.replay_limit;
  return std::clamp<std::size_t>(guild_count * 75, 100, 3500);
}

void gateway::greet(session& which, moment now) {
  auto& as = which.as();
  auto& bot = world_.bot();
  which.ready = true;
  which.pending = world_.guilds_of(as.shard_id, as.shard_count);
  payload ready{.name = "READY", .d = {}};
  auto& d = ready.d;
  put(d,
      R"({"v":10,"user_settings":{},"user":{"verified":true,"username":"Lantern","primary_guild":null,"mfa_enabled":true,"id":)");
  put_id(d, bot.id);
  put(d,
      R"(,"global_name":null,"flags":0,"email":null,"discriminator":"4417","clan":null,"bot":true,"avatar":null},)"
      R"("session_type":"normal","session_id":")");
  put(d, which.id());
  put(d, R"(","resume_gateway_url":")");
  put(d, resume_url_);
  put(d, R"(","relationships":[],"private_channels":[],"presences":[],"guilds":[)");
  for (auto index : which.pending) {
    put(d, d.back() == '[' ? R"({"unavailable":true,"id":)" : R"(,{"unavailable":true,"id":)");
    put_id(d, world_.guilds()[index].id);
    put(d, "}");
  }
  put(d,
      R"(],"guild_join_requests":[],"geo_ordered_rtc_regions":["rotterdam"],"game_relationships":[],"auth":{},"application":{"id":)");
  put_id(d, bot.id);
  put(d, R"(,"flags":11051008})");
  if (as.sharded) {
    put(d, R"(,"shard":[)");
    put_number(d, as.shard_id);
    put(d, ",");
    put_number(d, as.shard_count);
    put(d, "]");
  }
  put(d, R"(,"_trace":["[\"gateway-sim\",{\"micros\":41203,\"calls\":[]}]"]})");
  which.dispatch(std::make_shared<const payload>(std::move(ready)), false);
  truth_.session_ready(which.number(), which.id(), as.shard_id, as.shard_count);
  if ((as.intents & guilds_intent) == 0) {
    for (auto index : which.pending) {
      which.guilds[index] = guild_view::attached;
      truth_.guild_shown(which.number(), world_.guilds()[index].id, truth_.newest());
    }
    which.pending.clear();
    return;
  }
  for (auto index : which.pending)
    which.guilds[index] = guild_view::pending;
  if (!which.presence.empty())
    show_presence(which, boost::json::parse(which.presence).get_object(), now);
  shuffle(which.pending, delays_);
  stream_guilds(which, now);
}

void gateway::stream_guilds(session& which, moment now) {
  auto most = std::max(1.0, static_cast<double>(settings_.guild_create_rate) / 4);
  which.create_credit =
      std::min(most, which.create_credit +
                         settings_.guild_create_rate * std::chrono::duration<double>(settings_.tick).count());
  while (!which.pending.empty()) {
    if (settings_.guild_create_rate != 0) {
      if (which.create_credit < 1 ||
          (which.connection && which.connection->queued_bytes() > stream_pause_bytes))
        return;
      which.create_credit -= 1;
    }
    auto index = which.pending.back();
    which.pending.pop_back();
    if (auto view = which.guilds.find(index);
        view != which.guilds.end() && view->second == guild_view::pending)
      show_guild(which, index, now);
  }
}

// The snapshot takes its place among the guild's copies: after what was queued before it, before what comes
// later.
void gateway::show_guild(session& which, std::uint32_t index, moment now, std::size_t padding) {
  auto& g = world_.guilds()[index];
  payload created{.name = "GUILD_CREATE", .d = {}};
  put_guild_create(
      created.d, {world_, g},
      {.intents = which.as().intents, .large_threshold = which.as().large_threshold, .padding = padding});
  which.guilds[index] = guild_view::attached;
  which.queue(
      g.id, unix_ms(now),
      {copy_kind::snapshot, index, truth_.newest(), std::make_shared<const payload>(std::move(created))});
  release(which, now);
}

void gateway::lose_guild(session& which, std::uint32_t index, moment now) {
  auto& g = world_.guilds()[index];
  payload lost{.name = "GUILD_DELETE", .d = R"({"unavailable":true,"id":)"};
  put_id(lost.d, g.id);
  put(lost.d, "}");
  which.guilds[index] = guild_view::outage;
  which.queue(g.id, unix_ms(now),
              {copy_kind::outage, index, truth_.newest(), std::make_shared<const payload>(std::move(lost))});
}

void gateway::release(session& which, moment now) {
  which.line.release(unix_ms(now), [&](copy& item) {
    auto in_guild = item.guild_index != no_guild;
    auto s = which.dispatch(std::move(item.content), in_guild);
    auto guild = in_guild ? world_.guilds()[item.guild_index].id : 0;
    switch (item.kind) {
    case copy_kind::event:
      ++copies_;
      return truth_.carried(which.number(), s, item.occurrence);
    case copy_kind::reply:
      return;
    case copy_kind::snapshot:
      return truth_.guild_shown(which.number(), guild, item.occurrence);
    case copy_kind::outage:
      return truth_.guild_lost(which.number(), guild, item.occurrence);
    }
  });
}

void gateway::happen(occurrence what, moment now) {
  what.id = truth_.happened(what.content->name, what.guild, what.channel, what.content->d);
  if (what.interaction.id != 0)
    interactions_.happened(what.interaction, what.guild, now);
  // Without guild only shard 0 is served, for which the formula gives the right answer: 0 mod count.
  each_session_of(what.guild, [&](session& which) { deliver(which, what, now); });
  if (duplicates_ > 0) {
    --duplicates_;
    happen(what, now);
  }
}

bool gateway::deliver(session& which, const occurrence& what, moment now) {
  if (!which.ready || !admits(which.as().intents, what.kind, what.guild != 0) ||
      which.muted.contains(what.kind))
    return false;
  if (what.guild != 0) {
    auto view = which.guilds.find(what.guild_index);
    if (view == which.guilds.end() || view->second != guild_view::attached)
      return false;
  }
  auto dropped =
      std::ranges::find_if(which.drops, [&](snowflake guild) { return guild == 0 || guild == what.guild; });
  if (dropped != which.drops.end()) {
    which.drops.erase(dropped);
    return false;
  }
  auto delay = delays_.between(settings_.copy_delay_min.count(), settings_.copy_delay_max.count());
  auto order_key = what.guild != 0 ? what.guild : what.channel;
  which.queue(order_key, unix_ms(now) + delay,
              {copy_kind::event, what.guild != 0 ? what.guild_index : no_guild, what.id, what.content});
  if (which.duplicates > 0) {
    // Discord repeats itself to this session alone: an occurrence that nobody else carries.
    --which.duplicates;
    auto again = what;
    again.id = truth_.happened(what.content->name, what.guild, what.channel, what.content->d);
    deliver(which, again, now);
  }
  return true;
}

void gateway::end(session& which, std::string_view reason, moment now) {
  if (which.ready)
    truth_.session_ended(which.number(), reason);
  if (auto who = clients_.find(which.client); who != clients_.end() && who->second.current == &which)
    who->second.current = nullptr;
  std::erase(layouts_[which.as().shard_count][which.as().shard_id], &which);
  by_id_.erase(which.id());
  auto ended = std::move(sessions_.at(which.number()));
  sessions_.erase(which.number());
  leave_voice(*ended, now);
}

} // namespace shardyard::sim
