#include "actors/bot_session/guild_listings.hpp"

#include <algorithm>
#include <utility>

namespace shardyard {

guild_listings::listing* guild_listings::find(std::uint32_t asker) {
  auto found = std::ranges::find(listings_, asker, &listing::asker);
  return found == listings_.end() ? nullptr : &*found;
}

void guild_listings::begin(std::uint32_t asker, const guild_filter& which, time now) {
  if (!find(asker))
    listings_.push_back({.asker = asker, .which = which, .give_up = now + patience});
}

std::vector<guild_listings::question> guild_listings::take_questions(std::span<const group> groups,
                                                                     time now) {
  std::vector<question> result;
  for (auto& x : listings_) {
    if (groups.empty())
      x.give_up = now + patience;
    if (now < x.next_ask)
      continue;
    x.next_ask = now + ask_every;
    for (auto& group : groups)
      if (group.reachable && !x.answered.contains(group.id) && x.asked.insert(group.id).second)
        result.push_back({x.asker, group.id, x.which});
  }
  return result;
}

bool guild_listings::answered(std::uint32_t asker, std::uint32_t group, const guild_list& answer, time now) {
  auto* x = find(asker);
  if (!x || x->asked.erase(group) == 0)
    return false;
  if (!answer.complete) {
    x->give_up = now + patience; // its shards are still arriving
    return true;
  }
  x->answered.insert(group);
  x->guilds.insert(x->guilds.end(), answer.guilds.begin(), answer.guilds.end());
  return true;
}

void guild_listings::failed(std::uint32_t asker, std::uint32_t group) {
  if (auto* x = find(asker))
    x->asked.erase(group);
}

std::vector<guild_listings::listed> guild_listings::take_listed(std::span<const group> groups, time now) {
  std::vector<listed> result;
  if (groups.empty())
    return result;
  std::erase_if(listings_, [&](listing& x) {
    auto whole = std::ranges::all_of(groups, [&](auto& group) { return x.answered.contains(group.id); });
    if (whole || now >= x.give_up)
      result.push_back({x.asker, std::move(x.guilds), whole});
    return whole || now >= x.give_up;
  });
  return result;
}

} // namespace shardyard
