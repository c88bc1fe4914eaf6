// What outlives a run of the group: its whole state, at once or in pieces beside the events.
#include "actors/partition/partition_group.hpp"

#include <vector>

namespace shardyard {

std::optional<recovered_state> partition_group::state_without_caches() const {
  if (!out_.settled())
    return std::nullopt;
  recovered_state state;
  for (auto& x : partitions_)
    x->snapshot(state);
  std::vector<bool> used(sources_.all().size() + 1);
  for (auto& [_, x] : state.positions)
    for (auto& from : x.sides)
      used[from.session] = true;
  for (auto& x : sources_.all())
    if (!x.gone || used[x.number])
      state.sessions[x.number] = row_of(x);
  return state;
}

std::optional<std::string> partition_group::snapshot() const {
  auto state = state_without_caches();
  if (!state)
    return std::nullopt;
  auto result = state->encode();
  std::vector<snowflake> guilds;
  for (auto& x : partitions_)
    x->list_caches(guilds);
  for (auto guild : guilds)
    partition_at({scope_kind::guild, guild})->write_cache(guild, result);
  return result;
}

std::optional<std::string> partition_group::begin_compaction() {
  auto state = state_without_caches();
  if (!state)
    return std::nullopt;
  compaction_.emplace();
  for (auto& x : partitions_)
    x->list_caches(compaction_->guilds);
  return state->encode();
}

std::string partition_group::next_piece(std::size_t bytes) {
  std::string result;
  while (compaction_ && !compaction_->guilds.empty() && result.size() < bytes) {
    auto guild = compaction_->guilds.back();
    compaction_->guilds.pop_back();
    partition_at({scope_kind::guild, guild})->write_cache(guild, result);
    // A cache beyond its guild's logged position would be dropped at a recovery.
    compaction_->needs = out_.last_put();
  }
  return result;
}

bool partition_group::compaction_whole() const {
  return compaction_ && compaction_->guilds.empty() && out_.accepted() >= compaction_->needs;
}

} // namespace shardyard
