// What a node tells the coordinator about the shards and partitions that it runs, a few times a second and
// after each change. Reports are whole pictures, so that a lost one or a new coordinator needs no special
// case; only of the rows of a large plan, one per shard of the cluster, most reports tell what changed.
#pragma once

#include "messages/event_type.hpp"
#include "messages/ids.hpp"
#include "messages/relocation.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace shardyard {

enum class shard_phase : std::uint8_t {
  waiting,    ///< for a permit, a timer or a reconnect; no session is live
  connecting, ///< from TCP connect to READY or RESUMED
  arriving,   ///< READY seen, guilds of it are still to come
  live,       ///< READY or RESUMED, all guilds arrived
  draining,   ///< asked to close, waiting for acknowledgements
  closed,     ///< closed by a plan; the session is kept for the way back until forgotten
  stopped,    ///< a fatal close code: needs the operator; `text` says what to do
};

struct shard_status {
  shard_key shard;
  shard_phase phase = shard_phase::waiting;
  bool was_ready = false; ///< READY and every guild it listed, in the present session
  std::uint32_t guilds = 0;
  std::uint32_t unavailable = 0;
  std::uint64_t s = 0;
  std::uint64_t events = 0;
  std::uint64_t resumes = 0;
  std::uint64_t identifies = 0;
  std::uint64_t spooled_bytes = 0;
  std::uint64_t closed_plan = 0; ///< closed: the plan that closed it
  std::string text;              ///< human-readable state
};

/// Delays in microseconds in logarithmic buckets, eight per power of two
/// (actors/partition/delay_histogram.hpp).
struct delay_counts {
  std::array<std::uint64_t, 256> buckets{};
  std::uint64_t count = 0;
  std::uint64_t max_us = 0;
};

/// What one partition group knows of one shard during a plan.
struct handover_report {
  std::uint32_t group = 0;
  shard_key shard;
  bool transferred = false; ///< the transfer (or retract) mark of the plan has arrived
  std::uint64_t led = 0;    ///< guilds of this group still led by the shard
  std::uint64_t exceptions =
      0; ///< of these, those that neither anchor nor silence cut within the operator's limit
  std::uint64_t cut_anchor = 0; ///< guilds cut away from this shard, by kind
  std::uint64_t cut_quiet = 0;
  std::uint64_t cut_accepted = 0;
  std::uint64_t cut_swap_back = 0;
  std::vector<snowflake> exception_guilds; ///< some of them
  std::uint64_t traffic_wait_ms = 0; ///< longest time that the traffic itself made a guild wait for its cut
  std::uint64_t difference_age_ms =
      0; ///< since the last unexplained difference on a guild of this shard; max = never
  bool follower_lagging = false; ///< a session that follows comes later than the longest hold: no anchor cut
  std::uint64_t follower_p99_ms = 0; ///< how much later its followers are, 99 of 100 times
  std::uint64_t voice = 0;           ///< guilds that are not cut yet because the bot speaks there

  bool operator==(const handover_report&) const = default;
};

/// Events of one kind.
struct event_count {
  event_type_id type = unknown_event;
  std::uint32_t events = 0;

  bool operator==(const event_count&) const = default;
};

/// What one shard brought in a stretch of time in which its session was live from end to end.
struct shard_mix {
  shard_key shard;
  std::uint32_t guilds = 0;
  std::uint32_t window_ms = 0; ///< 0: the session is new or was away: silence is counted anew
  std::vector<event_count> counts;

  bool operator==(const shard_mix&) const = default;
};

/// One session of a bot at the endpoint of a node.
struct bot_session_row {
  std::string bot;
  std::uint32_t id = 0, count = 1; ///< the bot's own shard
  bool connected = false;
  std::uint64_t guilds = 0;
  std::uint64_t s = 0;
  std::uint64_t behind = 0; ///< events that it has not been sent yet
  std::uint64_t resumes = 0;
};

/// Node -> coordinator, once a second: who is connected to its endpoint.
struct endpoint_report {
  std::string node;
  std::uint64_t cluster_epoch = 0;
  std::string url;
  std::uint64_t connections = 0;
  std::uint64_t identifies = 0;
  std::uint64_t resumes = 0;
  std::uint64_t invalid = 0; ///< sessions that could not be resumed without a loss, and were told so
  std::uint64_t holes = 0;   ///< deliveries that did not reach the endpoint
  std::uint64_t passed_on = 0;
  std::uint64_t ring_events = 0;
  std::uint64_t ring_bytes = 0;
  std::vector<bot_session_row> sessions;
};

