// Where every session of the cluster can be RESUMEd from, as its nodes have reported it; kept by the
// coordinator and by the second host of each node. Plain class; of two rows of a shard the one of the later
// life wins.
#pragma once

#include "messages/relocation.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

namespace shardyard {

class session_rows {
public:
  /// What is gone goes first: a report that also has a row of that shard tells of its next session. A cursor
  /// that may be of the session before is left out: too low costs a replay, too high loses events.
  void note(const checkpoint_report& x) {
    std::set<shard_key> begun;
    for (auto& gone : x.gone)
      if (auto found = rows_.find(gone.shard); found == rows_.end() || found->second.term <= gone.term) {
        begun.insert(gone.shard);
        rows_.erase(gone.shard);
      }
    for (auto& row : x.rows) {
      if (auto found = rows_.find(row.shard);
          found == rows_.end() || found->second.session_id != row.session_id)
        begun.insert(row.shard);
      put(row);
    }
    for (auto& move : x.moves)
      if (auto found = rows_.find(move.shard);
          found != rows_.end() && found->second.term == move.term && !begun.contains(move.shard)) {
        found->second.cursor = std::max(found->second.cursor, move.cursor);
        found->second.newest_ms = std::max(found->second.newest_ms, move.newest_ms);
      }
  }

  void put(const session_checkpoint& row) {
    auto& known = rows_[row.shard];
    auto same = known.session_id == row.session_id;
    if (known.term < row.term || (known.term == row.term && (!same || known.cursor <= row.cursor)))
      known = row;
  }

  std::optional<session_checkpoint> find(const shard_key& shard) const {
    auto found = rows_.find(shard);
    return found == rows_.end() ? std::nullopt : std::optional{found->second};
  }

  std::vector<session_checkpoint> all() const {
    std::vector<session_checkpoint> result;
    for (auto& [_, row] : rows_)
      result.push_back(row);
    return result;
  }

private:
  std::unordered_map<shard_key, session_checkpoint> rows_;
};

} // namespace shardyard
