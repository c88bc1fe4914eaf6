#include "actors/bot_session/bot_endpoint_actor.hpp"

#include "actors/bot_session/credential_watch_actor.hpp"
#include "actors/bot_session/endpoint_core.hpp"
#include "actors/bot_session/guild_listings.hpp"
#include "actors/compat.hpp"
#include "actors/coordinator/bot_identity.hpp"

#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <set>

namespace shardyard {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using clock = std::chrono::steady_clock;

constexpr auto beat = milliseconds(250);
constexpr auto report_every = seconds(1);
constexpr auto group_timeout = seconds(3);
constexpr auto feed_retry = milliseconds(250);
constexpr auto command_patience = seconds(10); ///< for a group that is not reachable
constexpr std::size_t most_commands = 4096;

constexpr std::uint8_t request_sounds = 31; ///< op (Gateway Events, "Request Soundboard Sounds")

std::vector<snowflake> guilds_named(std::string_view d) {
  std::vector<snowflake> result;
  boost::json::error_code error;
  auto value = boost::json::parse(boost::json::string_view{d.data(), d.size()}, error);
  auto* ids = !error && value.is_object() ? value.get_object().if_contains("guild_ids") : nullptr;
  if (ids && ids->is_array())
    for (auto& id : ids->get_array())
      if (auto* text = id.if_string())
        std::from_chars(text->data(), text->data() + text->size(), result.emplace_back());
  return result;
}

struct bot_endpoint_state {
  static inline const char* name = "shardyard.bot_endpoint";

  /// Deliveries of one group.
  struct feed {
    partition_group_actor group; ///< null: not reachable
    caf::actor_addr life;        ///< of which `through` tells
    std::uint64_t through = 0;
    bool asking = false;
    bool open = false;
    clock::time_point next_ask{};
  };
  struct waiting_command {
    bot_command command;
    clock::time_point give_up;
  };

  bot_endpoint_state(bot_endpoint_actor::pointer self, bot_endpoint_setup setup,
                     std::shared_ptr<switch_host> core)
      : self(self), setup(std::move(setup)), core(std::move(core)) {}
  ~bot_endpoint_state() { core->close(); }

  bot_endpoint_actor::behavior_type make_behavior();
  void follow(const endpoint_routes& x);
  void resend_commands(const std::set<std::uint32_t>& groups);
  void open_feeds();
  void open(std::uint32_t id, feed& x);
  void opened(std::uint32_t id, const partition_group_actor& group, const feed_opened& answer);
  delivery_accepted take(sink_batch& x);
  const route_table::group* group_of(snowflake guild) const;
  void list(const guild_list_wish& x);
  std::vector<guild_listings::group> groups_now() const;
  void ask_lists();
  void finish_lists();
  void fetch(const guild_fetch_wish& x);
  void fetch_from(const partition_group_actor& group, std::uint32_t asker, snapshot_request part);
  void give(std::uint32_t asker, std::vector<guild_snapshot> rows, std::string bytes);
  void give_unavailable(std::uint32_t asker, const std::vector<snowflake>& guilds);
  void command(const bot_command& x);
  void send_waiting_commands();
  void presence(const bot_presence& x);
  void revoke(const credentials_gone& x);
  void on_tick();

