#include "messages/version.hpp"

namespace shardyard {

std::string_view build_version() {
  return SHARDYARD_VERSION;
}

} // namespace shardyard
