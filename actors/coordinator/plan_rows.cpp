#include "actors/coordinator/plan_rows.hpp"

#include <algorithm>
#include <span>

namespace shardyard {

namespace {

std::size_t pieces_of(const reshard_plan& plan) {
  return (plan.units.size() + plan_rows::piece - 1) / plan_rows::piece;
}

std::span<const plan_unit> units_of(const reshard_plan& plan, std::size_t piece) {
  auto first = piece * plan_rows::piece;
  return std::span{plan.units}.subspan(first, std::min(plan_rows::piece, plan.units.size() - first));
}

std::string piece_key(std::uint64_t plan, std::size_t piece, std::uint32_t slot) {
  return numbered_key(numbered_key("units", plan), piece) + "/" + std::to_string(slot);
}

} // namespace

std::string numbered_key(std::string_view kind, std::uint64_t number) {
  auto digits = std::to_string(number);
  return std::string{kind} + "/" + std::string(20 - std::min<std::size_t>(20, digits.size()), '0') + digits;
}

std::string plan_rows::key_of(std::uint64_t plan) {
  return numbered_key("plan", plan);
}

plan_rows::writing plan_rows::write(const reshard_plan& plan) const {
  writing result;
  if (plan.units.size() <= most_in_one_row) {
    result.row = to_row(plan);
    return result;
  }
  auto known = kept_.id == plan.id && kept_.units.size() == plan.units.size() && !slots_.empty();
  result.slots = known ? slots_ : plan_slots(pieces_of(plan));
  auto full = most_in_one_commit;
  for (std::size_t i = 0; i < result.slots.size(); ++i) {
    auto units = units_of(plan, i);
    if (known && std::ranges::equal(units, units_of(kept_, i)))
      continue;
    auto& slot = result.slots[i];
    slot = 1 - slot;
    auto value = to_row(units);
    full += value.size();
    if (full > most_in_one_commit) {
      result.before.emplace_back();
      full = value.size();
    }
    result.before.back().push_back({piece_key(plan.id, i, slot), std::move(value), std::nullopt});
  }
  result.row = to_row(plan, result.slots);
  return result;
}

void plan_rows::written(const reshard_plan& plan, plan_slots slots) {
  kept_ = plan;
  slots_ = std::move(slots);
}

reshard_plan plan_rows::read(const stored_row& row, store& from) {
  auto [plan, slots] = plan_from_row(row.value);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    auto key = piece_key(plan.id, i, slots[i]);
    auto piece = from.get(key);
    if (!piece)
      throw bad_row{"row '" + key + "', which it names, is missing"};
    auto units = units_from_row(piece->value);
    plan.units.insert(plan.units.end(), units.begin(), units.end());
  }
  check_units(plan);
  written(plan, std::move(slots));
  return plan;
}

} // namespace shardyard
