// The control plane: what coordinator, nodes and shards say to each other about shards, permits and plans.
// Each message names its sender, its trigger and its effect; every handler is idempotent, and whatever
// carries an older cluster epoch is refused.
#pragma once

#include "messages/ids.hpp"
#include "messages/relocation.hpp"
#include "messages/report.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace shardyard {

/// Raised with every change of a message or of the event table: builds that differ do not join each other.
inline constexpr std::uint32_t protocol_version = 6;

// -- membership
// --------------------------------------------------------------------------------------------------------

/// Node -> coordinator or node, first message on every link: who I am.
struct node_card {
  std::string name;
  std::uint64_t incarnation = 0; ///< new with each start of the process
  std::string cluster;
  std::uint32_t protocol = protocol_version;
  std::string host; ///< where peers reach this node
  std::uint16_t port = 0;
  std::uint32_t weight = 1; ///< share of shards and partitions; 0 hosts none
  std::string version;      ///< of the build, for people
};

/// Coordinator -> node: the answer to a card, and again after each change. Names instead of handles.
struct assignment {
  std::uint64_t cluster_epoch = 0;
  std::uint64_t revision = 0;
  std::uint32_t partition_count = 0;
  std::vector<node_card> members;
  std::vector<group_place> groups;   ///< each partition is in exactly one; empty until the first placement
  std::uint32_t active_topology = 0; ///< the topology that leads where no plan says otherwise
  std::uint32_t shards = 0;          ///< of the active topology, or of the one that a running plan makes
  std::uint32_t other_topology = 0;  ///< the second topology of a running plan; 0 = none
  std::uint64_t plan = 0;            ///< the running plan; 0 = none
  std::string coordinator_node;      ///< the member where the coordinator lives
  std::string gateway_url;           ///< from GET /gateway/bot; empty: not known yet
  std::string identity;        ///< JSON {"user":{..},"application":{..}} of the bot; empty: not known yet
  std::vector<lost_host> lost; ///< nobody speaks for these
};

// -- the five messages of a reshard
// --------------------------------------------------------------------------------------

/// Coordinator -> node: run this shard. A session found in the node's checkpoints is RESUMEd, else a permit
/// is asked for.
struct start {
  std::uint64_t plan = 0; ///< 0: not part of a plan
  std::uint64_t cluster_epoch = 0;
  shard_key shard;
  std::uint64_t term = 0; ///< of this life of the shard: higher than that of every earlier one, on any host
  std::optional<session_checkpoint> session; ///< to RESUME, from another host
};

/// Shard -> coordinator: READY seen and every guild it listed has arrived or is marked unavailable.
struct ready {
  std::uint64_t cluster_epoch = 0;
  shard_key shard;
  std::uint32_t guilds = 0;
  std::uint32_t unavailable = 0;
};

/// Coordinator -> node -> shard -> partitions, in the event stream: guilds of this shard may be cut to their
/// other session. `retract` is the same for a new shard whose plan is aborted: back to where they came from.
struct transfer {
  std::uint64_t plan = 0;
  std::uint64_t cluster_epoch = 0;
  shard_key shard;
  bool retract = false;
  bool accept = false; ///< to the partitions instead: cut the guilds that are listed as exceptions now
  bool calls = false;  ///< to the partitions instead: in all groups nothing is left of the shard's unit to be
                       ///< cut but guilds where the bot speaks. With `accept`: these are left out
};

/// Coordinator -> node -> shard: everything acknowledged and no guild led by you: then close.
struct drain {
  std::uint64_t plan = 0;
  std::uint64_t cluster_epoch = 0;
  shard_key shard;
  bool forget =
      false; ///< end the session at Discord (close 1000): an aborted plan's new shard, or `done` is durable
};

/// Shard -> coordinator: closed. `refused_led` > 0: not closed, this many guilds are still led by it.
struct done {
  std::uint64_t plan = 0;
  std::uint64_t cluster_epoch = 0;
  shard_key shard;
  std::uint64_t last_s = 0;
  std::uint64_t events = 0;
  std::uint64_t refused_led = 0;
};

// -- identify permits
// ------------------------------------------------------------------------------------------------------

enum class identify_purpose : std::uint8_t { recovery, start, reshard };

/// Shard -> coordinator: may I IDENTIFY? Asked before connecting, and again after the hint.
struct identify_request {
  std::uint64_t cluster_epoch = 0;
  shard_key shard;
  identify_purpose purpose = identify_purpose::start;
  std::uint64_t ask = 0; ///< rises with each new wish of the shard; the answer repeats it
};

enum class identify_verdict : std::uint8_t { granted, wait, refused };

struct identify_answer {
  identify_verdict verdict = identify_verdict::wait;
  std::uint64_t ask = 0;
  std::uint64_t permit = 0; ///< granted: its id, to be reported when used
  std::uint32_t after_ms =
      0;           ///< wait: ask again after this long. granted: valid this long from the moment of asking
  std::string why; ///< wait, refused
  std::string instead; ///< refused: what the operator can do
};

/// Shard -> coordinator: IDENTIFY was sent `age_ms` ago under this permit; `invalid`: Discord answered op 9.
struct identify_sent {
  shard_key shard;
  std::uint64_t permit = 0;
  std::uint32_t age_ms = 0;
  bool invalid = false;
};

/// Shard -> coordinator: this permit will not be used; its key and its place in the budget are free again.
struct permit_returned {
  shard_key shard;
  std::uint64_t permit = 0;
};

// -- operators
// ---------------------------------------------------------------------------------------------------------------

