// The map of the system: every actor that can be reached from outside its room, with one line per message.
// Whoever wants to talk to a cluster from C++ includes this header and calls register_messages() before
// making an actor_system.
#pragma once

#include "messages/bots.hpp"
#include "messages/control.hpp"
#include "messages/event_block.hpp"
#include "messages/report.hpp"
#include "messages/stream.hpp"

#include <caf/fwd.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

namespace shardyard {

/// A block as it travels: shared inside a process, packed between hosts.
struct stream_block {
  std::uint64_t ordinal = 0; ///< of the stream from this shard to this group
  std::uint64_t stream = 0;  ///< number of the stream; a higher one replaces all before
  std::uint64_t term = 0;    ///< of the shard's life, above the stream's number
  std::shared_ptr<const event_block> block;
};

template <class Inspector>
bool inspect(Inspector& f, stream_block& x) {
  event_block block;
  if constexpr (!Inspector::is_loading)
    if (x.block)
      block = *x.block;
  auto ok = f.object(x).fields(f.field("ordinal", x.ordinal), f.field("stream", x.stream),
                               f.field("term", x.term), f.field("block", block));
  if constexpr (Inspector::is_loading)
    x.block = std::make_shared<const event_block>(std::move(block));
  return ok;
}

struct stream_mark {
  std::uint64_t ordinal = 0;
  std::uint64_t stream = 0;
  std::uint64_t term = 0;
  std::int64_t sent_ns = 0; ///< of the clock of `mark.began_ns`
  source_mark mark;
};

template <class Inspector>
bool inspect(Inspector& f, stream_mark& x) {
  return f.object(x).fields(f.field("ordinal", x.ordinal), f.field("stream", x.stream),
                            f.field("term", x.term), f.field("sent_ns", x.sent_ns), f.field("mark", x.mark));
}

/// Group -> shard: acknowledged up to here; or the stream has a hole and must begin anew.
struct stream_answer {
  std::uint32_t group = 0;
  std::uint64_t stream = 0;
  std::uint64_t through = 0;
  bool restart = false;
};

template <class Inspector>
bool inspect(Inspector& f, stream_answer& x) {
  return f.object(x).fields(f.field("group", x.group), f.field("stream", x.stream),
                            f.field("through", x.through), f.field("restart", x.restart));
}

/// What a partition group hands to a sink: deliveries in order. Entries carry n, epoch and flags.
struct sink_batch {
  std::uint64_t number = 0; ///< rises by one per batch of the group; 0: delivered before a restart, in case
                            ///< the sink has not got it
  std::vector<event_block> blocks;
};

template <class Inspector>
bool inspect(Inspector& f, sink_batch& x) {
  return f.object(x).fields(f.field("number", x.number), f.field("blocks", x.blocks));
}

/// Sink -> group: batch accepted; `position` is opaque to the group (the jsonl sink: its file offset) and
/// kept in its log.
struct delivery_accepted {
  std::uint64_t number = 0;
  std::uint64_t position = 0;
};

template <class Inspector>
bool inspect(Inspector& f, delivery_accepted& x) {
  return f.object(x).fields(f.field("number", x.number), f.field("position", x.position));
}

struct tick {};
template <class Inspector>
bool inspect(Inspector& f, tick& x) {
  return f.object(x).fields();
}

struct find_coordinator {};
template <class Inspector>
bool inspect(Inspector& f, find_coordinator& x) {
  return f.object(x).fields();
}

struct find_partition_group {
  std::uint32_t id = 0;
  std::uint64_t epoch = 0; ///< at least this
};
template <class Inspector>
bool inspect(Inspector& f, find_partition_group& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("epoch", x.epoch));
}

/// What a bot's own code implements to receive events in C++; also the interface of the built-in sinks.
using sink_actor = caf::typed_actor<
    // Take these deliveries; answer when they are safe, not before. Not answering pushes back.
    caf::result<delivery_accepted>(sink_batch)>;

/// The part of a shard that partition groups answer to.
using stream_source_actor = caf::typed_actor<
    // Forget what is acknowledged; begin the stream anew when asked to.
    caf::result<void>(stream_answer),
    // Learn how many guilds of a group the shard still leads.
    caf::result<void>(drain_answer),
    // Send a bot's command to Discord.
    caf::result<void>(upstream_command)>;

using partition_group_actor = caf::typed_actor<
    // Take the next events of a shard's stream.
    caf::result<void>(stream_block),
    // Take the next mark of a shard's stream.
    caf::result<void>(stream_mark),
    // Which topology leads, which plan runs.
    caf::result<void>(assignment),
    // Operator's acceptance: cut the exceptions of this plan's shard now.
    caf::result<void>(transfer),
    // Feed a bot endpoint, whose sink_actor comes along.
    caf::result<feed_opened>(feed_request, caf::strong_actor_ptr),
    // Name the guilds that a bot's shard has.
    caf::result<guild_list>(guild_list_request),
    // Describe guilds from the cache.
    caf::result<snapshot_answer>(snapshot_request),
    // Pass a bot's command on to the shard that leads the guild, or answer it from the cache.
    caf::result<void>(bot_command),
    // End holds, make quiet cuts, write checkpoints.
    caf::result<void>(tick)>;

