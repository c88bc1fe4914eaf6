#include "actors/partition/partition_group_actor.hpp"

#include "actors/coordinator/bot_identity.hpp"
#include "actors/partition/partition_group_state.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <compare>
#include <filesystem>

#include <time.h>

namespace shardyard {
namespace {

using std::chrono::milliseconds;

constexpr auto restart_delay = milliseconds(300); ///< before a shard is asked to begin its stream anew
constexpr auto lease_retry = milliseconds(50);    ///< while this node may not deliver

std::int64_t boot_time_ns() {
  timespec at{};
  ::clock_gettime(CLOCK_BOOTTIME, &at);
  return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

} // namespace

/// The stream, if it is the newest of this shard; an answer to an older one is worthless.
partition_group_state::inbound* partition_group_state::current(const shard_key& shard, std::uint64_t term,
                                                               std::uint64_t number) {
  auto& x = streams[shard];
  auto order = std::pair{term, number} <=> std::pair{x.term, x.number};
  if (order < 0)
    return nullptr;
  if (order > 0)
    x = inbound{.term = term, .number = number};
  if (!x.shard)
    x.shard = caf::actor_cast<stream_source_actor>(self->current_sender());
  return &x;
}

/// The newest stream of a shard that is there to be told something.
partition_group_state::inbound* partition_group_state::reachable(const shard_key& shard) {
  auto found = streams.find(shard);
  return found != streams.end() && found->second.shard ? &found->second : nullptr;
}

template <class Take>
void partition_group_state::take(const shard_key& shard, std::uint64_t term, std::uint64_t stream, Take f) {
  auto* in = releases.empty() ? current(shard, term, stream) : nullptr;
  if (!in)
    return;
  auto at = self->clock().now();
  if (!f(at.time_since_epoch()) && !in->restart_asked) {
    in->restart_asked = true;
    compat::send_after(self, restart_delay, in->shard, stream_answer{setup.place.id, stream, 0, true});
  }
  carry_out(at);
}

/// What the rules have decided becomes true: first the log, then the sinks and the answers to the shards.
void partition_group_state::carry_out(clock::time_point at) {
  gather_log();
  if (auto batch = group->take_deliveries(); !batch.empty())
    window.add(std::move(batch), before_delivery);
  for (auto& answer : group->drain_answers())
    if (auto* to = reachable(answer.shard))
      drains.push_back({to->shard, std::move(answer), log.newest()});
  forward_commands();
  hand_to_sinks();
  answer_shards(); // one acknowledgement at a time
  if (a_credit_is_used_up() || acknowledges_in_passing(at))
    acknowledge(at);
  log.go_on(!releases.empty());
  answer_shards();
  go_on_releasing();
  arm(at);
}

/// Records of what the rules have decided: no delivery that follows goes out before them.
void partition_group_state::gather_log() {
  if (auto records = group->take_log(); !records.empty()) {
    log.add(records);
    before_delivery = log.newest();
  }
}

/// What does not arrive is asked again by the desk.
void partition_group_state::forward_commands() {
  for (auto& x : group->take_forwards())
    if (auto* to = reachable(x.shard))
      compat::send(self, to->shard, std::move(x.command));
  for (auto& x : group->take_notes())
    spdlog::info("{}", x);
}

void partition_group_state::hand_to_sinks() {
  while (window.open(log.safe()) && may_deliver()) {
    auto next = window.give();
    sink_batch batch{next.number, std::move(next.blocks)};
    for (auto& sink : sinks)
      compat::request_local(self, sink.actor, batch)
          .then([this, &sink](const delivery_accepted& x) { accepted(sink, x); },
                [](caf::error& error) { spdlog::error("a sink ended: {}", caf::to_string(error)); });
    if (feeds.idle())
      feeds.missed(batch.number);
    else
      feeds.give(std::move(batch), window.taken());
    if (sinks.empty() && feeds.empty())
      take_note();
  }
}

void partition_group_state::accepted(group_sink& by, const delivery_accepted& x) {
  by.accepted = x.number;
  by.ahead.emplace_back(x.number, x.position);
  progressed();
}

/// Whether sinks and feeds have come further, all of them.
bool partition_group_state::take_note() {
  auto all = feeds.accepted(window.given());
  for (auto& sink : sinks)
    all = std::min(all, sink.accepted);
  if (!window.took(all))
    return false;
  for (auto& sink : sinks)
    for (; !sink.ahead.empty() && sink.ahead.front().first <= all; sink.ahead.pop_front())
      sink.position = sink.ahead.front().second;
  group->delivered(all);
  return true;
}

void partition_group_state::progressed() {
  if (!take_note())
    return;
  ++unacknowledged; // what it brought can be acknowledged now
  carry_out();
}

/// The answer goes out before what is kept.
caf::result<feed_opened> partition_group_state::open_feed(const feed_request& x,
                                                          const caf::strong_actor_ptr& sink) {
  auto why = !sink               ? "a feed needs a sink"
             : !releases.empty() ? "the group is being released"
             : feeds.outdated(x) ? "a later life of this endpoint is fed already"
                                 : nullptr;
  if (why)
    return caf::make_error(caf::sec::runtime_error, why);
  auto promise = self->make_response_promise<feed_opened>();
  promise.deliver(feed_opened{setup.place.id, setup.place.epoch, feeds.whole(x.through)});
  durable = true;
  feeds.open(x, caf::actor_cast<sink_actor>(sink), window.taken(), window.given());
  progressed();
  return promise;
}

void partition_group_state::follow(const assignment& x) {
  if (plan != x.plan)
    next_news = std::min(next_news, self->clock().now());
  plan = x.plan;
  group->set_self(read_bot_identity(x.identity).id);
  group->retire_all_but(x.active_topology, x.other_topology, now());
}

// -- moves, leases

bool partition_group_state::may_deliver() const {
  return !setup.deliver_until || boot_time_ns() < setup.deliver_until->load(std::memory_order_relaxed);
}

caf::result<std::string> partition_group_state::release() {
  auto promise = self->make_response_promise<std::string>();
  releases.push_back(promise);
  acknowledge(self->clock().now());
  carry_out();
  return promise;
}

void partition_group_state::go_on_releasing() {
  if (releases.empty() || window.undelivered() > 0 || !log.idle())
    return;
  auto state = group->snapshot();
  if (!state)
    return;
  for (auto& promise : std::exchange(releases, {}))
    promise.deliver(*state);
  setup.deliver_until = std::make_shared<std::atomic<std::int64_t>>(0); // nothing follows the final state
}

void partition_group_state::arm(clock::time_point at) {
  auto due = std::min(next_news, clock::time_point{group->next_tick(at.time_since_epoch())});
  if (unacknowledged > 0 || !window.all_taken())
    due = std::min(due, ack_at_latest());
  if (window.any_waits() && !may_deliver())
    due = std::min(due, at + lease_retry);
  due = std::max(std::min(due, log.due()), at);
  if (armed && *armed <= due)
    return;
  armed = due;
  compat::send_after(self, due - at, self, tick{});
}

void partition_group_state::on_tick() {
  auto at = self->clock().now();
  if (armed && at < *armed)
    return; // replaced by an earlier one that has been, and another is on its way
  armed.reset();
  if (clock::time_point{group->next_tick(at.time_since_epoch())} <= at)
    group->tick(at.time_since_epoch());
  if (at >= ack_at_latest())
    acknowledge(at);
  if (at >= next_news)
    tell_node();
  feeds.tick(window.taken());
  carry_out(at);
}

local_partition_group_actor::behavior_type partition_group_state::make_behavior() {
  follow(setup.first);
  // The node is the only one that could stop this actor in order.
  watch.add(self, setup.listener, [this](const caf::error& reason) { self->quit(reason); });
  for (auto& sink : sinks)
    if (sink.ends_with_group)
      self->link_to(sink.actor);
  if (!again.empty())
    for (auto& sink : sinks)
      if (sink.path.empty())
        compat::request_local(self, sink.actor, sink_batch{0, again})
            .then([](const delivery_accepted&) {},
                  [](caf::error& error) { spdlog::error("a sink ended: {}", caf::to_string(error)); });
  again.clear();
  carry_out();
  return {
      [this](const stream_block& x) {
        if (x.block)
          take(x.block->from.shard, x.term, x.stream, [&](monotonic at) {
            unacknowledged += x.block->entries.size();
            unacknowledged_bytes += x.block->bytes ? x.block->bytes->size() : 0;
            return group->on_block(x.ordinal, x.block, at);
          });
      },
      [this](const stream_mark& x) {
        take(x.mark.from.shard, x.term, x.stream, [&](monotonic at) {
          ++unacknowledged;
          return group->on_mark(x.ordinal, by_our_clock(x), at);
        });
      },
      [this](const assignment& x) {
        follow(x);
        carry_out();
      },
      [this](const transfer& x) {
        if (x.accept)
          group->accept(x.plan, x.shard, !x.calls, now());
        else if (x.calls)
          group->only_calls_left(x.plan, x.shard);
        carry_out();
      },
      [this](const feed_request& x, const caf::strong_actor_ptr& sink) { return open_feed(x, sink); },
      [this](const guild_list_request& x) -> caf::result<guild_list> { return group->guilds(x); },
      [this](const snapshot_request& x) -> caf::result<snapshot_answer> { return group->describe(x); },
      [this](const bot_command& x) {
        if (!releases.empty())
          return; // the group's next life is told again
        group->command(x, now());
        carry_out();
      },
      [this](tick) { on_tick(); },
      [this](const release_group&) { return release(); },
      [this](const copy_keeper& x) {
        log.keep_copy_at(x);
        carry_out();
      },
  };
}

namespace {

partition_settings settings_of(const partition_group_setup& setup) {
  partition_settings settings;
  settings.node = setup.node;
  settings.group = setup.place.id;
  settings.first_epoch = std::max<std::uint64_t>(1, setup.place.epoch);
  settings.partitions = setup.place.partitions;
  settings.partition_count = setup.partition_count;
  settings.tuning = setup.tuning;
  settings.exceptions_after = setup.exceptions_after;
  settings.voice = setup.voice;
  settings.guilds_intent = setup.guilds_intent;
  settings.cache = setup.cache;
  settings.most_described = setup.most_described;
  return settings;
}

} // namespace

std::string position_log_name(const group_place& x) {
  return "positions-" + std::to_string(x.id) + "-" + std::to_string(x.epoch) + ".log";
}

local_partition_group_actor spawn_partition_group(caf::actor_system& system, partition_group_setup setup) {
  std::filesystem::create_directories(setup.state_dir);
  auto log = std::make_unique<position_log>(
      std::filesystem::path{setup.state_dir} / position_log_name(setup.place), setup.log_disk);
  auto recovered = log->take_recovered();
  auto sinks =
      setup.shared ? use_sinks(*setup.shared, setup, recovered) : open_sinks(system, setup, recovered);
  recovered.settle();
  if (!log->compact(recovered.encode()))
    throw std::runtime_error("position log: " + log->error());
  auto now = monotonic{system.clock().now().time_since_epoch()};
  auto group = std::make_unique<partition_group>(settings_of(setup), std::move(recovered), now);
  auto writer = spawn_log_writer(system, std::move(log), setup.log_thread);
  return system.spawn<local_partition_group_actor::stateful_impl<partition_group_state>>(
      std::move(setup), std::move(sinks), std::move(writer), std::move(group));
}

} // namespace shardyard
