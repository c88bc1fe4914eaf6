// Steps of the event path one by one, per event: header scan, block split, hand-over with one session and
// with two, lines of the jsonl sink, content hash, delivery to bots. The same events as in the streams.
#include "actors/bot_session/bot_switch.hpp"
#include "actors/node/jsonl_line.hpp"
#include "actors/partition/content_hash.hpp"
#include "actors/partition/partition_group.hpp"
#include "actors/shard/block_split.hpp"
#include "bench/load_events.hpp"
#include "net/byte_buffer.hpp"
#include "net/header_scan.hpp"

#include <algorithm>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include <benchmark/benchmark.h>

namespace {

using namespace shardyard;

constexpr std::size_t event_count = 16'384;
constexpr std::size_t per_block = 32; // about what a read brings on a busy shard
constexpr std::uint32_t partition_count = 64;

// Events of the load as payloads and as blocks of one session.
struct prepared_events {
  bench::load_world world{1, 300};
  std::vector<std::string> payloads;
  std::vector<event_block> blocks;

  prepared_events() {
    bench::load_generator generator{world, 7, 1795178103417, 1000};
    bench::load_event event;
    net::header_scan scan;
    for (std::size_t i = 0; i < event_count; ++i) {
      generator.next(event);
      std::string payload;
      bench::append_dispatch(payload, event.name, i + 2, event.d);
      payload.reserve(payload.size() + net::byte_buffer::padding);
      payloads.push_back(std::move(payload));
    }
    for (std::size_t first = 0; first < event_count; first += per_block)
      blocks.push_back(make_block(first, scan));
  }

  event_block make_block(std::size_t first, net::header_scan& scan) const {
    event_block block;
    std::string bytes;
    for (auto i = first; i < first + per_block; ++i) {
      net::payload_header header;
      if (!scan.scan(payloads[i], header).empty())
        throw std::runtime_error{"a payload of the load cannot be read"};
      event_entry entry;
      entry.guild = header.guild;
      entry.key = header.key;
      entry.s = header.s;
      entry.type = header.type;
      entry.lane = type_of(header.type).lane;
      auto at = [&](std::string_view part) {
        return static_cast<std::uint32_t>(bytes.size() +
                                          static_cast<std::size_t>(part.data() - payloads[i].data()));
      };
      entry.t_offset = at(header.t);
      entry.t_size = static_cast<std::uint16_t>(header.t.size());
      entry.d_offset = at(header.d);
      entry.d_size = static_cast<std::uint32_t>(header.d.size());
      bytes += payloads[i];
      if (entry.key != 0)
        block.newest_ms = std::max(block.newest_ms, created_ms(entry.key));
      block.entries.push_back(entry);
    }
    block.bytes = std::make_shared<const std::string>(std::move(bytes));
    return block;
  }
};

const prepared_events& prepared() {
  static const prepared_events events;
  return events;
}

void per_event(benchmark::State& state, std::size_t events_per_iteration) {
  // Google Benchmark prints time per iteration; an iteration is one event everywhere.
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * events_per_iteration));
}

void header_scan(benchmark::State& state) {
  auto& payloads = prepared().payloads;
  net::header_scan scan;
  std::size_t i = 0;
  for (auto _ : state) {
    net::payload_header header;
    benchmark::DoNotOptimize(scan.scan(payloads[i++ % event_count], header));
    benchmark::DoNotOptimize(header.guild);
  }
  per_event(state, 1);
}

void content_hash_of_d(benchmark::State& state) {
  auto& blocks = prepared().blocks;
  std::size_t i = 0;
  for (auto _ : state) {
    auto& block = blocks[i / per_block % blocks.size()];
    benchmark::DoNotOptimize(content_hash(block.data(block.entries[i++ % per_block])));
  }
  per_event(state, 1);
}

void jsonl_line(benchmark::State& state) {
  auto& blocks = prepared().blocks;
  std::string out;
  std::size_t i = 0;
  while (state.KeepRunningBatch(per_block)) {
    out.clear();
    append_lines(out, blocks[i++ % blocks.size()]);
    benchmark::DoNotOptimize(out.data());
  }
  per_event(state, 1);
}

void block_split(benchmark::State& state) {
  std::vector<group_index> groups(partition_count);
  for (std::uint32_t p = 0; p < partition_count; ++p)
    groups[p] = static_cast<group_index>(p % static_cast<std::uint32_t>(state.range(0)));
  block_splitter splitter{groups};
  std::vector<std::shared_ptr<const event_block>> blocks;
  for (auto& block : prepared().blocks)
    blocks.push_back(std::make_shared<const event_block>(block));
  std::size_t i = 0;
  while (state.KeepRunningBatch(per_block))
    benchmark::DoNotOptimize(splitter.split(blocks[i++ % blocks.size()]).size());
  per_event(state, 1);
}