using coordinator_actor = caf::typed_actor<
    // Let a node in; a refusal is an error that says why. Sent again after each reconnect.
    caf::result<assignment>(node_card, caf::strong_actor_ptr),
    // Decide on an IDENTIFY.
    caf::result<identify_answer>(identify_request),
    // Book an IDENTIFY that was sent.
    caf::result<void>(identify_sent),
    // Take a permit back that was not used.
    caf::result<void>(permit_returned),
    // Note that a shard has all its guilds.
    caf::result<void>(ready),
    // Note that a shard is closed.
    caf::result<void>(done),
    // Replace the picture of a node.
    caf::result<void>(node_report),
    // Remember where a node's sessions can be RESUMEd from.
    caf::result<void>(checkpoint_report),
    // Note that a shard was closed for a move, with its session.
    caf::result<void>(shard_released),
    // Let a node go on delivering.
    caf::result<lease_answer>(lease_request),
    // Compare the mix of events of each shard with its past and its peers.
    caf::result<void>(mix_report),
    // Note which bots are connected to a node.
    caf::result<void>(endpoint_report),
    // Carry out an operator's verb.
    caf::result<admin_reply>(admin_request),
    // Take the next steps of the plan, start what should run.
    caf::result<void>(tick)>;

using node_actor = caf::typed_actor<
    // Tell a peer, who comes with its node, who lives here; an error when cluster or protocol differ.
    caf::result<node_card>(node_card, caf::strong_actor_ptr),
    // Answer with the coordinator if it lives here, else with null and the host and port of its node (port 0:
    // not known).
    caf::result<caf::strong_actor_ptr, std::string, std::uint16_t>(find_coordinator),
    // Answer with a partition group of this node; an error while it does not run here.
    caf::result<partition_group_actor>(find_partition_group),
    // Follow the coordinator's newest picture of the cluster.
    caf::result<void>(assignment),
    // Run a shard.
    caf::result<void>(start),
    // Let the guilds of a shard be cut.
    caf::result<void>(transfer),
    // Close a shard when nothing of it is needed any more.
    caf::result<void>(drain),
    // Close a shard so that its session can be RESUMEd elsewhere.
    caf::result<void>(release_shard),
    // Stop a partition group and keep its state.
    caf::result<void>(release_group),
    // Run a partition group from a kept state.
    caf::result<void>(adopt_group),
    // Drop kept states.
    caf::result<void>(forget_copy),
    // Give a piece of a kept state.
    caf::result<copy_piece>(fetch_copy),
    // Keep a copy of a peer's position log.
    caf::result<copy_kept>(copy_append),
    // Keep a copy of a peer's session rows.
    caf::result<void>(checkpoint_report),
    // Speak for a peer while no coordinator answers.
    caf::result<lease_answer>(lease_request),
    // Show a bot's presence on the shards here.
    caf::result<void>(bot_presence),
    // Dial peers, report.
    caf::result<void>(tick)>;

/// Registers the type ids below with CAF. Call once, before the first actor_system.
void register_messages();

} // namespace shardyard

