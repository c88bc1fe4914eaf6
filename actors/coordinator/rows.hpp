// The durable rows as JSON text: readable in the sqlite3 shell, and a wrong or foreign row gives an error
// that names the field.
#pragma once

#include "actors/coordinator/identify_ledger.hpp"
#include "actors/coordinator/placed_group.hpp"
#include "actors/coordinator/reshard_plan.hpp"

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace shardyard {

/// A row that cannot be what it should be; the text says what is wrong.
struct bad_row : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string to_row(const reshard_plan& x);
std::string to_row(const permit_row& x);
std::string to_row(const session_start_limit& x);
std::string to_row(const topology& x);
std::string to_row(const placement& x);
std::string to_row(const placed_groups& x);

/// Where the pieces of a large plan lie, see plan_rows.
using plan_slots = std::vector<std::uint32_t>;
std::string to_row(const reshard_plan& x, const plan_slots& slots);
std::string to_row(std::span<const plan_unit> x);
/// Without its units where it has slots; check_units() when they are there. All three throw bad_row.
std::pair<reshard_plan, plan_slots> plan_from_row(std::string_view json);
std::vector<plan_unit> units_from_row(std::string_view json);
void check_units(const reshard_plan& x);

/// Throws bad_row.
template <class T>
T from_row(std::string_view json);
template <>
reshard_plan from_row<reshard_plan>(std::string_view json);
template <>
permit_row from_row<permit_row>(std::string_view json);
template <>
session_start_limit from_row<session_start_limit>(std::string_view json);
template <>
topology from_row<topology>(std::string_view json);
template <>
placement from_row<placement>(std::string_view json);
template <>
placed_groups from_row<placed_groups>(std::string_view json);

} // namespace shardyard