/// Node -> coordinator, now and then: the mix of events of each of its shards.
struct mix_report {
  std::string node;
  std::uint64_t cluster_epoch = 0;
  std::vector<shard_mix> shards;
};

/// Sums over one partition group since the plan began (or since the group started).
struct group_figures {
  std::uint64_t guilds = 0;
  std::uint64_t delivered = 0;
  std::uint64_t compared = 0;
  std::uint64_t late = 0;
  std::uint64_t lead_only = 0;
  std::uint64_t unverifiable = 0;
  std::uint64_t inversions = 0;
  std::uint64_t holds = 0;
  std::uint64_t holds_released = 0;
  std::uint64_t gaps = 0;
  std::uint64_t breaches = 0; ///< invariants found broken; the partitions concerned are isolated
  std::uint64_t overlap_bytes = 0;
  std::uint64_t undelivered = 0;    ///< events waiting for a sink
  delay_counts added_delay;         ///< guild events while units move
  delay_counts held_delay;          ///< of these, the held ones
  std::uint64_t uncached = 0;       ///< guilds that bots see as unavailable until a new session shows them
  std::uint64_t voice_rejoined = 0; ///< voice channels joined once more after a cut
};

inline void add(delay_counts& sum, const delay_counts& x) {
  for (std::size_t i = 0; i < sum.buckets.size(); ++i)
    sum.buckets[i] += x.buckets[i];
  sum.count += x.count;
  sum.max_us = std::max(sum.max_us, x.max_us);
}

inline group_figures& operator+=(group_figures& sum, const group_figures& x) {
  sum.guilds += x.guilds;
  sum.delivered += x.delivered;
  sum.compared += x.compared;
  sum.late += x.late;
  sum.lead_only += x.lead_only;
  sum.unverifiable += x.unverifiable;
  sum.inversions += x.inversions;
  sum.holds += x.holds;
  sum.holds_released += x.holds_released;
  sum.gaps += x.gaps;
  sum.breaches += x.breaches;
  sum.overlap_bytes += x.overlap_bytes;
  sum.undelivered += x.undelivered;
  sum.uncached += x.uncached;
  add(sum.added_delay, x.added_delay);
  add(sum.held_delay, x.held_delay);
  sum.voice_rejoined += x.voice_rejoined;
  return sum;
}

/// A partition group as its node sees it.
struct group_status {
  std::uint32_t id = 0;
  std::uint64_t epoch = 0;
  bool stopping = false;  ///< released: waits for its sinks
  std::uint64_t plan = 0; ///< the plan that its hand-over rows speak of
};

/// Names a row of a report.
struct row_name {
  std::uint32_t group = 0;
  shard_key shard;

  auto operator<=>(const row_name&) const = default;
};

/// Node -> coordinator.
struct node_report {
  std::string node;
  std::uint64_t incarnation = 0;
  std::uint64_t cluster_epoch = 0;
  std::uint64_t plan = 0; ///< the plan that the hand-over rows speak of
  std::vector<shard_status> shards;
  std::vector<handover_report> handovers;
  group_figures figures;
  std::vector<group_status> groups;
  std::vector<group_copy> copies; ///< states that this node keeps, its own or others'
  std::uint64_t number = 0;       ///< counted by the node, from 1
  std::uint64_t rows_after = 0; ///< not 0: `handovers` are those that changed since the report of this number
  std::vector<row_name> rows_gone; ///< then: rows that are there no more
};

template <class Inspector>
bool inspect(Inspector& f, shard_phase& x) {
  auto get = [&x] { return static_cast<std::uint8_t>(x); };
  auto set = [&x](std::uint8_t n) {
    x = static_cast<shard_phase>(n);
    return n <= static_cast<std::uint8_t>(shard_phase::stopped);
  };
  return f.apply(get, set);
}

template <class Inspector>
bool inspect(Inspector& f, shard_status& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("phase", x.phase),
                            f.field("was_ready", x.was_ready), f.field("guilds", x.guilds),
                            f.field("unavailable", x.unavailable), f.field("s", x.s),
                            f.field("events", x.events), f.field("resumes", x.resumes),
                            f.field("identifies", x.identifies), f.field("spooled_bytes", x.spooled_bytes),
                            f.field("closed_plan", x.closed_plan), f.field("text", x.text));
}