// Ids follow the order of the lines and cross hosts: append only.
CAF_BEGIN_TYPE_ID_BLOCK(shardyard, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(shardyard, (shardyard::shard_key))
CAF_ADD_TYPE_ID(shardyard, (shardyard::event_source))
CAF_ADD_TYPE_ID(shardyard, (shardyard::event_block))
CAF_ADD_TYPE_ID(shardyard, (shardyard::source_mark))
CAF_ADD_TYPE_ID(shardyard, (shardyard::mark_kind))
CAF_ADD_TYPE_ID(shardyard, (shardyard::stream_ack))
CAF_ADD_TYPE_ID(shardyard, (shardyard::drain_answer))
CAF_ADD_TYPE_ID(shardyard, (shardyard::stream_block))
CAF_ADD_TYPE_ID(shardyard, (shardyard::stream_mark))
CAF_ADD_TYPE_ID(shardyard, (shardyard::stream_answer))
CAF_ADD_TYPE_ID(shardyard, (shardyard::sink_batch))
CAF_ADD_TYPE_ID(shardyard, (shardyard::delivery_accepted))
CAF_ADD_TYPE_ID(shardyard, (shardyard::tick))
CAF_ADD_TYPE_ID(shardyard, (shardyard::find_coordinator))
CAF_ADD_TYPE_ID(shardyard, (shardyard::find_partition_group))
CAF_ADD_TYPE_ID(shardyard, (shardyard::node_card))
CAF_ADD_TYPE_ID(shardyard, (shardyard::assignment))
CAF_ADD_TYPE_ID(shardyard, (shardyard::start))
CAF_ADD_TYPE_ID(shardyard, (shardyard::ready))
CAF_ADD_TYPE_ID(shardyard, (shardyard::transfer))
CAF_ADD_TYPE_ID(shardyard, (shardyard::drain))
CAF_ADD_TYPE_ID(shardyard, (shardyard::done))
CAF_ADD_TYPE_ID(shardyard, (shardyard::identify_purpose))
CAF_ADD_TYPE_ID(shardyard, (shardyard::identify_verdict))
CAF_ADD_TYPE_ID(shardyard, (shardyard::identify_request))
CAF_ADD_TYPE_ID(shardyard, (shardyard::identify_answer))
CAF_ADD_TYPE_ID(shardyard, (shardyard::identify_sent))
CAF_ADD_TYPE_ID(shardyard, (shardyard::admin_request))
CAF_ADD_TYPE_ID(shardyard, (shardyard::admin_reply))
CAF_ADD_TYPE_ID(shardyard, (shardyard::shard_phase))
CAF_ADD_TYPE_ID(shardyard, (shardyard::shard_status))
CAF_ADD_TYPE_ID(shardyard, (shardyard::delay_counts))
CAF_ADD_TYPE_ID(shardyard, (shardyard::handover_report))
CAF_ADD_TYPE_ID(shardyard, (shardyard::group_figures))
CAF_ADD_TYPE_ID(shardyard, (shardyard::node_report))
CAF_ADD_TYPE_ID(shardyard, (shardyard::sink_actor))
CAF_ADD_TYPE_ID(shardyard, (shardyard::partition_group_actor))
CAF_ADD_TYPE_ID(shardyard, (shardyard::coordinator_actor))
CAF_ADD_TYPE_ID(shardyard, (shardyard::node_actor))
CAF_ADD_TYPE_ID(shardyard, (shardyard::permit_returned))
CAF_ADD_TYPE_ID(shardyard, (shardyard::stream_source_actor))
CAF_ADD_TYPE_ID(shardyard, (shardyard::group_place))
CAF_ADD_TYPE_ID(shardyard, (shardyard::group_copy))
CAF_ADD_TYPE_ID(shardyard, (shardyard::group_status))
CAF_ADD_TYPE_ID(shardyard, (shardyard::session_checkpoint))
CAF_ADD_TYPE_ID(shardyard, (shardyard::cursor_move))
CAF_ADD_TYPE_ID(shardyard, (shardyard::release_group))
CAF_ADD_TYPE_ID(shardyard, (shardyard::adopt_group))
CAF_ADD_TYPE_ID(shardyard, (shardyard::forget_copy))
CAF_ADD_TYPE_ID(shardyard, (shardyard::fetch_copy))
CAF_ADD_TYPE_ID(shardyard, (shardyard::copy_piece))
CAF_ADD_TYPE_ID(shardyard, (shardyard::copy_append))
CAF_ADD_TYPE_ID(shardyard, (shardyard::copy_kept))
CAF_ADD_TYPE_ID(shardyard, (shardyard::release_shard))
CAF_ADD_TYPE_ID(shardyard, (shardyard::shard_released))
CAF_ADD_TYPE_ID(shardyard, (shardyard::checkpoint_report))
CAF_ADD_TYPE_ID(shardyard, (shardyard::lease_request))
CAF_ADD_TYPE_ID(shardyard, (shardyard::lease_verdict))
CAF_ADD_TYPE_ID(shardyard, (shardyard::lease_answer))
CAF_ADD_TYPE_ID(shardyard, (shardyard::lost_host))
CAF_ADD_TYPE_ID(shardyard, (shardyard::guild_filter))
CAF_ADD_TYPE_ID(shardyard, (shardyard::feed_request))
CAF_ADD_TYPE_ID(shardyard, (shardyard::feed_opened))
CAF_ADD_TYPE_ID(shardyard, (shardyard::guild_list_request))
CAF_ADD_TYPE_ID(shardyard, (shardyard::guild_list))
CAF_ADD_TYPE_ID(shardyard, (shardyard::snapshot_request))
CAF_ADD_TYPE_ID(shardyard, (shardyard::guild_snapshot))
CAF_ADD_TYPE_ID(shardyard, (shardyard::snapshot_answer))
CAF_ADD_TYPE_ID(shardyard, (shardyard::bot_command))
CAF_ADD_TYPE_ID(shardyard, (shardyard::upstream_command))
CAF_ADD_TYPE_ID(shardyard, (shardyard::bot_presence))
CAF_ADD_TYPE_ID(shardyard, (shardyard::event_count))
CAF_ADD_TYPE_ID(shardyard, (shardyard::shard_mix))
CAF_ADD_TYPE_ID(shardyard, (shardyard::mix_report))
CAF_ADD_TYPE_ID(shardyard, (shardyard::bot_session_row))
CAF_ADD_TYPE_ID(shardyard, (shardyard::endpoint_report))
CAF_END_TYPE_ID_BLOCK(shardyard)
