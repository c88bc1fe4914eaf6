#include "actors/partition/partition_group_actor.hpp"

#include "actors/compat.hpp"
#include "actors/partition/commit_queue.hpp"
#include "actors/partition/group_sinks_actor.hpp"
#include "actors/partition/log_writer_actor.hpp"
#include "actors/partition/partition_group.hpp"
#include "actors/partition/report_rows.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>

namespace shardyard {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

constexpr std::size_t batches_in_flight =
    64; ///< per sink; beyond that batches wait here and the shards run out of credit
constexpr auto ack_interval = milliseconds(50);
constexpr std::uint64_t ack_events = 512;
constexpr auto news_interval = milliseconds(200);
constexpr auto compaction_rest = milliseconds(1000);
constexpr auto restart_delay = milliseconds(300); ///< before a shard is asked to begin its stream anew

std::size_t bytes_of(const sink_batch& batch) {
  std::size_t sum = 0;
  for (auto& block : batch.blocks)
    for (auto& entry : block.entries)
      sum += entry.d_size;
  return sum;
}

struct partition_group_state {
  static inline const char* name = "shardyard.partition_group";

  /// Not given to the sinks yet.
  struct waiting_batch {
    sink_batch batch;
    std::uint64_t needs = 0; ///< of the log, see commit_queue
  };
  /// To a shard, when the log has what it relies on.
  template <class Answer>
  struct waiting_answer {
    stream_source_actor shard;
    Answer answer;
    std::uint64_t needs = 0;
  };
  struct inbound {
    std::uint64_t number = 0; ///< of the stream
    bool restart_asked = false;
    stream_source_actor shard;
  };

  partition_group_state(partition_group_actor::pointer self, partition_group_setup setup, opened_sinks opened,
                        log_writer_actor log, std::unique_ptr<partition_group> group)
      : self(self),
        setup(std::move(setup)),
        sinks(std::move(opened.sinks)),
        again(std::move(opened.again)),
        log(std::move(log)),
        group(std::move(group)) {
    durable = !sinks.empty();
  }

  partition_group_actor::behavior_type make_behavior();
  inbound* current(const shard_key& shard, std::uint64_t number);
  template <class Take>
  void take(const shard_key& shard, std::uint64_t stream, Take f);
  void carry_out();
  void write_log();
  void written(const log_written& x);
  void compact();
  void answer_shards();
  void hand_to_sinks();
  void forget_taken();
  void accepted(group_sink& by, const delivery_accepted& x);
  void acknowledge();
  void tell_node();
  void on_tick();
  void arm();
  monotonic now() const { return self->clock().now().time_since_epoch(); }

