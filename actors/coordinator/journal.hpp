// What the coordinator must still know after a crash, on top of a store: topologies, plans with their units,
// permits, Discord's identify limit, groups, places. It owns the keys and the revisions of the rows that only
// one writer may change; everything in one `save` is atomic.
#pragma once

#include "actors/coordinator/plan_rows.hpp"

#include <map>

namespace shardyard {

struct journal_state {
  std::optional<topology> active; ///< nullopt: a new cluster
  std::uint32_t next_topology_id = 1;
  std::uint64_t next_plan_id = 1;
  std::optional<reshard_plan> plan; ///< the last one, finished or not
  std::vector<permit_row> permits;
  std::optional<session_start_limit> limit;
  placed_groups groups;                        ///< empty: partitions were not placed yet
  std::map<std::string, placement> placements; ///< by name: "topology/3"
  std::map<std::string, std::string> texts;    ///< by name: rows whose form is the caller's business
};

/// What changes together.
struct journal_changes {
  /// Its topologies come along; a finished plan sets the active topology in the same transaction.
  std::optional<reshard_plan> plan;
  std::optional<topology> active; ///< of a new cluster; afterwards only plans change it
  std::vector<permit_row> permits;
  std::vector<std::uint64_t> forgotten_permits;
  std::optional<session_start_limit> limit;
  std::optional<placed_groups> groups;
  std::map<std::string, placement> placements;
  std::map<std::string, std::string> texts;
};

/// Not thread-safe. Every call throws store_error when the store fails, and then nothing was written.
class journal {
public:
  explicit journal(store& rows) : store_{rows} {}

  const std::string& cluster_id() const { return store_.cluster_id(); }
  std::uint64_t epoch() const { return store_.epoch(); }

  /// Reads everything. A row that cannot be understood is a store_error naming its key: guessing could cost
  /// the bot its token.
  journal_state load();

  /// Durable when it returns. Throws store_error, too, when somebody else changed a row of ours: read anew
  /// with `load`.
  void save(const journal_changes& changes);

private:
  template <class T>
  T read(const stored_row& row);
  reshard_plan read_plan(const stored_row& row);
  void commit(const std::vector<row_write>& writes);
  row_write guarded(std::string key, std::string value) const;

  store& store_;
  plan_rows plan_rows_;
  std::map<std::string, std::uint64_t> revisions_; // of rows written with compare-and-swap
};

} // namespace shardyard
