#include "actors/node/coordinator_search.hpp"

#include <algorithm>

namespace shardyard {

std::vector<coordinator_search::place> coordinator_search::places(const std::vector<place>& seeds,
                                                                  const std::vector<node_card>& members,
                                                                  const node_card& own) {
  auto result = seeds;
  for (auto& card : members)
    if (card.name != own.name && card.port != 0)
      if (place there{card.host, card.port}; std::ranges::find(result, there) == result.end())
        result.push_back(std::move(there));
  std::erase(result, place{own.host, own.port});
  return result;
}

std::optional<coordinator_search::place> coordinator_search::begin(time now,
                                                                   const std::vector<place>& places) {
  patient_until_ = now + look_patience;
  if (hint_.second == 0 && places.empty())
    return std::nullopt;
  under_way_ = true;
  return hint_.second != 0 ? std::exchange(hint_, {}) : places[next_place_++ % places.size()];
}

void coordinator_search::joining(time now, std::chrono::milliseconds patience) {
  under_way_ = true;
  patient_until_ = now + patience;
  next_ = now + rejoin_after;
}

// Not after equal waits: hosts that are each other's seeds and start together would go on dialling each other
// at the same moments, see dial_turn.
void coordinator_search::ended(time now) {
  under_way_ = false;
  next_ = now + look_after + std::chrono::milliseconds(std::uniform_int_distribution{0, 200}(dice_));
}

void coordinator_search::hint(place there) {
  under_way_ = false;
  next_ = {};
  hint_ = std::move(there);
}

} // namespace shardyard
