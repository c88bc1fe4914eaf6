#include "actors/node/presence_board.hpp"

#include <algorithm>
#include <numeric>

namespace shardyard {

bool share_guilds(const guild_filter& a, const shard_key& b) {
  if (a.count == 0 || b.count == 0)
    return false;
  auto unit = std::gcd(a.count, b.count);
  return a.id % unit == b.id % unit;
}

bool presence_board::put(const bot_presence& x) {
  auto [found, fresh] = newest_.try_emplace({x.bot, x.which}, x);
  if (!fresh) {
    if (x.number <= found->second.number)
      return false;
    found->second = x;
  }
  if (newest_.size() > most_entries)
    newest_.erase(std::ranges::min_element(newest_, {}, [](auto& y) { return y.second.number; }));
  return true;
}

// Numbers of different bots are times of the endpoints, so every node comes to the same result.
std::string presence_board::shown(const shard_key& shard) const {
  const bot_presence* best = nullptr;
  for (auto& [_, x] : newest_)
    if (share_guilds(x.which, shard) &&
        (!best || std::tie(best->number, best->bot) < std::tie(x.number, x.bot)))
      best = &x;
  return best ? best->d : std::string{};
}

} // namespace shardyard
