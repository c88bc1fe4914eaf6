// How a plan lies in the store. One of up to `most_in_one_row` units is one row, `plan/N`. A larger one would
// not fit a request (etcd takes 1.5 MiB), so its units lie in pieces, `units/N/piece/slot`: two slots for
// each piece, and `plan/N` names the slot that counts. What changes is written to the slots that do not
// count, in as many commits as it takes, and the row that names them last, guarded as ever: so a plan changes
// as a whole or not at all, and a coordinator that dies in between leaves nothing that anybody reads. Pieces
// of older plans stay. (The view `units` of an SQLite file shows plans of one row.)
#pragma once

#include "actors/coordinator/rows.hpp"
#include "actors/coordinator/store.hpp"

#include <map>

namespace shardyard {

class plan_rows {
public:
  static constexpr std::size_t most_in_one_row = 1000;         ///< units
  static constexpr std::size_t piece = 500;                    ///< units
  static constexpr std::size_t most_in_one_commit = 512 << 10; ///< bytes of values

  struct writing {
    std::vector<std::vector<row_write>> before; ///< commits that come first, in any order
    std::string row; ///< of the plan itself: commit it under key_of(), then call written()
    plan_slots slots;
  };

  static std::string key_of(std::uint64_t plan);

  /// Knows what the store has from the plan that was read or written last.
  writing write(const reshard_plan& plan) const;
  void written(const reshard_plan& plan, plan_slots slots);

  /// Reads its pieces, too. Throws bad_row.
  reshard_plan read(const stored_row& row, store& from);

private:
  reshard_plan kept_; ///< whose pieces lie in `slots_`
  plan_slots slots_;  ///< empty: all in one row
};

/// Numbers with leading zeros, so that key order is number order.
std::string numbered_key(std::string_view kind, std::uint64_t number);

} // namespace shardyard
