#include "tests/source_dir.hpp"

namespace shardyard {

std::filesystem::path source_dir() {
  return SHARDYARD_SOURCE_DIR;
}

} // namespace shardyard