/// Admin -> coordinator: one verb of the command line.
struct admin_request {
  std::string verb; ///< status, plan, reshard, commit, pause, continue, abort, report, nodes, move,
                    ///< drain-node, uncordon, rebalance
  std::uint32_t target = 0;
  std::uint64_t plan = 0; ///< report: which plan; 0 = the newest
  bool renew = false;
  bool hold = false;
  bool accept = false;
  bool dry_run = false;
  std::string subject; ///< move: "3" or "2:3" (topology and shard) or "partition:7"; others: a node's name
  std::string node;    ///< move: where to
};

/// Coordinator -> admin. `body` is a JSON document; a refusal says why and what to do instead.
struct admin_reply {
  bool ok = false;
  std::string why;
  std::string instead;
  std::string body;
};

// -- inspection
// -----------------------------------------------------------------------------------------------------------

template <class Inspector, class Enum>
bool inspect_enum(Inspector& f, Enum& x, Enum last) {
  auto get = [&x] { return static_cast<std::uint8_t>(x); };
  auto set = [&x, last](std::uint8_t n) {
    x = static_cast<Enum>(n);
    return n <= static_cast<std::uint8_t>(last); // a peer may send anything
  };
  return f.apply(get, set);
}

template <class Inspector>
bool inspect(Inspector& f, identify_purpose& x) {
  return inspect_enum(f, x, identify_purpose::reshard);
}

template <class Inspector>
bool inspect(Inspector& f, identify_verdict& x) {
  return inspect_enum(f, x, identify_verdict::refused);
}

template <class Inspector>
bool inspect(Inspector& f, node_card& x) {
  return f.object(x).fields(f.field("name", x.name), f.field("incarnation", x.incarnation),
                            f.field("cluster", x.cluster), f.field("protocol", x.protocol),
                            f.field("host", x.host), f.field("port", x.port), f.field("weight", x.weight),
                            f.field("version", x.version));
}

template <class Inspector>
bool inspect(Inspector& f, assignment& x) {
  return f.object(x).fields(f.field("cluster_epoch", x.cluster_epoch), f.field("revision", x.revision),
                            f.field("partition_count", x.partition_count), f.field("members", x.members),
                            f.field("groups", x.groups), f.field("active_topology", x.active_topology),
                            f.field("shards", x.shards), f.field("other_topology", x.other_topology),
                            f.field("plan", x.plan), f.field("coordinator_node", x.coordinator_node),
                            f.field("gateway_url", x.gateway_url), f.field("identity", x.identity),
                            f.field("lost", x.lost));
}

template <class Inspector>
bool inspect(Inspector& f, start& x) {
  return f.object(x).fields(f.field("plan", x.plan), f.field("cluster_epoch", x.cluster_epoch),
                            f.field("shard", x.shard), f.field("term", x.term),
                            f.field("session", x.session));
}

template <class Inspector>
bool inspect(Inspector& f, ready& x) {
  return f.object(x).fields(f.field("cluster_epoch", x.cluster_epoch), f.field("shard", x.shard),
                            f.field("guilds", x.guilds), f.field("unavailable", x.unavailable));
}

template <class Inspector>
bool inspect(Inspector& f, transfer& x) {
  return f.object(x).fields(f.field("plan", x.plan), f.field("cluster_epoch", x.cluster_epoch),
                            f.field("shard", x.shard), f.field("retract", x.retract),
                            f.field("accept", x.accept), f.field("calls", x.calls));
}

template <class Inspector>
bool inspect(Inspector& f, drain& x) {
  return f.object(x).fields(f.field("plan", x.plan), f.field("cluster_epoch", x.cluster_epoch),
                            f.field("shard", x.shard), f.field("forget", x.forget));
}

template <class Inspector>
bool inspect(Inspector& f, done& x) {
  return f.object(x).fields(f.field("plan", x.plan), f.field("cluster_epoch", x.cluster_epoch),
                            f.field("shard", x.shard), f.field("last_s", x.last_s),
                            f.field("events", x.events), f.field("refused_led", x.refused_led));
}

template <class Inspector>
bool inspect(Inspector& f, identify_request& x) {
  return f.object(x).fields(f.field("cluster_epoch", x.cluster_epoch), f.field("shard", x.shard),
                            f.field("purpose", x.purpose), f.field("ask", x.ask));
}

template <class Inspector>
bool inspect(Inspector& f, identify_answer& x) {
  return f.object(x).fields(f.field("verdict", x.verdict), f.field("ask", x.ask), f.field("permit", x.permit),
                            f.field("after_ms", x.after_ms), f.field("why", x.why),
                            f.field("instead", x.instead));
}

template <class Inspector>
bool inspect(Inspector& f, identify_sent& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("permit", x.permit),
                            f.field("age_ms", x.age_ms), f.field("invalid", x.invalid));
}

template <class Inspector>
bool inspect(Inspector& f, permit_returned& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("permit", x.permit));
}

template <class Inspector>
bool inspect(Inspector& f, admin_request& x) {
  return f.object(x).fields(f.field("verb", x.verb), f.field("target", x.target), f.field("plan", x.plan),
                            f.field("renew", x.renew), f.field("hold", x.hold), f.field("accept", x.accept),
                            f.field("dry_run", x.dry_run), f.field("subject", x.subject),
                            f.field("node", x.node));
}

template <class Inspector>
bool inspect(Inspector& f, admin_reply& x) {
  return f.object(x).fields(f.field("ok", x.ok), f.field("why", x.why), f.field("instead", x.instead),
                            f.field("body", x.body));
}

} // namespace shardyard
