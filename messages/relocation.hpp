// What coordinator and nodes say to each other when partitions and sessions move between hosts, by order or
// because a host died: groups of partitions, their state, copies of it on a second host, leases.
#pragma once

#include "messages/ids.hpp"
#include "messages/session_row.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shardyard {

/// Partitions that live on one node together: one actor, one position log, one stream from each shard. Moves
/// as a whole, or is divided while it is stopped; ids are never used again.
struct group_place {
  std::uint32_t id = 0;
  std::uint64_t epoch = 0; ///< rises with each change of node or partitions; older ones deliver nothing
  std::string node;
  std::vector<std::uint32_t> partitions;

  bool operator==(const group_place&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, group_place& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("epoch", x.epoch), f.field("node", x.node),
                            f.field("partitions", x.partitions));
}

/// The final, or the copied, state of a group, kept by a node until it is told to forget it.
struct group_copy {
  std::uint32_t id = 0;
  std::uint64_t epoch = 0;
  std::uint64_t bytes = 0;
  bool final = false; ///< the group was stopped in order: nothing was delivered after this state

  bool operator==(const group_copy&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, group_copy& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("epoch", x.epoch), f.field("bytes", x.bytes),
                            f.field("final", x.final));
}

/// Coordinator -> node: stop this group: deliver nothing more, wait for the sinks, keep its final state for
/// whoever adopts it.
struct release_group {
  std::uint64_t cluster_epoch = 0;
  std::uint32_t id = 0;
  std::uint64_t epoch = 0; ///< that it has now
};

template <class Inspector>
bool inspect(Inspector& f, release_group& x) {
  return f.object(x).fields(f.field("cluster_epoch", x.cluster_epoch), f.field("id", x.id),
                            f.field("epoch", x.epoch));
}

/// Coordinator -> node: run this group, from the state that `source_node` keeps as (`source_id`,
/// `source_epoch`); without a source node: from nothing, as a new cluster does.
struct adopt_group {
  std::uint64_t cluster_epoch = 0;
  group_place place;
  std::uint32_t source_id = 0;
  std::uint64_t source_epoch = 0;
  std::string source_node;
};

template <class Inspector>
bool inspect(Inspector& f, adopt_group& x) {
  return f.object(x).fields(f.field("cluster_epoch", x.cluster_epoch), f.field("place", x.place),
                            f.field("source_id", x.source_id), f.field("source_epoch", x.source_epoch),
                            f.field("source_node", x.source_node));
}

/// Coordinator -> node: these copies serve nobody any more.
struct forget_copy {
  std::uint64_t cluster_epoch = 0;
  std::uint32_t id = 0;
  std::uint64_t through_epoch = 0;
};

template <class Inspector>
bool inspect(Inspector& f, forget_copy& x) {
  return f.object(x).fields(f.field("cluster_epoch", x.cluster_epoch), f.field("id", x.id),
                            f.field("through_epoch", x.through_epoch));
}

/// Node -> node: a piece of a kept state.
struct fetch_copy {
  std::uint32_t id = 0;
  std::uint64_t epoch = 0;
  std::uint64_t offset = 0;
};

template <class Inspector>
bool inspect(Inspector& f, fetch_copy& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("epoch", x.epoch), f.field("offset", x.offset));
}

/// At most 512 KiB of it, from `offset` on; `total` bytes in all.
struct copy_piece {
  std::uint64_t offset = 0;
  std::uint64_t total = 0;
  std::string bytes;
};

template <class Inspector>
bool inspect(Inspector& f, copy_piece& x) {
  return f.object(x).fields(f.field("offset", x.offset), f.field("total", x.total),
                            f.field("bytes", x.bytes));
}

/// Group's node -> its second host: records of the group's position log behind byte `offset` of the copy;
/// `anew`: the copy begins with these.
struct copy_append {
  std::string node; ///< whose group it is
  std::uint64_t incarnation = 0;
  std::uint32_t id = 0;
  std::uint64_t epoch = 0;
  std::uint64_t offset = 0;
  bool anew = false;
  std::string bytes;
  std::uint64_t until = 0; ///< of a copy that begins anew in pieces: the size at which it replaces the old
};

template <class Inspector>
bool inspect(Inspector& f, copy_append& x) {
  return f.object(x).fields(f.field("node", x.node), f.field("incarnation", x.incarnation),
                            f.field("id", x.id), f.field("epoch", x.epoch), f.field("offset", x.offset),
                            f.field("anew", x.anew), f.field("bytes", x.bytes), f.field("until", x.until));
}

