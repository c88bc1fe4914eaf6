#include "actors/bot_session/endpoint_core.hpp"

#include "actors/compat.hpp"
#include "actors/shard/link_news.hpp"

#include <algorithm>

namespace shardyard {
namespace {

using std::chrono::milliseconds;

std::string url_of(const net::bot_door_settings& door, std::uint16_t port) {
  auto host = door.host.find(':') != door.host.npos ? '[' + door.host + ']' : door.host;
  return (door.certificate_file.empty() ? "ws://" : "wss://") + host + ':' + std::to_string(port);
}

} // namespace

endpoint_core::endpoint_core(bot_endpoint_setup setup) : setup_(std::move(setup)) {
  setup_.sessions.shards = setup_.shards.value_or(1);
}

void endpoint_core::open() {
  door_ = std::make_unique<net::bot_door>(setup_.io->io, setup_.door, shared_from_this());
  if (setup_.sessions.resume_url.empty())
    setup_.sessions.resume_url = url_of(setup_.door, door_->port());
  switch_ = std::make_unique<bot_switch>(setup_.sessions, *this);
  switch_->set_clock([] { return std::chrono::steady_clock::now(); });
}

void endpoint_core::serve(bot_endpoint_actor to) {
  door_->post([me = shared_from_this(), to = std::move(to)] {
    me->actor_ = to;
    for (auto& x : std::exchange(me->early_, {}))
      compat::anon_send(to, std::move(x));
  });
}

void endpoint_core::close() {
  if (door_)
    door_->end(); // work that is under way still finds it
  door_.reset();
  actor_ = nullptr;
}

void endpoint_core::run(work x) {
  door_->post([me = shared_from_this(), x = std::move(x)] {
    x(*me->switch_, std::chrono::steady_clock::now());
    me->arm();
  });
}

void endpoint_core::recommend(std::uint32_t shards) {
  if (setup_.shards || shards == 0)
    return;
  run([shards](bot_switch& x, bot_switch::time) { x.set_recommended_shards(shards); });
}

void endpoint_core::report() {
  run([me = shared_from_this()](bot_switch& x, bot_switch::time) {
    if (!me->actor_)
      return;
    auto figures = x.figures();
    endpoint_report result;
    result.url = me->url();
    result.connections = figures.connections;
    result.identifies = figures.identifies;
    result.resumes = figures.resumes;
    result.invalid = figures.invalid;
    result.holes = figures.holes;
    result.passed_on = me->door_->figures().passed_on;
    result.ring_events = figures.ring_events;
    result.ring_bytes = figures.ring_bytes;
    for (auto& row : figures.sessions)
      result.sessions.push_back({row.bot, row.shard.id, row.shard.count, row.connected, row.guilds, row.s,
                                 row.behind, row.resumes});
    compat::anon_send(me->actor_, std::move(result));
  });
}

std::shared_ptr<net::bot_events> endpoint_core::on_connected(std::shared_ptr<net::bot_link> link,
                                                             const net::bot_query& query) {
  auto listener = switch_->connected(std::move(link), query, std::chrono::steady_clock::now());
  arm();
  return listener;
}

void endpoint_core::wish(endpoint_wish x) {
  if (actor_)
    compat::anon_send(actor_, std::move(x));
  else
    early_.push_back(std::move(x));
}

void endpoint_core::list_guilds(std::uint32_t asker, const guild_filter& which) {
  wish({guild_list_wish{asker, which}});
}

void endpoint_core::fetch_guilds(std::uint32_t asker, const snapshot_request& wanted) {
  wish({guild_fetch_wish{asker, wanted}});
}

void endpoint_core::command(const bot_command& x) {
  wish({x});
}

void endpoint_core::presence(const bot_presence& x) {
  wish({x});
}

/// One timer at a time matters; replaced ones find nothing due.
void endpoint_core::arm() {
  auto due = switch_->next_tick();
  if (armed_ && *armed_ <= due)
    return;
  armed_ = due;
  auto now = std::chrono::steady_clock::now();
  auto wait = std::max(milliseconds(0), std::chrono::ceil<milliseconds>(std::min(
                                            due - now, bot_switch::time::duration(std::chrono::hours(1)))));
  door_->post_after(wait, [weak = weak_from_this(), due] {
    auto me = weak.lock();
    if (!me || !me->door_ || me->armed_ != due)
      return;
    me->armed_.reset();
    me->switch_->tick(std::chrono::steady_clock::now());
    me->arm();
  });
}

} // namespace shardyard
