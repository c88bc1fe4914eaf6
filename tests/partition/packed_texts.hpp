// JSON in the packed form, for its tests.
#pragma once

#include "actors/partition/packed_json.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace shardyard {

inline std::string packed_of(std::string_view json) {
  std::string result;
  EXPECT_TRUE(packed::encode(result, json)) << json;
  return result;
}

} // namespace shardyard
