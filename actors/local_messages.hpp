// What the actors of one process tell each other. Nothing here crosses hosts: these types may hold pointers
// and handles.
#pragma once

#include "actors/shard/checkpoint_file.hpp"
#include "messages/actor_interfaces.hpp"
#include "net/gateway_bot.hpp"
#include "net/rest.hpp"

#include <caf/allowed_unsafe_message_type.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace shardyard {

/// Where a shard's events go. Made by the node, replaced as a whole; never leaves the process.
struct route_table {
  struct group {
    std::uint32_t id = 0;
    std::uint64_t epoch = 0;
    std::vector<std::uint32_t> partitions;
    partition_group_actor handle; ///< null: not reachable at present, events wait
  };
  std::uint64_t cluster_epoch = 0;
  coordinator_actor coordinator; ///< null: away
  std::vector<group> groups;
  std::vector<std::uint16_t> group_of; ///< by partition: index into groups
  std::string gateway_url;             ///< base URL for new sessions
  bool moving = false;                 ///< a plan runs: extra heartbeats
  /// CLOCK_BOOTTIME in ns until which this node may deliver, and its shards may connect; null: always.
  std::shared_ptr<std::atomic<std::int64_t>> deliver_until;
};

struct shard_routes {
  std::shared_ptr<const route_table> table;
};

/// Shard -> node, when something changed: the picture for the coordinator and the row for the checkpoints.
struct shard_news {
  shard_status status;
  std::optional<session_checkpoint> session; ///< the session began or its guilds changed: the whole row
  std::uint64_t cursor = 0;                  ///< otherwise the row's position
  std::int64_t newest_ms = 0;
  bool session_gone = false;       ///< there is no session to come back to
  bool released = false;           ///< closed for a move; `session`, if any, is the row to RESUME from
  std::uint32_t closed_for_ms = 0; ///< released: since the socket was closed
  bool gone = false;               ///< the actor ends for good
  std::optional<shard_mix> mix;    ///< now and then: what the session brought
};

/// Something that the io thread saw on a shard's connection (actors/shard/link_news.hpp).
struct link_news;
struct link_message {
  std::shared_ptr<link_news> news;
};
/// Events of connection `link` (session::link_number); a message of its own, since it comes per read.
struct link_block {
  std::uint64_t link = 0;
  std::shared_ptr<const event_block> block; ///< `from` filled
};

/// Partition group -> node, a few times a second: its part of the node's report.
struct group_news {
  std::uint32_t id = 0;
  std::uint64_t plan = 0;
  std::vector<handover_report> handovers;
  group_figures figures;
};

/// Node -> its partition groups: who keeps copies of their logs. Null: nobody.
struct copy_keeper {
  std::string name;
  node_actor node;
};

/// Partition group -> its log's writer: records, and how far each sink has come.
struct log_append {
  std::string records;
  std::vector<std::pair<std::string, std::string>> offsets;
  std::string piece;   ///< not empty: for the compaction under way, behind the records
  bool finish = false; ///< the compaction is whole with the records
};

/// Partition group -> its log's writer: a compaction begins with this state.
struct log_snapshot {
  std::string state;
};

/// The writer's answer. Not `ok`: nothing is lost, an append is tried again with the next one.
struct log_written {
  bool ok = false;
  std::string error; ///< of the append, or of the compaction
  bool wants_compaction = false;
  bool compacting = false; ///< one is under way
};

/// Partition group -> its log's writer: the records as the disk has them, for a copy; and the answer.
struct log_request {};
struct log_content {
  bool ok = false;
  std::string records; ///< or why they cannot be read
};

/// Coordinator's REST request -> coordinator.
struct gateway_news {
  std::shared_ptr<const net::gateway_bot_answer> answer;
};

/// Coordinator's REST requests -> coordinator: who the bot is.
struct identity_news {
  net::rest_answer user;        ///< GET /users/@me
  net::rest_answer application; ///< GET /applications/@me
};

/// Dialer -> node: what answered at `place`, or why nothing did.
struct peer_found {
  std::string place; ///< "host:port" as dialled
  std::string error; ///< empty: the rest is filled
  node_card card;
  node_actor node;
  coordinator_actor coordinator; ///< null: it lives elsewhere, perhaps at `hint`
  std::string hint_host;
  std::uint16_t hint_port = 0;
};

/// Node -> its bot endpoint: where the partitions and the other nodes are.
struct endpoint_routes {
  caf::typed_actor<caf::result<void>(endpoint_report)> node; ///< this one, for news
  std::shared_ptr<const route_table> table;
  std::map<std::string, node_actor> nodes; ///< this one too; null: not reachable
  std::string identity;                    ///< as in assignment
  std::uint32_t shards = 0;                ///< as in assignment
};

/// The switch of bot sessions -> endpoint: what it asks of the cluster.
struct guild_list_wish {
  std::uint32_t asker = 0;
  guild_filter which;
};
struct guild_fetch_wish {
  std::uint32_t asker = 0;
  snapshot_request wanted;
};
struct endpoint_wish {
  std::variant<guild_list_wish, guild_fetch_wish, bot_command, bot_presence> what;
};

/// Watch on the bots' credentials -> endpoint: these bots have lost theirs.
struct credentials_gone {
  std::vector<std::string> bots;
};

/// Registers the types above, and those of register_messages(). Call once, before the first actor_system.
void register_local_messages();

} // namespace shardyard

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::shard_routes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::shard_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::link_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::link_block)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::group_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::copy_keeper)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::log_append)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::log_snapshot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::log_written)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::log_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::log_content)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::peer_found)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::gateway_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::identity_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::endpoint_routes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::endpoint_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::credentials_gone)

CAF_BEGIN_TYPE_ID_BLOCK(shardyard_local, caf::id_block::shardyard::end)
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::shard_routes))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::shard_news))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::link_message))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::group_news))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::peer_found))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::gateway_news))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::copy_keeper))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::log_append))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::log_snapshot))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::log_written))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::identity_news))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::endpoint_routes))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::endpoint_wish))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::log_request))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::log_content))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::link_block))
CAF_ADD_TYPE_ID(shardyard_local, (shardyard::credentials_gone))
CAF_END_TYPE_ID_BLOCK(shardyard_local)
