#include "actors/node/node_state.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace shardyard {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr auto mixes_interval = seconds(2); ///< each shard has something to say every ten

} // namespace

/// The newest of what this node kept and what the coordinator knows.
std::optional<session_checkpoint> node_state::session_for(const start& x) {
  auto node = saved_sessions.extract(x.shard);
  if (node.empty())
    return x.session;
  auto& mine = node.mapped();
  auto newer = [](const session_checkpoint& a, const session_checkpoint& b) {
    return std::pair{a.term, a.cursor} > std::pair{b.term, b.cursor};
  };
  return x.session && newer(*x.session, mine) ? x.session : std::optional{std::move(mine)};
}

void node_state::run(const start& x) {
  if (outdated(x.cluster_epoch, "start") || shards.contains(x.shard) || known.groups.empty())
    return;
  shard_setup shard{.shard = x.shard,
                    .plan = x.plan,
                    .cluster_epoch = x.cluster_epoch,
                    .term = x.term,
                    .purpose = x.plan == 0 ? session::purpose::start : session::purpose::reshard,
                    .session = session_for(x),
                    .door = setup.door,
                    .routes = {routes},
                    .presence = presences.shown(x.shard),
                    .listener = self};
  spdlog::info("shard {} starts{}", to_string(x.shard), shard.session ? ", resuming its session" : "");
  auto& entry = shards[x.shard];
  entry.actor = spawn_shard(self->system(), std::move(shard));
  entry.status.shard = x.shard;
  watch.add(self, entry.actor, [this, key = x.shard](const caf::error& reason) {
    if (auto gone = shards.find(key); gone != shards.end()) {
      spdlog::error("shard {} ended: {}; the coordinator will start it again", to_string(key),
                    caf::to_string(reason));
      shards.erase(gone);
      send_report();
    }
  });
}

void node_state::note(const shard_news& news) {
  auto& key = news.status.shard;
  if (news.session_gone) {
    checkpoints->forget(key);
    auto row = sessions.find(key);
    unsent.gone.push_back({key, row ? row->term : 0, 0, 0});
  } else if (news.session) {
    checkpoints->put(*news.session);
    sessions.put(*news.session);
    unsent.rows.push_back(*news.session);
  } else if (auto row = sessions.find(key)) {
    checkpoints->advance(key, news.cursor, news.newest_ms);
    if (row->cursor != news.cursor)
      unsent.moves.push_back({key, row->term, news.cursor, news.newest_ms});
  }
  if (news.mix)
    mixes.shards.push_back(*news.mix);
  auto found = shards.find(key);
  if (found == shards.end())
    return;
  auto& old = found->second.status;
  report_due =
      report_due || news.gone || old.phase != news.status.phase || old.was_ready != news.status.was_ready;
  old = news.status;
  if (news.gone)
    shards.erase(found);
  if (news.released) {
    if (news.session)
      saved_sessions.insert_or_assign(key, *news.session);
    if (coordinator)
      compat::send(
          self, coordinator,
          shard_released{known.cluster_epoch, setup.card.name, key, news.session, news.closed_for_ms});
  }
}

void node_state::show(const bot_presence& x) {
  if (!presences.put(x))
    return;
  for (auto& [key, shard] : shards)
    if (share_guilds(x.which, key))
      compat::send(self, shard.actor, upstream_command{.bot = x.bot, .op = 3, .d = presences.shown(key)});
}

/// Where the sessions of this node can be RESUMEd from, to those who would do it.
void node_state::send_checkpoints() {
  if (unsent.rows.empty() && unsent.moves.empty() && unsent.gone.empty())
    return;
  unsent.node = setup.card.name;
  unsent.incarnation = setup.card.incarnation;
  unsent.cluster_epoch = known.cluster_epoch;
  sessions.note(unsent);
  if (coordinator)
    compat::send(self, coordinator, unsent);
  if (auto peer = peers.find(second_host); peer != peers.end() && peer->second.handle)
    compat::send(self, peer->second.handle, unsent);
  unsent = {};
}

void node_state::send_mixes() {
  auto now = self->clock().now();
  if (mixes.shards.empty() || now < next_mixes)
    return;
  next_mixes = now + mixes_interval;
  mixes.node = setup.card.name;
  mixes.cluster_epoch = known.cluster_epoch;
  if (coordinator)
    compat::send(self, coordinator, mixes);
  mixes.shards.clear();
}

checkpoint_report node_state::all_rows(const std::string& node, const session_rows& rows) const {
  checkpoint_report result;
  result.node = node;
  result.cluster_epoch = known.cluster_epoch;
  result.rows = rows.all();
  return result;
}

} // namespace shardyard
