// A partition group between a shard that remembers the answers and a sink that accepts when the test says so.
#pragma once

#include "actors/partition/partition_group_actor.hpp"
#include "tests/actors/world.hpp"
#include "tests/shard/blocks.hpp"

#include <deque>

namespace shardyard::testing {

/// A sink in the bot's own code, slower than its partitions would like.
struct late_sink {
  struct batch {
    std::uint64_t number = 0;
    std::size_t events = 0;
    caf::typed_response_promise<delivery_accepted> promise;
  };
  std::deque<batch> waiting;
  std::vector<std::uint64_t> delivery_numbers; ///< n of every event, in order of arrival
  std::vector<std::uint64_t> sequences;        ///< s of every event
  bool at_once = false;
};

using late_sink_actor = sink_actor::extend<
    // Accept the oldest batch.
    caf::result<void>(tick)>;

inline late_sink_actor spawn_late_sink(caf::actor_system& system, std::shared_ptr<late_sink> record) {
  return system.spawn([record](late_sink_actor::pointer self) -> late_sink_actor::behavior_type {
    // A promise must not outlive its actor system.
    self->attach_functor([record] { record->waiting.clear(); });
    return {[self, record](const sink_batch& x) -> caf::result<delivery_accepted> {
              std::size_t events = 0;
              for (auto& block : x.blocks)
                for (auto& e : block.entries) {
                  ++events;
                  record->delivery_numbers.push_back(e.n);
                  record->sequences.push_back(e.s);
                }
              if (record->at_once)
                return delivery_accepted{x.number, 0};
              auto promise = self->make_response_promise<delivery_accepted>();
              record->waiting.push_back({x.number, events, promise});
              return promise;
            },
            [record](tick) {
              record->waiting.front().promise.deliver(delivery_accepted{record->waiting.front().number, 0});
              record->waiting.pop_front();
            }};
  });
}

struct answers {
  std::vector<stream_answer> stream;
  std::vector<drain_answer> drain;
  std::vector<upstream_command> commands;

  std::uint64_t acknowledged() const {
    std::uint64_t result = 0;
    for (auto& x : stream)
      result = std::max(result, x.through);
    return result;
  }
  std::size_t restarts() const {
    return static_cast<std::size_t>(std::ranges::count(stream, true, &stream_answer::restart));
  }
};

inline stream_source_actor spawn_shard_record(caf::actor_system& system, std::shared_ptr<answers> record) {
  return system.spawn([record](stream_source_actor::pointer) -> stream_source_actor::behavior_type {
    return {[record](const stream_answer& x) { record->stream.push_back(x); },
            [record](const drain_answer& x) { record->drain.push_back(x); },
            [record](const upstream_command& x) { record->commands.push_back(x); }};
  });
}

inline constexpr snowflake some_guild = snowflake{720'720'000} << 22; // of partition 0

struct partition_scene : ::testing::Test {
  scratch_folder folder;
  std::shared_ptr<late_sink> sink = std::make_shared<late_sink>();
  std::shared_ptr<answers> heard = std::make_shared<answers>();
  std::shared_ptr<std::vector<group_news>> news = std::make_shared<std::vector<group_news>>();
  world w; // after what its actors write into
  late_sink_actor sink_handle = w.keep(spawn_late_sink(w.system, sink));
  stream_source_actor shard = w.keep(spawn_shard_record(w.system, heard));
  group_listener listener =
      w.keep(w.system.spawn([news = news](group_listener::pointer) -> group_listener::behavior_type {
        return {[news](const group_news& x) { news->push_back(x); }};
      }));
  partition_group_actor group = spawn();
  std::uint64_t stream = 1, ordinal = 0, s = 1;

  partition_group_actor spawn(std::shared_ptr<disk> log_disk = {}) {
    partition_group_setup setup;
    setup.node = "a";
    setup.place = {1, 1, "a", {0, 1}};
    setup.partition_count = 2;
    setup.state_dir = folder.path().string();
    setup.receivers = {sink_handle};
    setup.guilds_intent = false;
    setup.log_thread = false;
    setup.log_disk = std::move(log_disk);
    setup.listener = listener;
    return w.keep(spawn_partition_group(w.system, std::move(setup)));
  }

  /// The same with caches and a ring for endpoints, continued from its folder.
  void serve_bots(bool with_sink = true, std::size_t most_described = 256 << 10) {
    w.end(group);
    partition_group_setup setup;
    setup.node = "a";
    setup.place = {1, 1, "a", {0, 1}};
    setup.partition_count = 2;
    setup.state_dir = folder.path().string();
    if (with_sink)
      setup.receivers = {sink_handle};
    setup.cache = cache_policy{};
    setup.most_described = most_described;
    setup.guilds_intent = false;
    setup.log_thread = false;
    setup.listener = listener;
    group = w.keep(spawn_partition_group(w.system, std::move(setup)));
  }

  source_mark mark_of(mark_kind kind) const {
    source_mark mark;
    mark.from = {{1, 0, 4}, "s1"};
    mark.kind = kind;
    mark.s = s;
    mark.plan = 1;
    mark.cluster_epoch = 1;
    mark.connected = true;
    if (kind == mark_kind::started || kind == mark_kind::resynced)
      mark.guilds = {some_guild};
    return mark;
  }
  void mark(mark_kind kind) { w.send_as(shard, group, stream_mark{++ordinal, stream, 1, 0, mark_of(kind)}); }

  /// One block with so many events of one guild.
  void events(int count = 1, const std::string& d = "{}") {
    std::vector<test_event> made;
    for (int i = 0; i < count; ++i)
      made.push_back({some_guild, ++s, d});
    w.send_as(shard, group, stream_block{++ordinal, stream, 1, make_block(made)});
  }

  /// Its GUILD_CREATE.
  void show_guild(const std::string& d, snowflake guild = some_guild) {
    auto block = std::make_shared<event_block>(*make_block({{guild, ++s, d}}));
    auto& e = block->entries.front();
    e.type = find_event_type("GUILD_CREATE");
    e.lane = lane::local;
    w.send_as(shard, group, stream_block{++ordinal, stream, 1, block});
  }

  void accept_one() { w.send(sink_handle, tick{}); }
  void accept_all() {
    while (!sink->waiting.empty())
      accept_one();
  }
};

} // namespace shardyard::testing
