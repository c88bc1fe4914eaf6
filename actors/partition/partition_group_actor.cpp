#include "actors/partition/partition_group_actor.hpp"

#include "actors/compat.hpp"
#include "actors/node/jsonl_tail.hpp"
#include "actors/partition/partition_group.hpp"
#include "actors/partition/position_log.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
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
constexpr auto restart_delay = milliseconds(300); ///< before a shard is asked to begin its stream anew

std::uint64_t parse_offset(std::string_view text) {
  std::uint64_t result = 0;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

delivered_line line_of(const jsonl_header& x) {
  delivered_line line;
  line.guild = x.guild;
  line.channel = x.channel;
  line.n = x.n;
  line.epoch = x.epoch;
  line.from = {x.shard, unescaped(x.session_id)};
  line.s = x.s;
  line.t = std::string{x.t};
  line.control = x.control();
  return line;
}

delay_counts counts_of(const delay_histogram& x) {
  delay_counts result;
  result.buckets = x.buckets();
  result.count = x.count();
  result.max_us = static_cast<std::uint64_t>(x.max().count() / 1000);
  return result;
}

handover_report row_of(const shard_report& x, std::uint64_t plan, monotonic now) {
  handover_report row;
  row.shard = x.shard;
  row.transferred = x.transferred && x.plan == plan;
  row.led = x.led;
  row.exceptions = x.exception_count;
  row.exception_guilds.assign(x.exceptions.begin(),
                              x.exceptions.begin() + std::min<std::ptrdiff_t>(10, std::ssize(x.exceptions)));
  row.cut_anchor = x.cuts[0];
  row.cut_quiet = x.cuts[1];
  row.cut_accepted = x.cuts[2];
  row.cut_swap_back = x.cuts[3];
  row.traffic_wait_ms = static_cast<std::uint64_t>(x.longest_wait.count() / 1'000'000);
  row.difference_age_ms = ~std::uint64_t{0};
  if (x.last_difference != monotonic{0})
    row.difference_age_ms = static_cast<std::uint64_t>((now - x.last_difference).count() / 1'000'000);
  return row;
}

std::size_t bytes_of(const sink_batch& batch) {
  std::size_t sum = 0;
  for (auto& block : batch.blocks)
    for (auto& entry : block.entries)
      sum += entry.d_size;
  return sum;
}

struct partition_group_state {
  static inline const char* name = "shardyard.partition_group";

  struct sink {
    sink_actor actor;
    std::string path; ///< of a file that can be read back, else empty
    std::uint64_t accepted = 0;
    std::uint64_t position = 0;
  };
  struct inbound {
    std::uint64_t number = 0; ///< of the stream
    bool restart_asked = false;
    stream_source_actor shard;
  };

  partition_group_state(partition_group_actor::pointer self, partition_group_setup setup,
                        std::vector<sink> sinks, std::unique_ptr<position_log> log,
                        std::unique_ptr<partition_group> group)
      : self(self),
        setup(std::move(setup)),
        sinks(std::move(sinks)),
        log(std::move(log)),
        group(std::move(group)) {
    durable = !this->sinks.empty();
  }

  partition_group_actor::behavior_type make_behavior();
  inbound* current(const shard_key& shard, std::uint64_t number);
  template <class Take>
  void take(const shard_key& shard, std::uint64_t stream, Take f);
  void carry_out();
  void hand_to_sinks();
  void forget_taken();
  void accepted(sink& by, const delivery_accepted& x);
  void acknowledge();
  void tell_node();
  void on_tick();
  void arm();
  monotonic now() const { return self->clock().now().time_since_epoch(); }

  partition_group_actor::pointer self;
  partition_group_setup setup;
  std::vector<sink> sinks; ///< without those that take everything at once
  std::unique_ptr<position_log> log;
  std::unique_ptr<partition_group> group;
  std::map<shard_key, inbound> streams;
  std::deque<sink_batch> waiting; ///< not given to the sinks yet
  std::uint64_t given = 0;        ///< newest batch given to the sinks
  std::deque<std::pair<std::uint64_t, std::size_t>>
      in_flight; ///< number and payload bytes of batches given and not taken
  std::size_t in_flight_bytes = 0;
  std::uint64_t taken = 0; ///< newest batch that all sinks have
  std::uint64_t unacknowledged = 0;
  bool durable = false; ///< some sink's reader counts on stable delivery numbers: positions are logged before
                        ///< acknowledgement
  std::uint64_t plan = 0;
  clock::time_point next_ack{};
  clock::time_point next_news{};
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

/// What the rules have decided becomes true: first the log, then the sinks, then answers to the shards.
void partition_group_state::carry_out() {
  if (auto records = group->take_log(); !records.empty() || log->pending_bytes() > 0) {
    auto written = log->commit(records);
    if (!written && trouble != log->error())
      spdlog::critical("position log: {}; nothing is delivered until it can be written", log->error());
    trouble = written ? "" : log->error();
  }
  if (auto batch = group->take_deliveries(); !batch.empty())
    waiting.push_back({batch.number, std::move(batch.blocks)});
  hand_to_sinks();
  for (auto& answer : group->drain_answers())
    if (auto found = streams.find(answer.shard); found != streams.end() && found->second.shard) {
      answer.node = setup.node;
      compat::send(self, found->second.shard, answer);
    }
  if (unacknowledged >= ack_events)
    acknowledge();
  arm();
}

void partition_group_state::hand_to_sinks() {
  while (!waiting.empty() && log->pending_bytes() == 0 && given - taken < batches_in_flight &&
         in_flight_bytes < setup.max_backlog_bytes) {
    auto batch = std::move(waiting.front());
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

void partition_group_state::accepted(sink& by, const delivery_accepted& x) {
  by.accepted = x.number;
  by.position = x.position;
  auto all = std::ranges::min(sinks, {}, &sink::accepted).accepted;
  if (all <= taken)
    return;
  taken = all;
  group->delivered(taken);
  forget_taken();
  ++unacknowledged; // what it brought can be acknowledged now
  carry_out();
}

void partition_group_state::acknowledge() {
  next_ack = self->clock().now() + ack_interval;
  unacknowledged = 0;
  if (durable) {
    group->checkpoint(now(), true);
    auto written = log->commit(group->take_log());
    for (auto& sink : sinks)
      if (written && !sink.path.empty())
        written = log->commit_sink_offset(sink.path, std::to_string(sink.position));
    if (!written)
      return;
  }
  for (auto& ack : group->take_acks())
    if (auto found = streams.find(ack.shard); found != streams.end() && found->second.shard)
      compat::send(self, found->second.shard,
                   stream_answer{setup.node, found->second.number, ack.through, false});
  if (log->wants_compaction())
    if (auto state = group->snapshot(); state && !log->compact(*state))
      spdlog::error("position log: {}", log->error());
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

/// Reads what the first file sink has beyond the log, so that nothing in it is delivered to it again.
void read_tail(const sink_settings& sink, recovered_state& recovered) {
  auto offset = recovered.sinks.contains(sink.path) ? parse_offset(recovered.sinks[sink.path]) : 0;
  auto tail = read_jsonl_tail(
      sink.path, offset, [&](const jsonl_header& x, std::uint64_t) { recovered.apply_tail(line_of(x)); });
  if (!tail.error.empty())
    throw std::runtime_error(sink.path + ": " + tail.error);
  if (tail.lines > 0 || tail.torn_bytes > 0)
    spdlog::info("sink {}: {} lines beyond the log, {} bytes of a torn line cut off", sink.path, tail.lines,
                 tail.torn_bytes);
}

} // namespace

partition_group_actor spawn_partition_group(caf::actor_system& system, partition_group_setup setup) {
  std::filesystem::create_directories(setup.state_dir);
  auto log = std::make_unique<position_log>(std::filesystem::path{setup.state_dir} / "positions.log");
  auto recovered = log->take_recovered();
  std::vector<partition_group_state::sink> sinks;
  bool tail_read = false;
  for (auto& x : setup.sinks) {
    if (x.kind == sink_type::null)
      continue; // takes everything at once, which needs nobody
    auto writer = open_line_writer(x.path);
    if (has_tail(x) && !writer->error().empty())
      throw std::runtime_error("sink " + x.path + ": " + std::string{writer->error()});
    if (has_tail(x) && !tail_read) {
      read_tail(x, recovered);
      tail_read = true;
    }
    sinks.push_back(
        {spawn_jsonl_sink(system, std::move(writer), x.path), has_tail(x) ? x.path : std::string{}});
  }
  for (auto& x : setup.receivers)
    sinks.push_back({x, {}});
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
  return system.spawn<partition_group_actor::stateful_impl<partition_group_state>>(
      std::move(setup), std::move(sinks), std::move(log), std::move(group));
}

} // namespace shardyard
