// What the coordinator knows of its nodes, from their reports alone. Turns whole pictures into the
// observations that a plan's step asks for, and into the sums that an operator sees. Plain class; a node that
// is away keeps its last picture, marked as old.
#pragma once

#include "actors/coordinator/handover_rows.hpp"
#include "actors/coordinator/placement.hpp"
#include "actors/coordinator/plan_step.hpp"
#include "actors/coordinator/shard_table.hpp"
#include "messages/control.hpp"
#include "messages/report.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace shardyard {

class cluster_view {
public:
  struct member {
    node_card card;
    bool up = false;
    bool reported = false;    ///< under the present epoch, since it joined
    bool rows_missed = false; ///< a report before its newest did not arrive: its rows cannot be trusted
    node_report picture; ///< shards in order; without hand-over rows, which the view keeps by group and shard
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

  /// Who runs a shard and what is known of it; null: nobody, nothing.
  struct whereabouts {
    const member* host = nullptr;
    const shard_status* status = nullptr;
  };
  whereabouts where(const shard_key& shard) const;
  /// The node that says it runs `shard`; empty when none does.
  std::string host_of(const shard_key& shard) const;
  /// All that say so: a node that was thought lost may come back with a shard that goes on elsewhere.
  std::vector<std::string> hosts_of(const shard_key& shard) const;
  const shard_status* status_of(const shard_key& shard) const;
  /// Shards that more than one node names, in whatever state.
  const std::set<shard_key>& shared() const { return shared_; }

  /// The node has closed the shard for a move.
  void gone(const std::string& node, const shard_key& shard);

  /// Whether the node says that it keeps this state.
  bool keeps(const std::string& node, std::uint32_t group, std::uint64_t epoch) const;
  /// A node that keeps this state, the fullest copy first; empty when none does.
  std::string keeper_of(std::uint32_t group, std::uint64_t epoch) const;

  /// What the group's node says of it; null when it is away, or does not run it under this epoch.
  const group_status* running_group(const group_place& place) const;

  /// `groups`: where the partitions are; `new_places`: the node that each new shard was given to, by its id;
  /// empty: none yet.
  plan_observations observe(const reshard_plan& plan, const std::vector<group_place>& groups,
                            const placement& new_places);

  /// Sum over all groups: of counts, what lost hosts told too; of what is held at present, the others alone.
  group_figures figures() const;

  /// What groups have told of shards in plans.
  const handover_rows& rows() const { return rows_; }

  /// Guilds over all shards of `topology` that are ready.
  std::uint64_t guilds_of(std::uint32_t topology) const;

private:
  /// Where a shard is named: the member, and about where in its picture.
  struct mention {
    member* of;
    mutable std::size_t at = 0;
  };
  static const shard_status& status_at(const mention& x, const shard_key& shard);
  void take_shards(member& of, std::vector<shard_status> shards);
  void add_mention(member& of, const shard_key& shard);
  void forget_mention(member& of, const shard_key& shard);
  void forget_shards(member& of);
  void take_rows(member& of, const node_report& report);
  shard_view view_of(const shard_key& shard, const reshard_plan& plan, std::size_t counted, bool all_told,
                     const std::string& placed) const;

  std::map<std::string, member> members_;
  shard_table<std::vector<mention>> mentions_; ///< in order of names
  std::set<shard_key> shared_;                 ///< named by more than one member
  shard_table<std::uint64_t> closed_;          ///< plan that closed it
  handover_rows rows_;
};

/// Upper bound in milliseconds of the given share (0..1) of the values; 0 when there are none.
double quantile_ms(const delay_counts& x, double share);

} // namespace shardyard
