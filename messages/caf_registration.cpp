#include "messages/actor_interfaces.hpp"

#include <caf/all.hpp>
#include <caf/io/all.hpp>

namespace shardyard {

void register_messages() {
  caf::init_global_meta_objects<caf::id_block::shardyard>();
  caf::io::middleman::init_global_meta_objects();
  caf::core::init_global_meta_objects();
}

} // namespace shardyard
