// What the coordinator knows of its nodes, from their reports alone. Turns whole pictures into the
// observations that a plan's step asks for, and into the sums that an operator sees. Plain class; a node that
// is away keeps its last picture, marked as old.
#pragma once

#include "actors/coordinator/plan_step.hpp"
#include "messages/control.hpp"
#include "messages/report.hpp"

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace shardyard {

class cluster_view {
public:
  struct member {
    node_card card;
    bool up = false;
    bool reported = false; ///< under the present epoch, since it joined
    node_report picture;   ///< without its hand-over rows, which the view keeps by group and shard
  };

  cluster_view() = default;
  cluster_view(const cluster_view&) = delete; // its index points into itself
  cluster_view& operator=(const cluster_view&) = delete;

  /// A node joined, or joined again. A different incarnation starts with an empty picture.
  void joined(const node_card& card);
  void left(const std::string& node);

  /// Ignored when it is of another epoch or of an incarnation that is not a member.
  void note(const node_report& report, std::uint64_t cluster_epoch);
  void note(const ready& x);
  void note(const done& x);

  const std::map<std::string, member>& members() const { return members_; }
  bool up(const std::string& node) const;
  /// It said under the present epoch what it runs: only then is a shard that it does not name not running
  /// there.
  bool reported(const std::string& node) const;

  /// The node that says it runs `shard`; empty when none does.
  std::string host_of(const shard_key& shard) const;
  /// All that say so: a node that was thought lost may come back with a shard that goes on elsewhere.
  std::vector<std::string> hosts_of(const shard_key& shard) const;
  const shard_status* status_of(const shard_key& shard) const;

  /// The node has closed the shard for a move.
  void gone(const std::string& node, const shard_key& shard);

  /// Whether the node says that it keeps this state.
  bool keeps(const std::string& node, std::uint32_t group, std::uint64_t epoch) const;
  /// A node that keeps this state, the fullest copy first; empty when none does.
  std::string keeper_of(std::uint32_t group, std::uint64_t epoch) const;

  /// What the group's node says of it; null when it is away, or does not run it under this epoch.
  const group_status* running_group(const group_place& place) const;

  /// `groups`: where the partitions are; `placed`: node that the shard was given to, if any.
  plan_observations observe(const reshard_plan& plan, const std::vector<group_place>& groups,
                            const std::map<shard_key, std::string>& placed) const;

  /// Sum over all groups.
  group_figures figures() const;

  /// Cuts away from the shards of `topology`, over all groups: anchor, quiet, accepted, swap back.
  std::array<std::uint64_t, 4> cuts_from(std::uint32_t topology) const;

  /// Longest time in seconds that the traffic itself made a guild of `topology` wait for its cut.
  double traffic_wait(std::uint32_t topology) const;

  /// How much later the followers of the shards of `topology` have been since the plan began.
  struct follower_skew {
    std::uint64_t p99_ms = 0; ///< the greatest p99 of a pair of sessions
    bool lagged = false;      ///< one was later than the longest hold nearly always
  };
  follower_skew skew(std::uint32_t topology) const;

  /// Cut and remaining guilds of one old shard, as far as reported.
  struct shard_cuts {
    std::uint64_t led = 0;
    std::uint64_t cut = 0;
    std::uint64_t exceptions = 0;
    std::uint64_t voice = 0;
    bool follower_lagging = false;           ///< at present
    std::vector<snowflake> exception_guilds; ///< some of them
  };
  shard_cuts cuts_of(const shard_key& shard) const;

  /// Guilds over all shards of `topology` that are ready.
  std::uint64_t guilds_of(std::uint32_t topology) const;

private:
  /// Where a shard is named: members in the order of their names, and its place in the picture.
  struct mention {
    member* of;
    std::size_t at;
  };
  /// The newest row that a group told of a shard; its cuts count even after the group dropped the row.
  struct kept_row {
    handover_report row;
    std::uint64_t told = 0; ///< group_rows::reports when it was told last; 0: never
    std::uint64_t worst_p99_ms = 0;
    bool lagged = false;
  };
  struct group_rows {
    std::string node;
    std::uint64_t reports = 1; ///< a row that was not in the newest report is history
    std::map<std::uint32_t, std::vector<kept_row>> by_topology; ///< then by shard id
    const handover_report* present(const shard_key& shard) const;
    const std::vector<kept_row>* of_topology(std::uint32_t id) const;
    const handover_report* present_in(const std::vector<kept_row>* shards, const shard_key& shard) const;
  };

  /// Rows of a group for a look at the plan's shards; null: it does not speak of this plan yet.
  struct told_group {
    const group_rows* of;
    const std::vector<kept_row>* old_shards;
    const std::vector<kept_row>* new_shards;
  };

  const shard_status& status_at(const mention& x) const { return x.of->picture.shards[x.at]; }
  void index_shards(member& of);
  void forget_shards(member& of);
  void forget_rows(const std::string& node);
  void keep(group_rows& rows, const handover_report& row);
  template <class Use>
  void each_row(std::uint32_t topology, Use use) const;
  shard_view view_of(const shard_key& shard, const reshard_plan& plan, const std::vector<told_group>& groups,
                     const std::string& placed) const;

  std::map<std::string, member> members_;
  std::unordered_map<shard_key, std::vector<mention>> mentions_;
  std::map<shard_key, std::uint64_t> closed_;                          ///< plan that closed it
  std::map<std::pair<std::uint32_t, std::uint64_t>, group_rows> rows_; ///< by group and its epoch
};

/// Upper bound in milliseconds of the given share (0..1) of the values; 0 when there are none.
double quantile_ms(const delay_counts& x, double share);

} // namespace shardyard
