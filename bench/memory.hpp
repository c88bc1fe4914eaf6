// Memory of a process as the kernel counts it: pages that only this process holds.
#pragma once

#include <fstream>
#include <string>

#include <malloc.h>
#include <sys/types.h>

namespace shardyard::bench {

/// KiB of private pages of `process` ("self" or a pid); 0 when it is gone.
inline long private_kib(const std::string& process = "self") {
  if (process == "self")
    malloc_trim(0);
  std::ifstream file{"/proc/" + process + "/smaps_rollup"};
  long sum = 0;
  for (std::string key; file >> key;) {
    long value = 0;
    if (key == "Private_Clean:" || key == "Private_Dirty:") {
      file >> value;
      sum += value;
    }
  }
  return sum;
}

} // namespace shardyard::bench