/// Size of the copy now. Smaller than expected: send anew from there, or all of it.
struct copy_kept {
  std::uint32_t id = 0;
  std::uint64_t epoch = 0;
  std::uint64_t bytes = 0;
};

template <class Inspector>
bool inspect(Inspector& f, copy_kept& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("epoch", x.epoch), f.field("bytes", x.bytes));
}

/// Coordinator -> node -> shard: stop reading, wait until all is acknowledged, close so that the session can
/// be RESUMEd elsewhere.
struct release_shard {
  std::uint64_t cluster_epoch = 0;
  shard_key shard;
};

template <class Inspector>
bool inspect(Inspector& f, release_shard& x) {
  return f.object(x).fields(f.field("cluster_epoch", x.cluster_epoch), f.field("shard", x.shard));
}

/// Node -> coordinator: closed in order; from here it can be RESUMEd. No session: it had none.
struct shard_released {
  std::uint64_t cluster_epoch = 0;
  std::string node;
  shard_key shard;
  std::optional<session_checkpoint> session;
  std::uint32_t closed_for_ms = 0; ///< since its socket was closed
};

template <class Inspector>
bool inspect(Inspector& f, shard_released& x) {
  return f.object(x).fields(f.field("cluster_epoch", x.cluster_epoch), f.field("node", x.node),
                            f.field("shard", x.shard), f.field("session", x.session),
                            f.field("closed_for_ms", x.closed_for_ms));
}

/// Node -> coordinator and -> its second host, as its shards tell it (actors/shard/news_pace.hpp): where its
/// sessions can be RESUMEd from. Also what it keeps for others, to a new coordinator.
struct checkpoint_report {
  std::string node; ///< whose sessions they are
  std::uint64_t incarnation = 0;
  std::uint64_t cluster_epoch = 0;
  std::vector<session_checkpoint> rows; ///< new or changed ones, whole
  std::vector<cursor_move> moves;
  std::vector<cursor_move> gone; ///< sessions that are closed or lost: shard and term
};

template <class Inspector>
bool inspect(Inspector& f, checkpoint_report& x) {
  return f.object(x).fields(f.field("node", x.node), f.field("incarnation", x.incarnation),
                            f.field("cluster_epoch", x.cluster_epoch), f.field("rows", x.rows),
                            f.field("moves", x.moves), f.field("gone", x.gone));
}

/// Node -> coordinator, every second: may this node go on delivering? Node -> node, when no coordinator
/// answers.
struct lease_request {
  std::string node;
  std::uint64_t incarnation = 0;
  std::uint64_t cluster_epoch = 0; ///< newest that the asker knows
  std::uint64_t revision = 0;      ///< of the assignment that it follows
  /// For so long this host has spoken for no other: since it did last, or since its process began.
  std::uint64_t silent_ms = 0;
};

/// A host that was declared dead, or cannot be reached by the coordinator: nobody speaks for it.
struct lost_host {
  std::string node;
  std::uint64_t incarnation = 0;
};

template <class Inspector>
bool inspect(Inspector& f, lost_host& x) {
  return f.object(x).fields(f.field("node", x.node), f.field("incarnation", x.incarnation));
}

template <class Inspector>
bool inspect(Inspector& f, lease_request& x) {
  return f.object(x).fields(f.field("node", x.node), f.field("incarnation", x.incarnation),
                            f.field("cluster_epoch", x.cluster_epoch), f.field("revision", x.revision),
                            f.field("silent_ms", x.silent_ms));
}

enum class lease_verdict : std::uint8_t {
  granted, ///< for `ttl_ms` from the moment of asking
  silent,  ///< a peer that has a coordinator of its own says nothing for others
  fenced,  ///< this incarnation was declared dead: begin anew, with empty hands
};

template <class Inspector>
bool inspect(Inspector& f, lease_verdict& x) {
  auto get = [&x] { return static_cast<std::uint8_t>(x); };
  auto set = [&x](std::uint8_t n) {
    x = static_cast<lease_verdict>(n);
    return n <= static_cast<std::uint8_t>(lease_verdict::fenced);
  };
  return f.apply(get, set);
}

struct lease_answer {
  lease_verdict verdict = lease_verdict::silent;
  std::uint32_t ttl_ms = 0;
};

template <class Inspector>
bool inspect(Inspector& f, lease_answer& x) {
  return f.object(x).fields(f.field("verdict", x.verdict), f.field("ttl_ms", x.ttl_ms));
}

} // namespace shardyard
