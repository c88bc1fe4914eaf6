// Writes the seeds of all targets into FOLDER/TARGET/, where libFuzzer looks for them.
#include "tests/fuzz/targets.hpp"

#include <filesystem>
#include <fstream>

int main(int argc, char** argv) {
  if (argc != 2)
    return 2;
  for (auto& target : shardyard::fuzz::targets()) {
    auto folder = std::filesystem::path{argv[1]} / target.name;
    std::filesystem::create_directories(folder);
    auto number = 0;
    for (auto& seed : target.seeds())
      std::ofstream{folder / ("seed-" + std::to_string(number++)), std::ios::binary} << seed;
  }
  return 0;
}
