// What a candidate tells the node of its process about the coordinator. Stays in the process, like the types
// of local_messages.hpp.
#pragma once

#include "actors/local_messages.hpp"

namespace shardyard {

/// Where the coordinator lives now. `local` is set: here; else a port: at that node; else: the one that lived
/// here has ended.
struct leader_news {
  coordinator_actor local;
  std::string host;
  std::uint16_t port = 0;
  std::uint64_t cluster_epoch = 0;
};

} // namespace shardyard

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shardyard::leader_news)

CAF_BEGIN_TYPE_ID_BLOCK(shardyard_leader, caf::id_block::shardyard_local::end)
CAF_ADD_TYPE_ID(shardyard_leader, (shardyard::leader_news))
CAF_END_TYPE_ID_BLOCK(shardyard_leader)