  partition_group_actor::pointer self;
  partition_group_setup setup;
  std::vector<group_sink> sinks;
  std::vector<event_block> again; ///< for sinks that cannot tell whether they have it
  log_writer_actor log;
  commit_queue commits;
  std::unique_ptr<partition_group> group;
  std::map<shard_key, inbound> streams;
  std::deque<waiting_batch> waiting;
  std::deque<waiting_answer<drain_answer>> drains;
  std::vector<waiting_answer<stream_answer>>
      acks;                ///< of one acknowledge(); the next waits until they are out
  std::uint64_t given = 0; ///< newest batch given to the sinks
  std::deque<std::pair<std::uint64_t, std::size_t>>
      in_flight; ///< number and payload bytes of batches given and not taken
  std::size_t in_flight_bytes = 0;
  std::uint64_t taken = 0; ///< newest batch that all sinks have
  std::uint64_t unacknowledged = 0;
  bool durable = false; ///< some sink's reader counts on stable delivery numbers: positions are logged before
                        ///< acknowledgement
  std::uint64_t plan = 0;
  clock::time_point next_ack{};
  compat::down_watch watch;
  clock::time_point next_news{};
  clock::time_point next_compaction{};
  std::optional<clock::time_point> armed;
  std::string trouble;
};

/// The stream, if `number` is the newest of this shard; an answer to an older one is worthless.
partition_group_state::inbound* partition_group_state::current(const shard_key& shard, std::uint64_t number) {
  auto& x = streams[shard];
  if (number < x.number)
    return nullptr;
  if (number > x.number)
    x = inbound{.number = number};
  if (!x.shard)
    x.shard = caf::actor_cast<stream_source_actor>(self->current_sender());
  return &x;
}

template <class Take>
void partition_group_state::take(const shard_key& shard, std::uint64_t stream, Take f) {
  auto* in = current(shard, stream);
  if (!in)
    return;
  if (!f() && !in->restart_asked) {
    in->restart_asked = true;
    compat::send_after(self, restart_delay, in->shard, stream_answer{setup.node, stream, 0, true});
  }
  carry_out();
}

/// What the rules have decided becomes true: first the log, then the sinks and the answers to the shards.
void partition_group_state::carry_out() {
  commits.add(group->take_log());
  if (auto batch = group->take_deliveries(); !batch.empty())
    waiting.push_back({{batch.number, std::move(batch.blocks)}, commits.newest()});
  for (auto& answer : group->drain_answers())
    if (auto found = streams.find(answer.shard); found != streams.end() && found->second.shard) {
      answer.node = setup.node;
      drains.push_back({found->second.shard, std::move(answer), commits.newest()});
    }
  hand_to_sinks();
  if (unacknowledged >= ack_events)
    acknowledge();
  write_log();
  answer_shards();
  arm();
}

void partition_group_state::write_log() {
  if (auto work = commits.next(now()))
    compat::request_local(self, log, log_append{std::move(work->records), std::move(work->offsets)})
        .then([this](const log_written& x) { written(x); },
              [this](caf::error& error) { self->quit(std::move(error)); });
}

void partition_group_state::written(const log_written& x) {
  commits.written(x.ok, now());
  if (!x.ok && trouble != x.error)
    spdlog::critical("position log: {}; nothing is delivered until it can be written", x.error);
  trouble = x.error;
  carry_out();
  if (x.wants_compaction)
    compact();
}

void partition_group_state::compact() {
  if (!commits.idle() || self->clock().now() < next_compaction)
    return;
  auto state = group->snapshot();
  if (!state)
    return;
  commits.snapshot_begun();
  compat::request_local(self, log, log_snapshot{std::move(*state)})
      .then(
          [this](const log_written& x) {
            commits.snapshot_over();
            next_compaction = self->clock().now() + compaction_rest;
            if (!x.ok)
              spdlog::error("position log: {}", x.error);
            carry_out();
          },
          [this](caf::error& error) { self->quit(std::move(error)); });
}

void partition_group_state::answer_shards() {
  for (; !drains.empty() && drains.front().needs <= commits.safe(); drains.pop_front())
    compat::send(self, drains.front().shard, std::move(drains.front().answer));
  if (acks.empty() || acks.front().needs > commits.safe())
    return;
  for (auto& x : acks)
    compat::send(self, x.shard, std::move(x.answer));
  acks.clear();
}

void partition_group_state::hand_to_sinks() {
  while (!waiting.empty() && waiting.front().needs <= commits.safe() && given - taken < batches_in_flight &&
         in_flight_bytes < setup.max_backlog_bytes) {
    auto batch = std::move(waiting.front().batch);
    waiting.pop_front();
    given = batch.number;
    in_flight.emplace_back(given, bytes_of(batch));
    in_flight_bytes += in_flight.back().second;
    for (auto& sink : sinks)
      compat::request_local(self, sink.actor, batch)
          .then([this, &sink](const delivery_accepted& x) { accepted(sink, x); },
                [](caf::error& error) { spdlog::error("a sink ended: {}", caf::to_string(error)); });
    if (sinks.empty()) {
      taken = given;
      group->delivered(taken);
      forget_taken();
    }
  }
}

void partition_group_state::forget_taken() {
  while (!in_flight.empty() && in_flight.front().first <= taken) {
    in_flight_bytes -= in_flight.front().second;
    in_flight.pop_front();
  }
}

void partition_group_state::accepted(group_sink& by, const delivery_accepted& x) {
  by.accepted = x.number;
  by.ahead.emplace_back(x.number, x.position);
  auto all = std::ranges::min(sinks, {}, &group_sink::accepted).accepted;
  if (all <= taken)
    return;
  taken = all;
  for (auto& sink : sinks)
    for (; !sink.ahead.empty() && sink.ahead.front().first <= taken; sink.ahead.pop_front())
      sink.position = sink.ahead.front().second;
  group->delivered(taken);
  forget_taken();
  ++unacknowledged; // what it brought can be acknowledged now
  carry_out();
}

void partition_group_state::acknowledge() {
  next_ack = self->clock().now() + ack_interval;
  if (!acks.empty())
    return;
  unacknowledged = 0;
  if (durable) {
    group->checkpoint(now(), true);
    std::vector<sink_offset> offsets;
    for (auto& sink : sinks)
      if (!sink.path.empty())
        offsets.emplace_back(sink.path, std::to_string(sink.position));
    commits.add(group->take_log(), std::move(offsets));
  }
  for (auto& ack : group->take_acks())
    if (auto found = streams.find(ack.shard); found != streams.end() && found->second.shard)
      acks.push_back(
          {found->second.shard, {setup.node, found->second.number, ack.through, false}, commits.newest()});
}

void partition_group_state::tell_node() {
  next_news = self->clock().now() + news_interval;
  auto at = now();
  auto report = group->report(at);
  group_news news;
  news.plan = plan;
  for (auto& shard : report.shards)
    news.handovers.push_back(row_of(shard, plan, at));
  auto& x = news.figures;
  x.guilds = report.guilds;
  x.delivered = report.delivered;
  x.compared = report.counters.compared;
  x.late = report.counters.late;
  x.lead_only = report.counters.lead_only;
  x.unverifiable = report.counters.unverifiable;
  x.inversions = report.counters.inversions;
  x.holds = report.held_delay.count();
  x.holds_released = report.counters.holds_released;
  x.gaps = report.gaps;
  x.breaches = report.breaches;
  x.overlap_bytes = report.overlap_bytes;
  x.undelivered = given - taken + waiting.size();
  x.added_delay = counts_of(report.delay);
  x.held_delay = counts_of(report.held_delay);
  compat::send(self, setup.listener, std::move(news));
}

void partition_group_state::arm() {
  auto due = std::min(next_news, clock::time_point{group->next_tick(now())});
  if (unacknowledged > 0 || given != taken)
    due = std::min(due, next_ack);
  if (auto retry = commits.retry_at())
    due = std::min(due, clock::time_point{*retry});
  due = std::max(due, self->clock().now());
  if (armed && *armed <= due)
    return;
  armed = due;
  compat::send_after(self, due - self->clock().now(), self, tick{});
}

void partition_group_state::on_tick() {
  auto at = self->clock().now();
  if (armed && at < *armed)
    return; // replaced by an earlier one that has been, and another is on its way
  armed.reset();
  if (clock::time_point{group->next_tick(now())} <= at)
    group->tick(now());
  if (at >= next_ack)
    acknowledge();
  if (at >= next_news)
    tell_node();
  carry_out();
}

partition_group_actor::behavior_type partition_group_state::make_behavior() {
  plan = setup.first.plan;
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
          take(x.block->from.shard, x.stream, [&] {
            unacknowledged += x.block->entries.size();
            return group->on_block(x.ordinal, x.block, now());
          });
      },
      [this](const stream_mark& x) {
        take(x.mark.from.shard, x.stream, [&] {
          ++unacknowledged;
          return group->on_mark(x.ordinal, x.mark, now());
        });
      },
      [this](const assignment& x) { plan = x.plan; },
      [this](const transfer& x) {
        group->accept(x.plan, x.shard, now());
        carry_out();
      },
      [this](tick) { on_tick(); },
  };
}

} // namespace

partition_group_actor spawn_partition_group(caf::actor_system& system, partition_group_setup setup) {
  std::filesystem::create_directories(setup.state_dir);
  auto log = std::make_unique<position_log>(std::filesystem::path{setup.state_dir} / "positions.log",
                                            setup.log_disk);
  auto recovered = log->take_recovered();
  auto sinks = open_sinks(system, setup, recovered);
  recovered.settle();
  if (!log->compact(recovered.encode()))
    throw std::runtime_error("position log: " + log->error());
  partition_settings settings;
  settings.node = setup.node;
  settings.partitions = setup.partitions;
  settings.partition_count = setup.partition_count;
  settings.tuning = setup.tuning;
  settings.exceptions_after = setup.exceptions_after;
  settings.guilds_intent = setup.guilds_intent;
  auto now = monotonic{system.clock().now().time_since_epoch()};
  auto group = std::make_unique<partition_group>(std::move(settings), std::move(recovered), now);
  auto writer = spawn_log_writer(system, std::move(log), setup.log_thread);
  return system.spawn<partition_group_actor::stateful_impl<partition_group_state>>(
      std::move(setup), std::move(sinks), std::move(writer), std::move(group));
}

} // namespace shardyard
