// The interactions that happened and how they were answered: one answer each, within three seconds; their
// tokens live for fifteen minutes (Interactions, "Receiving and Responding"). Bounded: the oldest are
// forgotten, their counts stay.
#pragma once

#include "sim/occurrence.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>

namespace shardyard::sim {

class interaction_book {
public:
  static constexpr std::chrono::seconds answer_within{3};
  static constexpr std::chrono::minutes token_life{15};
  static constexpr std::size_t most_kept = 100'000;

  enum class verdict {
    accepted,
    acknowledged, ///< answered before
    unknown,      ///< no such interaction, another token, or too late
  };

  struct row {
    used_command command;
    snowflake guild = 0;
    moment at{};
    std::uint32_t answers = 0; ///< 1 once accepted
    std::uint32_t refused = 0; ///< answers after the first
    std::uint32_t late = 0;    ///< answers after the deadline
  };

  struct totals {
    std::uint64_t happened = 0, answered = 0, answered_again = 0, late = 0;
  };

  /// The same interaction is listed once, however often it is told.
  void happened(const used_command& command, snowflake guild, moment now);

  verdict answer(snowflake id, std::string_view token, moment now);

  /// Null when it never happened or was forgotten.
  const row* find(snowflake id) const;

  /// An answered interaction whose token may still be used for further messages, or null.
  const row* open(std::string_view token, moment now) const;

  const std::deque<row>& rows() const { return rows_; }
  const totals& all() const { return totals_; }

private:
  std::deque<row> rows_;
  std::unordered_map<snowflake, std::uint64_t> places_; ///< ordinal since the start
  std::uint64_t forgotten_ = 0;                         ///< ordinal of the first row
  totals totals_;
};

} // namespace shardyard::sim