// A partition group of one node with the shards of one or two topologies on it.
class group_run {
public:
  explicit group_run(std::optional<cache_policy> cache = {}) {
    partition_settings settings;
    settings.cache = cache;
    settings.node = "bench";
    settings.partition_count = partition_count;
    for (std::uint32_t p = 0; p < partition_count; ++p)
      settings.partitions.push_back(p);
    group_ = std::make_unique<partition_group>(settings, recovered_state{}, now_);
  }

  struct session {
    event_source from;
    std::uint64_t ordinal = 0;
    std::uint64_t s = 0;
  };

  session start(shard_key shard) {
    session x{{shard, "session-" + to_string(shard)}};
    source_mark mark;
    mark.from = x.from;
    mark.kind = mark_kind::started;
    mark.s = x.s = 1;
    mark.cluster_epoch = 1;
    mark.connected = true;
    for (auto& guild : prepared().world.guilds())
      mark.guilds.push_back(guild.id);
    take(group_->on_mark(++x.ordinal, mark, now_));
    event_block block;
    auto bytes = std::make_shared<std::string>("GUILD_CREATE");
    for (auto& guild : prepared().world.guilds()) {
      event_entry entry;
      entry.guild = guild.id;
      entry.s = ++x.s;
      entry.t_size = 12;
      entry.d_offset = static_cast<std::uint32_t>(bytes->size());
      *bytes += prepared().world.snapshot(guild);
      entry.d_size = static_cast<std::uint32_t>(bytes->size() - entry.d_offset);
      entry.type = find_event_type("GUILD_CREATE");
      entry.lane = type_of(entry.type).lane;
      block.entries.push_back(entry);
    }
    block.bytes = std::move(bytes);
    deliver(x, block);
    return x;
  }

  void transfer(session& x) {
    source_mark mark;
    mark.from = x.from;
    mark.kind = mark_kind::transfer;
    mark.s = x.s;
    mark.plan = 1;
    mark.cluster_epoch = 1;
    take(group_->on_mark(++x.ordinal, mark, now_));
  }

  /// The block with new sequences, so that nothing looks replayed.
  void deliver(session& x, const event_block& events) {
    auto block = std::make_shared<event_block>(events);
    block->from = x.from;
    block->received_ns = now_.count();
    for (auto& entry : block->entries)
      entry.s = ++x.s;
    take(group_->on_block(++x.ordinal, block, now_));
  }

  std::uint64_t logged_bytes() const { return logged_; }
  std::string state() const { return group_->snapshot().value(); }

private:
  void take(bool accepted) {
    if (!accepted)
      throw std::runtime_error{"the group refused an item"};
    now_ += std::chrono::microseconds(100);
    auto batch = group_->take_deliveries();
    auto log = group_->take_log();
    logged_ += log.size();
    benchmark::DoNotOptimize(log.data());
    group_->delivered(batch.number);
    group_->checkpoint(now_);
    benchmark::DoNotOptimize(group_->take_acks());
    group_->tick(now_);
  }

  monotonic now_ = std::chrono::seconds(1000);
  std::uint64_t logged_ = 0;
  std::unique_ptr<partition_group> group_;
};

void hand_over_steady(benchmark::State& state) {
  group_run run;
  auto only = run.start({1, 0, 1});
  auto& blocks = prepared().blocks;
  std::size_t i = 0;
  while (state.KeepRunningBatch(per_block))
    run.deliver(only, blocks[i++ % blocks.size()]);
  per_event(state, 1);
}

// With a cache: the same events, and what they add to the log.
void hand_over_remembered(benchmark::State& state) {
  cache_policy policy;
  policy.members = static_cast<member_policy>(state.range(0));
  policy.presences = state.range(1) != 0;
  group_run run{policy};
  auto only = run.start({1, 0, 1});
  auto& blocks = prepared().blocks;
  auto before = run.logged_bytes();
  std::size_t i = 0;
  while (state.KeepRunningBatch(per_block))
    run.deliver(only, blocks[i++ % blocks.size()]);
  per_event(state, 1);
  state.counters["log_bytes_per_event"] =
      static_cast<double>(run.logged_bytes() - before) / static_cast<double>(state.iterations());
}

// The whole state of 300 guilds as a compaction or a move writes it.
void state_of_guilds(benchmark::State& state) {
  group_run run{cache_policy{.members = member_policy::seen, .presences = true}};
  run.start({1, 0, 1});
  std::size_t bytes = 0;
  for (auto _ : state)
    bytes = run.state().size();
  state.counters["bytes"] = static_cast<double>(bytes);
}

// Time per event of the world, of which each session brings its copy.
void hand_over_overlap(benchmark::State& state) {
  group_run run;
  auto old_session = run.start({1, 0, 1});
  auto new_session = run.start({2, 0, 1});
  if (state.range(0) != 0)
    run.transfer(old_session);
  auto& blocks = prepared().blocks;
  std::size_t i = 0;
  while (state.KeepRunningBatch(per_block)) {
    auto& block = blocks[i++ % blocks.size()];
    run.deliver(old_session, block);
    run.deliver(new_session, block);
  }
  per_event(state, 1);
}

