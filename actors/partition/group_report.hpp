// What a partition group tells the coordinator and the operator about a running plan: plain figures, no
// behaviour.
#pragma once

#include "actors/partition/delay_histogram.hpp"
#include "messages/ids.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace shardyard {

/// Guilds of one shard in this group.
struct shard_report {
  shard_key shard;
  std::uint64_t plan = 0;              ///< newest plan that named the shard; 0: none
  bool transferred = false;            ///< transfer (or retract) has arrived
  std::uint64_t led = 0;               ///< guilds that this shard leads: uncut, once transferred
  std::uint64_t covered = 0;           ///< of those: the follower covers them
  std::array<std::uint64_t, 4> cuts{}; ///< guilds that went from this shard, by cut_kind
  monotonic longest_wait{0}; ///< that the traffic imposed on a guild before it could be cut from this shard
  monotonic last_difference{
      0}; ///< time of the newest late or lead-only event of a guild this shard shares; 0: none
  std::vector<snowflake>
      exceptions; ///< guilds uncut for longer than the limit, at most group_report::max_exceptions
  std::uint64_t exception_count = 0;
  std::uint64_t voice = 0;       ///< guilds that wait for their cut because the bot speaks there
  bool follower_lagging = false; ///< a session that follows this shard comes later than the longest hold
  monotonic follower_p99{0};     ///< how much later its followers show what it shows, 99 of 100 times
};

struct group_report {
  static constexpr std::size_t max_exceptions = 100;

  std::string node;
  std::vector<shard_report> shards;
  handover_counters counters; ///< since the group began
  delay_histogram
      delay; ///< added delay of all guild-lane events since the newest plan began, held ones included
  delay_histogram held_delay;      ///< of the held ones alone
  std::uint64_t held = 0;          ///< events held at this moment
  std::uint64_t overlap_bytes = 0; ///< memory of hand-overs and presence tables
  std::uint64_t guilds = 0;
  std::uint64_t channels = 0; ///< delivery sequences of channels outside guilds
  std::uint64_t uncached = 0; ///< guilds that should be remembered and are not: no snapshot has come
  std::uint64_t delivered = 0;
  std::uint64_t replayed = 0;          ///< dropped by the replay filter
  std::uint64_t keyed_doubles = 0;     ///< copies of keyed events not delivered again
  std::uint64_t keyed_forgotten = 0;   ///< ids forgotten before their time because of the memory bound
  std::uint64_t presences_dropped = 0; ///< users left out of the levelling because of the memory bound
  std::uint64_t gaps = 0;
  std::uint64_t voice_rejoined = 0; ///< voice channels joined once more after a cut
  std::uint64_t misrouted =
      0; ///< events of partitions that this group does not have: not delivered, not acknowledged
  std::uint64_t stale_marks = 0; ///< marks of an older cluster epoch, refused
  std::uint64_t refused = 0;     ///< items of shards that cannot be placed: a third topology, or nonsense
  std::uint64_t breaches = 0;    ///< broken invariants
  std::vector<std::uint32_t> isolated; ///< partitions that no longer deliver because of a breach
};

} // namespace shardyard
