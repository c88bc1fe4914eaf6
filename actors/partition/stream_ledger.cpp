#include "actors/partition/stream_ledger.hpp"

#include <algorithm>
#include <utility>

namespace shardyard {
namespace {

constexpr auto never_opened = ~std::uint64_t{0};

} // namespace

stream_ledger::verdict stream_ledger::judge(const shard_key& shard, std::uint64_t ordinal) {
  auto& x = streams_[shard];
  if (ordinal < x.next) {
    x.tell_again = true;
    return verdict::repeated;
  }
  return ordinal > x.next ? verdict::jump : verdict::next;
}

void stream_ledger::begin(const shard_key& shard) {
  auto& x = streams_[shard];
  x.gates.push_back(0);
  current_ = {shard, x.next++};
  withheld_ = false;
}

void stream_ledger::restart(const shard_key& shard, std::uint64_t gate) {
  auto& x = streams_[shard];
  auto withheld = std::ranges::find(x.gates, never_opened) != x.gates.end();
  auto holds = std::move(x.holds);
  x = {};
  x.next = 2;
  x.gates.push_back(withheld ? never_opened : gate);
  x.holds = std::move(holds);
  for (auto& [_, ordinal] : x.holds)
    ordinal = 1;
  current_ = {shard, 1};
  withheld_ = false;
}

void stream_ledger::finish(std::uint64_t gate) {
  auto& x = streams_[current_.shard];
  auto& mine = x.gates.back();
  mine = withheld_ ? never_opened : std::max(mine, gate);
}

item_hold stream_ledger::hold() {
  streams_[current_.shard].holds[++holds_made_] = current_.ordinal;
  return {current_.shard, holds_made_};
}

void stream_ledger::release(const item_hold& x, std::uint64_t gate) {
  auto& s = streams_[x.shard];
  auto found = s.holds.find(x.number);
  if (found == s.holds.end())
    return;
  auto& its_gate = s.gates[found->second - s.acked - 1];
  its_gate = std::max(its_gate, gate);
  s.holds.erase(found);
}

item_place stream_ledger::turn_to(const item_hold& x) {
  auto& holds = streams_[x.shard].holds;
  auto found = holds.find(x.number);
  return std::exchange(current_, item_place{x.shard, found == holds.end() ? 1 : found->second});
}

void stream_ledger::go_back(const item_place& x) {
  current_ = x;
}

void stream_ledger::advance(stream& x, std::uint64_t accepted) {
  auto limit = x.next;
  for (auto& [_, ordinal] : x.holds)
    limit = std::min(limit, ordinal);
  while (x.acked + 1 < limit && x.gates.front() <= accepted) {
    x.gates.pop_front();
    ++x.acked;
  }
}

bool stream_ledger::acks_due(std::uint64_t accepted) {
  for (auto& [_, x] : streams_) {
    advance(x, accepted);
    if (x.acked != x.told || x.tell_again)
      return true;
  }
  return false;
}

std::vector<stream_ack> stream_ledger::take_acks(std::uint64_t accepted) {
  std::vector<stream_ack> result;
  for (auto& [shard, x] : streams_) {
    advance(x, accepted);
    if (x.acked == x.told && !x.tell_again)
      continue;
    x.told = x.acked;
    x.tell_again = false;
    result.push_back({shard, x.acked});
  }
  return result;
}

std::uint64_t stream_ledger::outstanding() const {
  std::uint64_t result = 0;
  for (auto& [_, x] : streams_)
    result += x.gates.size();
  return result;
}

} // namespace shardyard
