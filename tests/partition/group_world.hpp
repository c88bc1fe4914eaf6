// A node's partition group with shards that keep what is not acknowledged, a position log and a sink that
// keeps lines: what the tests of the partition room play on. A crash loses the group and keeps log, sink and
// shards.
#pragma once

#include "actors/partition/partition_group.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <variant>

namespace shardyard::testing {

using namespace std::chrono_literals;

struct made_event {
  std::string t;
  snowflake guild = 0;
  snowflake key = 0;
  std::string d = "{}";
  snowflake channel = 0;
  std::uint16_t flags = 0;
};

/// Snowflake made `ms` milliseconds after the test world's start, unique by `i`.
constexpr snowflake at_ms(std::int64_t ms, std::uint64_t i = 0) {
  return static_cast<snowflake>(ms + 100'000'000) << 22 | i;
}
/// The guild number i; in partition and shard i of any count up to 1,000.
constexpr snowflake guild_no(std::uint64_t i) {
  return (std::uint64_t{720720} * 1000 + i) << 22;
}

struct sink_line {
  std::string t, d;
  snowflake guild = 0, channel = 0;
  std::uint64_t n = 0, epoch = 0, s = 0;
  std::uint16_t flags = 0;
  event_source from;
  std::uint32_t asker = 0;

  bool control() const { return (flags & (cut_flag | gap_flag)) != 0; }
};

/// One shard's stream to the group.
struct test_shard {
  using item = std::variant<std::shared_ptr<const event_block>, source_mark>;

  shard_key key;
  std::string session;
  std::uint64_t s = 0;
  std::int64_t newest_ms = 0;
  bool connected = false;
  monotonic began{0};
  std::vector<snowflake> ready;
  std::deque<item> unacked;
  std::uint64_t base = 1; ///< ordinal of unacked.front()
  bool resync_first = false;
};

class group_world {
public:
  explicit group_world(std::uint32_t partition_count = 4) {
    settings.node = "a";
    settings.partition_count = partition_count;
    for (std::uint32_t i = 0; i < partition_count; ++i)
      settings.partitions.push_back(i);
    restart();
  }

  void restart() {
    std::size_t used = 0;
    auto state = decode_log(log, used);
    for (auto& x : lines)
      if (x.asker == 0) // a sink's file does not have answers
        state.apply_tail({x.guild, x.channel, x.n, x.epoch, x.from, x.s, x.t, x.control()});
    state.settle();
    log = state.encode();
    group = std::make_unique<partition_group>(settings, state, now);
    settle();
  }

  /// The node dies: what the group had not given out is gone.
  void crash() {
    group.reset();
    other_acks.clear();
    last_batch = 0;
  }

  void resync(test_shard& x) {
    if (x.resync_first)
      x.unacked.pop_front();
    x.base = 1;
    x.unacked.push_front(mark_of(x, mark_kind::resynced));
    std::get<source_mark>(x.unacked.front()).guilds = x.ready;
    x.resync_first = true;
    for (std::size_t i = 0; i < x.unacked.size(); ++i)
      offer(i + 1, x.unacked[i]);
    settle();
  }

  source_mark mark_of(const test_shard& x, mark_kind kind) const {
    source_mark mark;
    mark.from = {x.key, x.session};
    mark.kind = kind;
    mark.s = x.s;
    mark.plan = plan;
    mark.cluster_epoch = 1;
    mark.newest_ms = x.newest_ms;
    mark.began_ns = x.began.count();
    mark.connected = x.connected;
    return mark;
  }

  test_shard start(shard_key key, std::string session, std::vector<snowflake> guilds, monotonic kept = {}) {
    test_shard x;
    x.key = key;
    restart_session(x, std::move(session), std::move(guilds), kept);
    return x;
  }

  /// A new session; the news of it was `kept` that long where it was made.
  void restart_session(test_shard& x, std::string session, std::vector<snowflake> guilds,
                       monotonic kept = {}) {
    x.began = now - kept;
    x.session = std::move(session);
    x.s = 1;
    x.newest_ms = discord_epoch_ms + 100'000'000 + ms();
    x.connected = true;
    x.ready = guilds;
    auto mark = mark_of(x, mark_kind::started);
    mark.guilds = std::move(guilds);
    push(x, mark);
  }

  /// READY and the GUILD_CREATE of each guild.
  test_shard start_covering(shard_key key, std::string session, std::vector<snowflake> guilds) {
    auto x = start(key, std::move(session), guilds);
    for (auto guild : guilds)
      send(x, {{"GUILD_CREATE", guild}});
    return x;
  }

  void mark(test_shard& x, mark_kind kind) {
    if (kind == mark_kind::connected || kind == mark_kind::disconnected)
      x.connected = kind == mark_kind::connected;
    push(x, mark_of(x, kind));
  }

  /// The session is silent and its socket proven alive.
  void flush(test_shard& x) { mark(x, mark_kind::flushed); }

  /// One block with these events, numbered on.
  void send(test_shard& x, std::vector<made_event> events) { push(x, block_of(x, events, x.s)); }

  /// What a RESUME replays: the same sequences again, beginning at `first_s`.
  void replay(test_shard& x, std::uint64_t first_s, std::vector<made_event> events) {
    auto s = first_s - 1;
    push(x, block_of(x, events, s));
  }

