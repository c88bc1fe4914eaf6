// The fuzz targets over their seeds, over damaged seeds, and over inputs that once failed: seconds instead of
// minutes.
#include "tests/fuzz/targets.hpp"
#include "tests/source_dir.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

namespace shardyard::fuzz {
namespace {

struct every_target : ::testing::TestWithParam<target> {};

TEST_P(every_target, bears_its_seeds) {
  auto seeds = GetParam().seeds();
  ASSERT_FALSE(seeds.empty());
  for (auto& seed : seeds)
    GetParam().run(seed);
  GetParam().run({});
}

TEST_P(every_target, bears_damaged_seeds) {
  auto number = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(number));
  std::printf("seed %u\n", number); // an abort would not show the trace
  std::mt19937 random{number};
  for (auto& seed : GetParam().seeds()) {
    for (int round = 0; round < 200 && !seed.empty(); ++round) {
      auto damaged = seed.substr(0, 1 + random() % seed.size());
      for (auto hits = random() % 4; hits > 0; --hits)
        damaged[random() % damaged.size()] = static_cast<char>(random());
      GetParam().run(damaged);
    }
  }
}

TEST_P(every_target, bears_what_once_failed) {
  auto folder = source_dir() / "tests/fuzz/corpus" / GetParam().name;
  if (!std::filesystem::exists(folder))
    return;
  for (auto& entry : std::filesystem::directory_iterator{folder}) {
    std::ifstream in{entry.path(), std::ios::binary};
    GetParam().run(std::string{std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}});
  }
}

INSTANTIATE_TEST_SUITE_P(fuzz, every_target, ::testing::ValuesIn(targets().begin(), targets().end()),
                         [](auto& about) { return std::string{about.param.name}; });

} // namespace
} // namespace shardyard::fuzz
