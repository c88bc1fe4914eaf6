#include "actors/coordinator/leader_news.hpp"

#include <caf/all.hpp>

namespace shardyard {

void register_local_messages() {
  caf::init_global_meta_objects<caf::id_block::shardyard_leader>();
  caf::init_global_meta_objects<caf::id_block::shardyard_local>();
  register_messages();
}

} // namespace shardyard
