// Where this checkout lies. Said by one small file, so that all others are compiled alike in every checkout
// and the compiler cache knows them.
#pragma once

#include <filesystem>

namespace shardyard {

std::filesystem::path source_dir();

} // namespace shardyard
