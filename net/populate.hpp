// Memory that is going to be written from end to end. Fresh pages cost an exception each when they are
// touched one by one, which for a block of some events is as much as the copy itself; asked for together they
// cost the clearing.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sys/mman.h>
#include <unistd.h>

namespace shardyard::net {

/// Has the whole pages within [at, at + size) there (madvise(2), MADV_POPULATE_WRITE, Linux 5.14). What is
/// there already stays, and a kernel that cannot do it is no error: the pages come one by one then. Any
/// thread.
inline void populate(char* at, std::size_t size) {
  constexpr std::size_t worth_a_call = 32 << 10;
  if (size < worth_a_call)
    return;
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  auto address = reinterpret_cast<std::uintptr_t>(at);
  auto begin = (address + page - 1) / page * page, end = (address + size) / page * page;
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_WRITE);
}

} // namespace shardyard::net
