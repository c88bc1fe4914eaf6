// Reported gaps against the truth: what a SHARDYARD_GAP line claims, and whether the truth gives a reason for
// it. A reason is: between the borders no live session covered the guild, or an occurrence there was carried
// only by sessions that ended meanwhile.
#pragma once

#include "apps/truth.hpp"

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

/// A border of a gap: an event of a session. An empty session: there was none.
struct gap_border {
  std::string session;
  std::uint64_t s = 0;

  auto operator<=>(const gap_border&) const = default;
};

/// One SHARDYARD_GAP line.
struct gap_claim {
  truth::scope scope;
  gap_border last;  ///< last delivered
  gap_border first; ///< first after

  auto operator<=>(const gap_claim&) const = default;
};

/// Whether the gap speaks of `scope`: its own, or for the one without guild and channel every scope without
/// guild, since events of channels that nobody had seen before are missing, too.
inline bool covers(const gap_claim& claim, const truth::scope& scope) {
  return claim.scope == scope || (claim.scope == truth::scope{} && scope.guild == 0);
}

/// Reads the `d` of a SHARDYARD_GAP line; false when it is none.
bool parse_gap(std::string_view d, gap_claim& claim);

/// A gap as occurrences: those strictly between `from` and `to` may be missing if it is explained.
struct judged_gap {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  bool explained = false;
};

/// Judges claims against one truth, which must outlive it.
class gap_judge {
public:
  explicit gap_judge(const truth& what_happened);

  judged_gap judge(const gap_claim& claim) const;

private:
  bool died_with_its_sessions(const gap_claim& claim, std::uint64_t from, std::uint64_t to) const;

  const truth& truth_;
  std::vector<truth::number>
      held_until_; ///< per occurrence: newest occurrence when its last carrier ended; 0: no carrier
};

} // namespace shardyard
