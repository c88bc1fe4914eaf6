#include "actors/coordinator/placement.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace shardyard {

namespace {

std::uint64_t mix(const std::string& name, std::uint64_t salt) {
  auto hash =
      14695981039346656037ull ^ (salt * 0x9E3779B97F4A7C15ull); // FNV-1a: the same on every host and build
  for (unsigned char c : name)
    hash = (hash ^ c) * 1099511628211ull;
  return hash ^ (hash >> 29);
}

struct share {
  std::string name;
  double ideal = 0;
  std::uint32_t quota = 0;
  std::uint32_t present = 0;
  std::uint32_t filled = 0;
};

/// Whole shares that sum to `count`. Of equal remainders those win that have more items now, so that fewer
/// move.
void set_quotas(std::vector<share>& shares, std::uint32_t count, std::uint64_t salt) {
  auto rest = count;
  for (auto& x : shares) {
    x.quota = static_cast<std::uint32_t>(std::floor(x.ideal + 1e-9));
    rest -= std::min(rest, x.quota);
  }
  std::vector<share*> order;
  for (auto& x : shares)
    order.push_back(&x);
  auto rank = [salt](const share* x) {
    auto remainder = std::llround((x->ideal - x->quota) * 1e6);
    return std::tuple{-remainder, x->present > x->quota ? 0 : 1, mix(x->name, salt), x->name};
  };
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return rank(a) < rank(b); });
  for (std::size_t i = 0; i < rest; ++i)
    ++order[i % order.size()]->quota;
}

} // namespace

placement place(std::uint32_t count, const std::vector<node_weight>& nodes, const placement& present,
                std::uint64_t salt) {
  placement result(count);
  double total = 0;
  std::vector<share> shares;
  for (const auto& node : nodes) {
    if (!(node.weight > 0) || !std::isfinite(node.weight))
      continue;
    total += node.weight;
    shares.push_back({node.name, node.weight, 0, 0, 0});
  }
  if (shares.empty())
    return result;
  std::sort(shares.begin(), shares.end(), [](const share& a, const share& b) { return a.name < b.name; });
  std::map<std::string, share*> by_name;
  for (auto& x : shares) {
    x.ideal = x.ideal / total * count;
    by_name[x.name] = &x;
  }
  auto known = std::min<std::size_t>(count, present.size());
  auto node_of = [&](std::size_t item) {
    auto found = item < known ? by_name.find(present[item]) : by_name.end();
    return found == by_name.end() ? nullptr : found->second;
  };
  for (std::size_t i = 0; i < known; ++i)
    if (auto x = node_of(i))
      ++x->present;
  set_quotas(shares, count, salt);
  for (std::size_t i = 0; i < known; ++i) {
    auto x = node_of(i);
    if (x && x->filled < x->quota) {
      ++x->filled;
      result[i] = x->name;
    }
  }
  for (auto& item : result) {
    if (!item.empty())
      continue;
    // The emptiest in proportion to its share: consecutive shards spread over the nodes.
    auto emptiest = std::min_element(shares.begin(), shares.end(), [](const share& a, const share& b) {
      auto level = [](const share& x) { return x.filled >= x.quota ? 2.0 : (x.filled + 0.5) / x.quota; };
      return level(a) < level(b);
    });
    ++emptiest->filled;
    item = emptiest->name;
  }
  return result;
}

std::uint32_t moves(const placement& before, const placement& after) {
  std::uint32_t result = 0;
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i)
    result += !before[i].empty() && before[i] != after[i];
  return result;
}

} // namespace shardyard