  bot_endpoint_actor::pointer self;
  bot_endpoint_setup setup;
  std::shared_ptr<switch_host> core;
  endpoint_routes routes;
  std::map<std::uint32_t, feed> feeds; ///< by group
  std::vector<bool> covered;           ///< partitions that a feed was open for
  guild_listings lists;
  std::deque<waiting_command> waiting;
  std::map<std::pair<std::string, guild_filter>, bot_presence> presences;
  std::map<std::string, node_actor> told; ///< nodes that have all presences
  compat::down_watch watch;
  clock::time_point next_report{};
};

// -- feeds

void bot_endpoint_state::follow(const endpoint_routes& x) {
  if (x.identity != routes.identity && !x.identity.empty()) {
    auto who = read_bot_identity(x.identity);
    core->run([who](bot_switch& bots, bot_switch::time now) {
      bots.set_identity(who.user, who.application, who.id, now);
    });
  }
  core->recommend(x.shards);
  routes = x;
  covered.resize(std::max(covered.size(), routes.table->group_of.size()));
  std::map<std::uint32_t, feed> next;
  std::set<std::uint32_t> moved;
  for (auto& group : routes.table->groups) {
    auto& fresh = next[group.id];
    if (auto known = feeds.find(group.id); known != feeds.end())
      fresh = known->second;
    if (fresh.group == group.handle)
      continue;
    auto life = group.handle ? caf::actor_cast<caf::actor_addr>(group.handle) : caf::actor_addr{};
    if (group.handle && fresh.life != life) {
      if (fresh.life)
        moved.insert(group.id);
      fresh.life = life;
      fresh.through = 0;
    }
    fresh.group = group.handle;
    fresh.asking = fresh.open = false;
    fresh.next_ask = {};
  }
  feeds = std::move(next);
  open_feeds();
  if (!moved.empty())
    resend_commands(moved);
  for (auto& [node, handle] : routes.nodes)
    if (handle && told[node] != handle) {
      for (auto& [_, presence] : presences)
        compat::send(self, handle, presence);
      told[node] = handle;
    }
  send_waiting_commands();
}

/// What an earlier life of a group had been asked is nowhere now.
void bot_endpoint_state::resend_commands(const std::set<std::uint32_t>& groups) {
  core->run([table = routes.table, groups](bot_switch& bots, bot_switch::time) {
    bots.resend_commands([&](snowflake guild) {
      auto partition = partition_of(guild, static_cast<std::uint32_t>(table->group_of.size()));
      return groups.contains(table->groups[table->group_of[partition]].id);
    });
  });
}

void bot_endpoint_state::open_feeds() {
  auto now = self->clock().now();
  for (auto& [id, x] : feeds)
    if (x.group && !x.open && !x.asking && now >= x.next_ask)
      open(id, x);
}

void bot_endpoint_state::open(std::uint32_t id, feed& x) {
  x.asking = true;
  compat::request(self, x.group, group_timeout, feed_request{setup.node, setup.incarnation, x.through},
                  caf::actor_cast<caf::strong_actor_ptr>(self))
      .then([this, id, group = x.group](const feed_opened& answer) { opened(id, group, answer); },
            [this, id, group = x.group](caf::error& error) {
              auto found = feeds.find(id);
              if (found == feeds.end() || found->second.group != group)
                return;
              spdlog::debug("feed of group {}: {}", id, caf::to_string(error));
              found->second.asking = false;
              found->second.next_ask = self->clock().now() + feed_retry;
            });
}

void bot_endpoint_state::opened(std::uint32_t id, const partition_group_actor& group,
                                const feed_opened& answer) {
  auto found = feeds.find(id);
  if (found == feeds.end() || found->second.group != group)
    return;
  found->second.asking = false;
  found->second.open = true;
  spdlog::debug("group {} feeds the bots here{}", id, answer.whole ? "" : ", from now on");
  watch.add(self, group, [this, id, group](const caf::error&) {
    if (auto gone = feeds.find(id); gone != feeds.end() && gone->second.group == group)
      gone->second.open = false; // its next life, or a new link to it, comes with new routes
  });
  std::vector<bool> holes(covered.size());
  for (std::size_t partition = 0; partition < routes.table->group_of.size(); ++partition) {
    if (routes.table->groups[routes.table->group_of[partition]].id != id)
      continue;
    holes[partition] = covered[partition] && !answer.whole;
    covered[partition] = true;
  }
  if (std::ranges::find(holes, true) == holes.end())
    return;
  spdlog::error(
      "deliveries of group {} were lost on the way to the bots here: they are told that their sessions "
      "are invalid",
      id);
  core->run([holes](bot_switch& bots, bot_switch::time now) {
    bots.lost(
        [holes](snowflake guild) {
          return holes[partition_of(guild, static_cast<std::uint32_t>(holes.size()))];
        },
        now);
  });
}

/// Accepted as soon as it is on its way to the switch: both end with this process.
delivery_accepted bot_endpoint_state::take(sink_batch& x) {
  if (x.number != 0 && self->current_sender()) {
    auto from = caf::actor_cast<caf::actor_addr>(self->current_sender());
    for (auto& [id, one] : feeds)
      if (one.life == from)
        one.through = std::max(one.through, x.number);
  }
  core->run(
      [blocks = std::move(x.blocks)](bot_switch& bots, bot_switch::time now) { bots.deliver(blocks, now); });
  return {x.number, 0};
}

// -- guilds

const route_table::group* bot_endpoint_state::group_of(snowflake guild) const {
  if (!routes.table || routes.table->group_of.empty())
    return nullptr;
  auto partition = partition_of(guild, static_cast<std::uint32_t>(routes.table->group_of.size()));
  return &routes.table->groups[routes.table->group_of[partition]];
}

void bot_endpoint_state::list(const guild_list_wish& x) {
  lists.begin(x.asker, x.which, self->clock().now());
  ask_lists();
}

std::vector<guild_listings::group> bot_endpoint_state::groups_now() const {
  std::vector<guild_listings::group> result;
  if (routes.table)
    for (auto& group : routes.table->groups)
      result.push_back({group.id, group.handle != nullptr});
  return result;
}

void bot_endpoint_state::ask_lists() {
  for (auto& x : lists.take_questions(groups_now(), self->clock().now())) {
    auto& group = *std::ranges::find(routes.table->groups, x.group, &route_table::group::id);
    compat::request(self, group.handle, group_timeout, guild_list_request{x.which})
        .then(
            [this, asker = x.asker, id = x.group](const guild_list& answer) {
              if (lists.answered(asker, id, answer, self->clock().now()))
                finish_lists();
            },
            [this, asker = x.asker, id = x.group](caf::error&) { lists.failed(asker, id); });
  }
}

void bot_endpoint_state::finish_lists() {
  for (auto& x : lists.take_listed(groups_now(), self->clock().now())) {
    if (!x.whole)
      spdlog::warn("a bot is told of {} guilds; some partitions did not answer", x.guilds.size());
    core->run([asker = x.asker, guilds = std::move(x.guilds)](bot_switch& bots, bot_switch::time at) {
      bots.guilds_listed(asker, guilds, at);
    });
  }
}

void bot_endpoint_state::fetch(const guild_fetch_wish& x) {
  std::map<std::uint32_t, snapshot_request> parts;
  std::vector<snowflake> nowhere;
  for (auto guild : x.wanted.guilds) {
    auto* group = group_of(guild);
    if (!group || !group->handle) {
      nowhere.push_back(guild);
      continue;
    }
    auto& part = parts[group->id];
    part.guilds.push_back(guild);
  }
  for (auto& [id, part] : parts) {
    part.intents = x.wanted.intents;
    part.large_threshold = x.wanted.large_threshold;
    auto& group = group_of(part.guilds.front())->handle;
    fetch_from(group, x.asker, std::move(part));
  }
  if (!nowhere.empty())
    give_unavailable(x.asker, nowhere);
}

/// Until the group has answered for all of them.
void bot_endpoint_state::fetch_from(const partition_group_actor& group, std::uint32_t asker,
                                    snapshot_request part) {
  compat::request(self, group, group_timeout, part)
      .then(
          [this, group, asker, part](snapshot_answer& answer) mutable {
            auto& guilds = part.guilds;
            auto answered = std::min(answer.guilds.size(), guilds.size());
            guilds.erase(guilds.begin(), guilds.begin() + static_cast<std::ptrdiff_t>(answered));
            give(asker, std::move(answer.guilds), std::move(answer.bytes));
            if (answered == 0)
              give_unavailable(asker, guilds);
            else if (!guilds.empty())
              fetch_from(group, asker, std::move(part));
          },
          [this, asker, guilds = part.guilds](caf::error&) { give_unavailable(asker, guilds); });
}

void bot_endpoint_state::give(std::uint32_t asker, std::vector<guild_snapshot> rows, std::string bytes) {
  core->run([asker, rows = std::move(rows), bytes = std::move(bytes)](
                bot_switch& bots, bot_switch::time now) { bots.guilds_fetched(asker, rows, bytes, now); });
}

void bot_endpoint_state::give_unavailable(std::uint32_t asker, const std::vector<snowflake>& guilds) {
  std::vector<guild_snapshot> rows;
  for (auto guild : guilds)
    rows.push_back({.guild = guild});
  if (!rows.empty())
    give(asker, std::move(rows), {});
}

// -- commands

/// Op 31 may name guilds of several groups: each gets it whole and answers for its own.
void bot_endpoint_state::command(const bot_command& x) {
  auto guilds = x.op == request_sounds ? guilds_named(x.d) : std::vector{x.guild};
  std::set<std::uint32_t> told;
  for (auto guild : guilds) {
    auto* group = group_of(guild);
    if (group && !told.insert(group->id).second)
      continue;
    auto part = x;
    part.guild = guild;
    if (group && group->handle)
      compat::send(self, group->handle, std::move(part));
    else if (waiting.size() < most_commands)
      waiting.push_back({std::move(part), self->clock().now() + command_patience});
  }
}

void bot_endpoint_state::send_waiting_commands() {
  auto now = self->clock().now();
  for (auto rest = waiting.size(); rest > 0; --rest) {
    auto x = std::move(waiting.front());
    waiting.pop_front();
    auto* group = group_of(x.command.guild);
    if (group && group->handle)
      compat::send(self, group->handle, std::move(x.command));
    else if (now < x.give_up)
      waiting.push_back(std::move(x));
  }
}

/// Every node keeps the presences of all bots, since any may start a shard.
void bot_endpoint_state::presence(const bot_presence& x) {
  presences[{x.bot, x.which}] = x;
  for (auto& [node, handle] : routes.nodes)
    if (handle)
      compat::send(self, handle, x);
}

// -- time

void bot_endpoint_state::revoke(const credentials_gone& x) {
  for (auto& bot : x.bots) {
    spdlog::warn("the credential of bot {} is not valid any more: it is disconnected", bot);
    core->run([bot](bot_switch& bots, bot_switch::time now) { bots.revoke(bot, now); });
  }
}

void bot_endpoint_state::on_tick() {
  compat::send_after(self, beat, bot_endpoint_actor{self}, tick{});
  open_feeds();
  ask_lists();
  finish_lists();
  send_waiting_commands();
  if (auto now = self->clock().now(); now >= next_report) {
    next_report = now + report_every;
    core->report();
  }
}

bot_endpoint_actor::behavior_type bot_endpoint_state::make_behavior() {
  core->serve(bot_endpoint_actor{self});
  if (setup.revoked)
    spawn_credential_watch(self->system(), bot_endpoint_actor{self}, setup.revoked, setup.credential_thread);
  compat::send(self, bot_endpoint_actor{self}, tick{});
  return {
      [this](sink_batch& x) { return take(x); },
      [this](const endpoint_routes& x) { follow(x); },
      [this](const endpoint_wish& x) {
        struct visitor {
          bot_endpoint_state& me;
          void operator()(const guild_list_wish& x) { me.list(x); }
          void operator()(const guild_fetch_wish& x) { me.fetch(x); }
          void operator()(const bot_command& x) { me.command(x); }
          void operator()(const bot_presence& x) { me.presence(x); }
        };
        std::visit(visitor{*this}, x.what);
      },
      [this](const endpoint_report& x) {
        if (routes.node)
          compat::send(self, routes.node, x);
      },
      [this](const credentials_gone& x) { revoke(x); },
      [this](tick) { on_tick(); },
  };
}

} // namespace

bot_endpoint spawn_bot_endpoint(caf::actor_system& system, bot_endpoint_setup setup) {
  auto core = std::make_shared<endpoint_core>(setup);
  core->open();
  bot_endpoint result;
  result.port = core->port();
  result.url = core->url();
  result.actor = spawn_bot_endpoint(system, std::move(setup), core);
  return result;
}

bot_endpoint_actor spawn_bot_endpoint(caf::actor_system& system, bot_endpoint_setup setup,
                                      std::shared_ptr<switch_host> host) {
  return system.spawn<bot_endpoint_actor::stateful_impl<bot_endpoint_state>>(std::move(setup),
                                                                             std::move(host));
}

} // namespace shardyard
