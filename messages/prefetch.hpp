// Memory that will be wanted soon is asked for early. Guilds are thousands and their events come in no order,
// so mostly none of what an event touches is in a cache. Where a batch tells what is next, the waits for all
// of it overlap instead of following each other (Chen, Ailamaki, Gibbons, Mowry: "Improving Hash Join
// Performance through Prefetching", ICDE 2004, "group prefetching").
#pragma once

#include <cstddef>

namespace shardyard {

/// So many events are looked through at once: what they touch must still be there when their turn comes.
inline constexpr std::size_t prefetched_events = 16;
/// Fewer are worked off sooner than looked through.
inline constexpr std::size_t worth_prefetching = 4;

/// Any address does; one that cannot be read is ignored.
inline void prefetch(const void* at, std::size_t bytes) {
  constexpr std::size_t line = 64;
  auto begin = static_cast<const char*>(at);
  for (std::size_t i = 0; i < bytes; i += line)
    __builtin_prefetch(begin + i);
}

} // namespace shardyard
