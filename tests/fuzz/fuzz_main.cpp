// libFuzzer's way into one target; which one is chosen at compile time.
#include "tests/fuzz/targets.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  shardyard::fuzz::SHARDYARD_FUZZ_TARGET({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
