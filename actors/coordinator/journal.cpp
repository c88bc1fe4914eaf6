#include "actors/coordinator/journal.hpp"

#include "actors/crash_point.hpp"

#include <algorithm>
#include <set>

namespace shardyard {

namespace {

constexpr const char* active_key = "active_topology";
constexpr const char* limit_key = "identify_limit";
constexpr const char* groups_key = "groups";

[[noreturn]] void damaged(const stored_row& row, const bad_row& wrong) {
  throw store_error{"row '" + row.key + "' of the store is damaged: " + wrong.what() +
                    "; restore a copy of the store"};
}

/// The first parts of the keys, each once.
std::set<std::string> kinds_of(const std::vector<row_write>& writes) {
  std::set<std::string> result;
  for (auto& x : writes)
    result.insert(x.key.substr(0, x.key.find('/')));
  return result;
}

} // namespace

template <class T>
T journal::read(const stored_row& row) {
  try {
    return from_row<T>(row.value);
  } catch (const bad_row& wrong) {
    damaged(row, wrong);
  }
}

reshard_plan journal::read_plan(const stored_row& row) {
  try {
    return plan_rows_.read(row, store_);
  } catch (const bad_row& wrong) {
    damaged(row, wrong);
  }
}

row_write journal::guarded(std::string key, std::string value) const {
  auto known = revisions_.find(key);
  auto expected = known == revisions_.end() ? 0 : known->second;
  return {std::move(key), std::move(value), expected};
}

journal_state journal::load() {
  journal_state state;
  revisions_.clear();
  if (auto row = store_.get(active_key)) {
    state.active = read<topology>(*row);
    revisions_[row->key] = row->revision;
  }
  for (const auto& row : store_.list("topology/"))
    state.next_topology_id = std::max(state.next_topology_id, read<topology>(row).id + 1);
  if (auto plans = store_.list("plan/"); !plans.empty()) {
    state.plan = read_plan(plans.back());
    state.next_plan_id = state.plan->id + 1;
    revisions_[plans.back().key] = plans.back().revision;
  }
  for (const auto& row : store_.list("permit/"))
    state.permits.push_back(read<permit_row>(row));
  if (auto row = store_.get(limit_key))
    state.limit = read<session_start_limit>(*row);
  if (auto row = store_.get(groups_key)) {
    state.groups = read<placed_groups>(*row);
    revisions_[row->key] = row->revision;
  }
  for (const auto& row : store_.list("text/"))
    state.texts[row.key.substr(std::string_view{"text/"}.size())] = row.value;
  for (const auto& row : store_.list("placement/")) {
    state.placements[row.key.substr(std::string_view{"placement/"}.size())] = read<placement>(row);
    revisions_[row.key] = row.revision;
  }
  return state;
}

void journal::save(const journal_changes& changes) {
  std::vector<row_write> writes;
  auto topology_row = [&writes](const topology& x) {
    writes.push_back({numbered_key("topology", x.id), to_row(x), std::nullopt});
  };
  auto active = changes.active;
  plan_rows::writing plan;
  if (changes.plan) {
    plan = plan_rows_.write(*changes.plan);
    for (auto& some : plan.before)
      commit(some);
    writes.push_back(guarded(plan_rows::key_of(changes.plan->id), std::move(plan.row)));
    topology_row(changes.plan->to);
    if (auto result = active_topology(*changes.plan))
      active = result;
  }
  if (active) {
    topology_row(*active);
    writes.push_back(guarded(active_key, to_row(*active)));
  }
  for (const auto& x : changes.permits)
    writes.push_back({numbered_key("permit", x.id), to_row(x), std::nullopt});
  for (auto id : changes.forgotten_permits)
    writes.push_back({numbered_key("permit", id), std::nullopt, std::nullopt});
  if (changes.limit)
    writes.push_back({limit_key, to_row(*changes.limit), std::nullopt});
  if (changes.groups)
    writes.push_back(guarded(groups_key, to_row(*changes.groups)));
  for (const auto& [name, x] : changes.placements)
    writes.push_back(guarded("placement/" + name, to_row(x)));
  for (const auto& [name, x] : changes.texts)
    writes.push_back({"text/" + name, x, std::nullopt});
  if (writes.empty())
    return;
  commit(writes);
  if (changes.plan)
    plan_rows_.written(*changes.plan, std::move(plan.slots));
}

void journal::commit(const std::vector<row_write>& writes) {
  auto& crash = crash_point::of_this_process();
  auto kinds = kinds_of(writes);
  for (auto& kind : kinds)
    crash.before(kind);
  auto result = store_.commit(writes);
  for (auto& kind : kinds)
    crash.after(kind);
  if (!result.written)
    throw store_error{"row '" + result.conflict + "' was changed by somebody else; nothing was written"};
  for (const auto& x : writes)
    if (x.expected)
      revisions_[x.key] = result.revision;
}

} // namespace shardyard
