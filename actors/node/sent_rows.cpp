#include "actors/node/sent_rows.hpp"

#include <algorithm>
#include <utility>

namespace shardyard {

void sent_rows::reduce(node_report& x, time now) {
  x.number = ++number_;
  x.rows_after = 0;
  if (x.handovers.size() <= small) {
    rows_.clear();
    return;
  }
  std::vector<std::pair<std::uint32_t, std::uint64_t>> groups;
  for (auto& group : x.groups)
    groups.emplace_back(group.id, group.epoch);
  // A group that comes under another epoch is another one to the reader.
  auto all = rows_.empty() || groups != groups_ || now - last_whole_ >= whole;
  groups_ = std::move(groups);
  if (all)
    last_whole_ = now;
  else
    x.rows_after = number_ - 1;
  std::vector<handover_report> changed;
  for (auto& row : x.handovers) {
    auto [place, fresh] = rows_.try_emplace({row.group, row.shard});
    place->second.seen = number_;
    // An age grows by itself, so a row with one is new each time.
    if (all || fresh || row.difference_age_ms != ~std::uint64_t{0} || place->second.row != row)
      changed.push_back(row);
    place->second.row = std::move(row);
  }
  x.handovers = std::move(changed);
  std::erase_if(rows_, [&](auto& known) {
    auto gone = known.second.seen != number_;
    if (gone && !all)
      x.rows_gone.push_back(known.first);
    return gone;
  });
}

} // namespace shardyard
