// What the groups of a cluster have told of each shard during plans: a row per group and shard, and their
// sums per shard, which follow each row as it comes. So a look at a plan costs the same however many hosts
// there are. Plain class; it owns the rows, in a compact form, since a large plan has millions.
#pragma once

#include "messages/report.hpp"

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shardyard {

class handover_rows {
public:
  using group_name = std::pair<std::uint32_t, std::uint64_t>; ///< id and epoch

  struct counted_group {
    group_name name;
    std::string node; ///< only what this node told of it counts

    bool operator==(const counted_group&) const = default;
  };

  /// Over the counted groups.
  struct sum {
    std::uint64_t led = 0;
    std::uint64_t exceptions = 0;
    std::uint64_t voice = 0;       ///< guilds that wait for the end of a call
    std::uint32_t groups = 0;      ///< that have a row of the shard
    std::uint32_t transferred = 0; ///< of these: have its mark
    std::optional<std::chrono::milliseconds> difference_age;
  };

  /// Cut and remaining guilds of one shard, over all groups.
  struct cuts {
    std::uint64_t led = 0;
    std::uint64_t cut = 0;
    std::uint64_t exceptions = 0;
    std::uint64_t voice = 0;                 ///< guilds that wait for the end of a call
    bool follower_lagging = false;           ///< at present
    std::vector<snowflake> exception_guilds; ///< some of them
  };

  /// What is left of a topology's rows for the report of its plan.
  struct summary {
    std::array<std::uint64_t, 4> cuts{}; ///< away from its shards: anchor, quiet, accepted, swap back
    std::uint64_t traffic_wait_ms = 0;   ///< the longest
    std::uint64_t follower_p99_ms = 0;   ///< the greatest that was ever told of a pair of sessions
    bool follower_lagged = false;
  };

  /// What the node's groups told stays as history only.
  void forget(const std::string& node);
  void keep(const std::string& node, const group_name& group, const handover_report& row);
  /// The group has no such row any more.
  void drop(const group_name& group, const shard_key& shard);
  /// Rows of topologies before `oldest` are not even history.
  void forget_before(std::uint32_t oldest);

  /// Which groups count in `of` from now on.
  void count(std::vector<counted_group> groups);
  /// These are all groups that there are: what others led goes on under another name and is counted there.
  void place(const std::vector<group_name>& groups);
  sum of(const shard_key& shard) const;

  cuts cuts_of(const shard_key& shard) const;
  summary summary_of(std::uint32_t topology) const;

private:
  /// The newest row of a shard; its cuts count even after the group dropped the row. Times in milliseconds.
  struct kept_row {
    std::uint32_t told = 0; ///< group_rows::reports when it was told last; 0: never
    std::uint32_t led = 0, exceptions = 0, voice = 0;
    std::array<std::uint32_t, 4> cuts{};
    std::uint32_t difference_age = never;
    std::uint32_t traffic_wait = 0;
    std::uint32_t worst_p99 = 0;
    bool transferred = false, lagging = false, lagged = false;
  };
  struct group_rows {
    std::string node;
    bool counted = false;
    bool placed = true;        ///< false: a row tells what the group has cut, not what is left
    std::uint32_t reports = 1; ///< a row that was not in the newest is history
    std::map<std::uint32_t, std::vector<kept_row>> by_topology; ///< then by shard id
    std::map<shard_key, std::vector<snowflake>> exception_guilds;
    const kept_row* present(const shard_key& shard) const;
  };
  struct kept_sum {
    std::uint64_t led = 0, exceptions = 0, voice = 0;
    std::uint32_t groups = 0, transferred = 0, differing = 0;
  };
  static constexpr std::uint32_t never = ~std::uint32_t{0};

  static void write(kept_row& kept, const handover_report& row);
  void add(std::uint32_t topology, std::size_t id, const kept_row& row, int sign);
  void set_counted(group_rows& rows, bool counted);

  std::map<group_name, group_rows> groups_;
  std::vector<counted_group> counted_;
  std::map<std::uint32_t, std::vector<kept_sum>> sums_; ///< by topology and shard id
};

} // namespace shardyard
