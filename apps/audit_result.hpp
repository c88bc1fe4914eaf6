// The figures of an audit, as a value: what happened, what was owed, what was delivered, and everything that
// is wrong with it.
#pragma once

#include "apps/truth.hpp"

#include <boost/json/fwd.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shardyard {

/// One row of the table. Counts of occurrences, but for `doubled` and `redelivered`, which count surplus
/// lines.
struct lane_figures {
  std::uint64_t happened = 0;
  std::uint64_t owed = 0;        ///< covered by the promise
  std::uint64_t delivered = 0;   ///< at least once
  std::uint64_t lost = 0;        ///< owed, never delivered, in no explained gap
  std::uint64_t in_gap = 0;      ///< owed, never delivered, inside a reported gap that the truth explains
  std::uint64_t doubled = 0;     ///< again under another delivery number
  std::uint64_t redelivered = 0; ///< again under the same delivery number, after a crash
  std::uint64_t reordered =
      0;                  ///< out of true order (beside the longest consistent order), late ones left out
  std::uint64_t late = 0; ///< flagged as delivered after their place

  lane_figures& operator+=(const lane_figures& x);
};

struct cut_figures {
  std::uint64_t anchor = 0, quiet = 0, accepted = 0, swap_back = 0;
  std::uint64_t weak = 0; ///< of these, those where a double could not be ruled out
  /// Of the quiet ones: no event of the guild in the overlap; both sessions ended in the same events, none of
  /// them a fresh anchor; they did not, and the longer silence was waited for.
  std::uint64_t silent = 0, alike = 0, unclear = 0;
};

struct audit_result {
  std::array<lane_figures, audit_lanes> lanes; ///< by audit_lane
  cut_figures cuts;
  std::uint64_t lines = 0;
  std::uint64_t guilds = 0; ///< guilds that lines were delivered for
  std::uint64_t gaps_explained =
      0; ///< no live session covered the guild, or the one that did died with the events
  std::uint64_t gaps_unexplained = 0;
  std::uint64_t lost_uncarried =
      0; ///< of the lost, those that no session carried at all, and that no gap reports
  std::optional<std::uint64_t> unverifiable; ///< from the plan's report
  std::uint64_t foreign = 0;                 ///< lines that no occurrence, or another one, belongs to
  std::uint64_t malformed = 0;               ///< whole lines that no sink wrote
  std::uint64_t torn = 0;                    ///< files whose last line is not whole (still being written)
  std::uint64_t n_missing = 0;               ///< delivery numbers left out
  std::uint64_t n_reused = 0;                ///< delivery numbers used for two occurrences
  std::uint64_t n_backwards = 0;             ///< delivery numbers that fell within a file
  std::uint64_t epoch_backwards = 0;         ///< guild epochs that fell
  std::uint64_t controls_repeated = 0;       ///< cut and gap lines written again after a crash
  std::uint64_t local_lines = 0;             ///< lines of session-local events, which the truth does not list
  std::uint64_t levelled = 0;                ///< events of any type made from a snapshot
  std::vector<std::string> examples;         ///< the first findings in words

  const lane_figures& of(audit_lane lane) const { return lanes[static_cast<std::size_t>(lane)]; }
  lane_figures& of(audit_lane lane) { return lanes[static_cast<std::size_t>(lane)]; }

  /// The lanes that are judged, added up.
  lane_figures judged() const;
  std::uint64_t number_findings() const { return n_missing + n_reused + n_backwards + epoch_backwards; }

  /// Why the promise was not kept, one reason each; empty: it was kept.
  std::vector<std::string> reasons() const;
  bool passed() const { return reasons().empty(); }
};

/// Aligned columns, reasons and examples below. Ends with a line break.
std::string to_table(const audit_result& result);

boost::json::object to_json(const audit_result& result);

/// `unverifiable` of the JSON that `shardyard report --json` prints: the outermost number of that name.
/// Nothing if there is none.
std::optional<std::uint64_t> unverifiable_in(std::string_view report_json);

} // namespace shardyard