template <class Inspector>
bool inspect(Inspector& f, delay_counts& x) {
  return f.object(x).fields(f.field("buckets", x.buckets), f.field("count", x.count),
                            f.field("max_us", x.max_us));
}

template <class Inspector>
bool inspect(Inspector& f, handover_report& x) {
  return f.object(x).fields(
      f.field("group", x.group), f.field("shard", x.shard), f.field("transferred", x.transferred),
      f.field("led", x.led), f.field("exceptions", x.exceptions), f.field("cut_anchor", x.cut_anchor),
      f.field("cut_quiet", x.cut_quiet), f.field("cut_accepted", x.cut_accepted),
      f.field("cut_swap_back", x.cut_swap_back), f.field("difference_age_ms", x.difference_age_ms),
      f.field("exception_guilds", x.exception_guilds), f.field("traffic_wait_ms", x.traffic_wait_ms),
      f.field("follower_lagging", x.follower_lagging), f.field("follower_p99_ms", x.follower_p99_ms),
      f.field("voice", x.voice));
}

template <class Inspector>
bool inspect(Inspector& f, group_figures& x) {
  return f.object(x).fields(
      f.field("guilds", x.guilds), f.field("delivered", x.delivered), f.field("compared", x.compared),
      f.field("late", x.late), f.field("lead_only", x.lead_only), f.field("unverifiable", x.unverifiable),
      f.field("inversions", x.inversions), f.field("holds", x.holds),
      f.field("holds_released", x.holds_released), f.field("gaps", x.gaps), f.field("breaches", x.breaches),
      f.field("overlap_bytes", x.overlap_bytes), f.field("undelivered", x.undelivered),
      f.field("added_delay", x.added_delay), f.field("held_delay", x.held_delay),
      f.field("uncached", x.uncached), f.field("voice_rejoined", x.voice_rejoined));
}

template <class Inspector>
bool inspect(Inspector& f, group_status& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("epoch", x.epoch), f.field("stopping", x.stopping),
                            f.field("plan", x.plan));
}

template <class Inspector>
bool inspect(Inspector& f, row_name& x) {
  return f.object(x).fields(f.field("group", x.group), f.field("shard", x.shard));
}

template <class Inspector>
bool inspect(Inspector& f, node_report& x) {
  return f.object(x).fields(f.field("node", x.node), f.field("incarnation", x.incarnation),
                            f.field("cluster_epoch", x.cluster_epoch), f.field("plan", x.plan),
                            f.field("shards", x.shards), f.field("handovers", x.handovers),
                            f.field("figures", x.figures), f.field("groups", x.groups),
                            f.field("copies", x.copies), f.field("number", x.number),
                            f.field("rows_after", x.rows_after), f.field("rows_gone", x.rows_gone));
}

template <class Inspector>
bool inspect(Inspector& f, event_count& x) {
  return f.object(x).fields(f.field("type", x.type), f.field("events", x.events));
}

template <class Inspector>
bool inspect(Inspector& f, shard_mix& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("guilds", x.guilds),
                            f.field("window_ms", x.window_ms), f.field("counts", x.counts));
}

template <class Inspector>
bool inspect(Inspector& f, mix_report& x) {
  return f.object(x).fields(f.field("node", x.node), f.field("cluster_epoch", x.cluster_epoch),
                            f.field("shards", x.shards));
}

template <class Inspector>
bool inspect(Inspector& f, bot_session_row& x) {
  return f.object(x).fields(f.field("bot", x.bot), f.field("id", x.id), f.field("count", x.count),
                            f.field("connected", x.connected), f.field("guilds", x.guilds), f.field("s", x.s),
                            f.field("behind", x.behind), f.field("resumes", x.resumes));
}

template <class Inspector>
bool inspect(Inspector& f, endpoint_report& x) {
  return f.object(x).fields(f.field("node", x.node), f.field("cluster_epoch", x.cluster_epoch),
                            f.field("url", x.url), f.field("connections", x.connections),
                            f.field("identifies", x.identifies), f.field("resumes", x.resumes),
                            f.field("invalid", x.invalid), f.field("holes", x.holes),
                            f.field("passed_on", x.passed_on), f.field("ring_events", x.ring_events),
                            f.field("ring_bytes", x.ring_bytes), f.field("sessions", x.sessions));
}

} // namespace shardyard