// Links that only count, so that what is left is the switch's own work.
struct counting_link : net::bot_link {
  void dispatch(std::string_view, std::uint64_t s, std::string_view d) override { bytes += s + d.size(); }
  void send(std::string_view) override {}
  void compress_payloads() override {}
  std::size_t queued() const override { return 0; }
  void close(std::uint16_t, std::string_view) override {}
  void abort() override {}
  std::uint64_t bytes = 0;
};

struct silent_cluster : cluster_port {
  void list_guilds(std::uint32_t asker, const guild_filter&) override { askers.push_back(asker); }
  void fetch_guilds(std::uint32_t, const snapshot_request& x) override { wanted = x.guilds; }
  void command(const bot_command&) override {}
  void presence(const bot_presence&) override {}
  std::vector<std::uint32_t> askers;
  std::vector<snowflake> wanted;
};

/// Sessions of one bot on the load's guilds. `intents`: those of the last sessions without MESSAGE_CONTENT
/// are masked.
class switch_run {
public:
  explicit switch_run(std::size_t sessions, std::uint64_t intents) : switch_(settings(), cluster_) {
    std::vector<snowflake> guilds;
    for (auto& guild : prepared().world.guilds())
      guilds.push_back(guild.id);
    switch_.set_clock([this] { return now_; });
    switch_.set_identity("{}", "{}", 1, now_);
    for (std::size_t i = 0; i < sessions; ++i) {
      links_.push_back(std::make_shared<counting_link>());
      listeners_.push_back(switch_.connected(links_.back(), {}, now_));
      listeners_.back()->on_payload(R"({"op":2,"d":{"token":"x","properties":{},"intents":)" +
                                    std::to_string(intents) + "}}");
      auto asker = cluster_.askers.back();
      switch_.guilds_listed(asker, guilds, now_);
      while (!cluster_.wanted.empty())
        answer(asker);
    }
  }

  void deliver(const event_block& events) {
    std::vector<event_block> blocks{events};
    for (auto& entry : blocks[0].entries)
      entry.n = ++newest_[entry.guild != 0 ? entry.guild : entry.channel + 1];
    now_ += std::chrono::microseconds(100);
    switch_.deliver(blocks, now_);
  }

  std::uint64_t bytes() const { return links_.front()->bytes; }

private:
  static bot_switch_settings settings() {
    bot_switch_settings result;
    result.intents = 53608447;
    result.ring_bytes = 64u << 20;
    result.find_bot = [](std::string_view) { return bot_name{"bot"}; };
    return result;
  }

  void answer(std::uint32_t asker) {
    std::vector<guild_snapshot> rows;
    std::string bytes;
    for (auto guild : std::exchange(cluster_.wanted, {})) {
      rows.push_back({guild, 0, 2});
      bytes += "{}";
    }
    switch_.guilds_fetched(asker, rows, bytes, now_);
  }

  bot_switch::time now_{std::chrono::hours(1000)};
  silent_cluster cluster_;
  bot_switch switch_;
  std::vector<std::shared_ptr<counting_link>> links_;
  std::vector<std::shared_ptr<net::bot_events>> listeners_;
  std::unordered_map<snowflake, std::uint64_t> newest_;
};

void bot_delivery(benchmark::State& state) {
  constexpr std::uint64_t all = 53608447, content = 32768;
  switch_run run{static_cast<std::size_t>(state.range(0)), state.range(1) != 0 ? all & ~content : all};
  auto& blocks = prepared().blocks;
  std::size_t i = 0;
  while (state.KeepRunningBatch(per_block))
    run.deliver(blocks[i++ % blocks.size()]);
  benchmark::DoNotOptimize(run.bytes());
  per_event(state, 1);
}

} // namespace

BENCHMARK(header_scan);
BENCHMARK(content_hash_of_d);
BENCHMARK(jsonl_line);
BENCHMARK(block_split)->ArgName("nodes")->Arg(1)->Arg(3);
BENCHMARK(hand_over_steady);
BENCHMARK(hand_over_remembered)
    ->ArgNames({"members", "presences"})
    ->Args({static_cast<int>(member_policy::voice), 0})
    ->Args({static_cast<int>(member_policy::seen), 1});
BENCHMARK(state_of_guilds)->Unit(benchmark::kMillisecond);
BENCHMARK(hand_over_overlap)->ArgName("cuts_allowed")->Arg(0)->Arg(1);
BENCHMARK(bot_delivery)
    ->ArgNames({"sessions", "masked"})
    ->Args({1, 0})
    ->Args({10, 0})
    ->Args({1, 1})
    ->Args({10, 1});

BENCHMARK_MAIN();