  std::shared_ptr<const event_block> block_of(test_shard& x, const std::vector<made_event>& events,
                                              std::uint64_t& s) {
    auto block = std::make_shared<event_block>();
    block->from = {x.key, x.session};
    std::string bytes;
    for (auto& made : events) {
      event_entry e;
      e.guild = made.guild;
      e.key = made.key;
      e.channel = made.channel;
      e.flags = made.flags;
      e.s = ++s;
      e.type = find_event_type(made.t);
      e.lane = type_of(e.type).lane;
      e.t_offset = static_cast<std::uint32_t>(bytes.size());
      e.t_size = static_cast<std::uint16_t>(made.t.size());
      bytes += made.t;
      e.d_offset = static_cast<std::uint32_t>(bytes.size());
      e.d_size = static_cast<std::uint32_t>(made.d.size());
      bytes += made.d;
      if (e.key != 0)
        x.newest_ms = std::max(x.newest_ms, created_ms(e.key));
      block->entries.push_back(e);
    }
    block->bytes = std::make_shared<const std::string>(std::move(bytes));
    block->newest_ms = x.newest_ms;
    block->received_ns = now.count();
    return block;
  }

  void push(test_shard& x, test_shard::item item) {
    x.unacked.push_back(item);
    if (!group)
      return;
    offer(x.base + x.unacked.size() - 1, item);
    settle();
    take_acks(x);
  }

  bool offer(std::uint64_t ordinal, const test_shard::item& item) {
    if (auto block = std::get_if<0>(&item))
      return group->on_block(ordinal, *block, now);
    return group->on_mark(ordinal, std::get<1>(item), now);
  }

  /// Log, then sink, then acceptance, unless the sink is stalled.
  void settle() {
    log += group->take_log();
    auto batch = group->take_deliveries();
    for (auto& block : batch.blocks)
      waiting.push_back(block);
    if (!batch.empty())
      last_batch = batch.number;
    if (sink_stalled)
      return;
    write_lines(waiting_lines());
    group->delivered(last_batch);
    log += group->take_log();
  }

  std::size_t waiting_lines() const {
    std::size_t result = 0;
    for (auto& x : waiting)
      result += x.entries.size();
    return result;
  }

  void write_lines(std::size_t count) {
    while (count > 0) {
      auto& block = waiting.front();
      auto take = std::min(count, block.entries.size());
      for (std::size_t i = 0; i < take; ++i) {
        auto& e = block.entries[i];
        lines.push_back({std::string{block.name(e)}, std::string{block.data(e)}, e.guild, e.channel, e.n,
                         e.epoch, e.s, e.flags, block.from, e.asker});
      }
      count -= take;
      if (take == block.entries.size())
        waiting.pop_front();
      else
        block.entries.erase(block.entries.begin(), block.entries.begin() + static_cast<std::ptrdiff_t>(take));
    }
  }

  void take_acks(test_shard& x) {
    for (auto& ack : group->take_acks())
      if (ack.shard == x.key)
        acknowledge(x, ack.through);
      else
        other_acks[ack.shard] = ack.through;
    if (auto found = other_acks.find(x.key); found != other_acks.end())
      acknowledge(x, found->second);
  }

  void acknowledge(test_shard& x, std::uint64_t through) {
    while (x.base <= through && !x.unacked.empty()) {
      x.unacked.pop_front();
      ++x.base;
      x.resync_first = false;
    }
  }

  void pass(monotonic time, monotonic step = 50ms) {
    for (auto end = now + time; now < end;) {
      now += std::min(step, end - now);
      group->tick(now);
      settle();
    }
  }

  std::int64_t ms() const { return now / 1ms; }

  /// `t` of all lines of a guild, control lines included.
  std::vector<std::string> told(snowflake guild) const {
    std::vector<std::string> result;
    for (auto& x : lines)
      if (x.guild == guild)
        result.push_back(x.t);
    return result;
  }
  /// `d` of the events of a guild, or of a channel outside guilds.
  std::vector<std::string> payloads(snowflake guild, snowflake channel = 0) const {
    std::vector<std::string> result;
    for (auto& x : lines)
      if (x.guild == guild && x.channel == channel && !x.control())
        result.push_back(x.d);
    return result;
  }
  std::size_t count(std::string_view t) const {
    return static_cast<std::size_t>(std::ranges::count(lines, t, &sink_line::t));
  }

  partition_settings settings;
  monotonic now = 1000s;
  std::uint64_t plan = 1;
  std::string log;
  std::deque<event_block> waiting;
  std::vector<sink_line> lines;
  bool sink_stalled = false;
  std::uint64_t last_batch = 0;
  std::map<shard_key, std::uint64_t> other_acks;
  std::unique_ptr<partition_group> group;
};

/// Anchor and plain event with a payload that names them.
inline made_event message(snowflake guild, snowflake id) {
  return {"MESSAGE_CREATE", guild, id, "{\"id\":\"" + std::to_string(id) + "\"}"};
}
inline made_event reaction(snowflake guild, int which) {
  return {"MESSAGE_REACTION_ADD", guild, 0, "{\"r\":" + std::to_string(which) + "}"};
}

inline const shard_key old_shard{1, 0, 1};
inline const shard_key new_shard{2, 0, 1};

} // namespace shardyard::testing
