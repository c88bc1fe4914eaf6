#include "actors/partition/lane_comparison.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>

namespace shardyard {

namespace {

std::vector<std::uint32_t> sorted_places(std::span<const lane_mark> marks) {
  std::vector<std::uint32_t> places(marks.size());
  std::iota(places.begin(), places.end(), 0u);
  std::stable_sort(places.begin(), places.end(), [&](auto a, auto b) { return marks[a] < marks[b]; });
  return places;
}

/// Number of pairs in descending order, by merge sort; `values` ends up sorted.
std::uint64_t count_inversions(std::span<std::uint32_t> values) {
  if (values.size() < 2)
    return 0;
  auto middle = values.size() / 2;
  auto count = count_inversions(values.first(middle)) + count_inversions(values.subspan(middle));
  std::vector<std::uint32_t> merged;
  merged.reserve(values.size());
  std::size_t i = 0;
  for (auto j = middle; j < values.size(); ++j) {
    while (i < middle && values[i] <= values[j])
      merged.push_back(values[i++]);
    count += middle - i;
    merged.push_back(values[j]);
  }
  merged.insert(merged.end(), values.begin() + static_cast<std::ptrdiff_t>(i),
                values.begin() + static_cast<std::ptrdiff_t>(middle));
  std::copy(merged.begin(), merged.end(), values.begin());
  return count;
}

} // namespace

lane_pairing pair_off(std::span<const lane_mark> left, std::span<const lane_mark> right) {
  lane_pairing result;
  auto left_places = sorted_places(left);
  auto right_places = sorted_places(right);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < left_places.size() && j < right_places.size()) {
    auto order = left[left_places[i]] <=> right[right_places[j]];
    if (order < 0)
      result.only_left.push_back(left_places[i++]);
    else if (order > 0)
      result.only_right.push_back(right_places[j++]);
    else
      pairs.emplace_back(left_places[i++], right_places[j++]);
  }
  result.only_left.insert(result.only_left.end(), left_places.begin() + static_cast<std::ptrdiff_t>(i),
                          left_places.end());
  result.only_right.insert(result.only_right.end(), right_places.begin() + static_cast<std::ptrdiff_t>(j),
                           right_places.end());
  std::sort(result.only_left.begin(), result.only_left.end());
  std::sort(result.only_right.begin(), result.only_right.end());
  std::sort(pairs.begin(), pairs.end());
  std::vector<std::uint32_t> order;
  order.reserve(pairs.size());
  for (auto& pair : pairs)
    order.push_back(pair.second);
  result.pairs = pairs.size();
  result.inversions = count_inversions(order);
  return result;
}

bool share_a_tail(std::span<const lane_mark> left, std::span<const lane_mark> right) {
  auto length = std::min(left.size(), right.size());
  return length != 0 && std::ranges::equal(left.last(length), right.last(length));
}

std::vector<std::uint32_t> never_needed(std::span<const lane_mark> shown, std::span<const lane_mark> led) {
  std::vector<lane_mark> anchors;
  std::ranges::copy_if(led, std::back_inserter(anchors), &lane_mark::anchor);
  std::ranges::sort(anchors);
  std::uint32_t end = 0;
  for (std::uint32_t i = 0; i < shown.size(); ++i) {
    if (!shown[i].anchor)
      continue;
    if (!std::ranges::binary_search(anchors, shown[i]))
      break;
    end = i + 1;
  }
  std::vector<std::uint32_t> result(end);
  std::iota(result.begin(), result.end(), 0u);
  if (end != 0)
    return result;
  auto before_anchor = [](std::span<const lane_mark> x) {
    return x.first(static_cast<std::size_t>(std::ranges::find(x, true, &lane_mark::anchor) - x.begin()));
  };
  shown = before_anchor(shown);
  auto alone = pair_off(shown, before_anchor(led)).only_left;
  auto next = alone.begin();
  for (std::uint32_t i = 0; i < shown.size(); ++i) {
    if (next != alone.end() && *next == i)
      ++next;
    else
      result.push_back(i);
  }
  return result;
}

skip_list::skip_list(std::vector<lane_mark> delivered) {
  for (auto& mark : delivered)
    marks_.push(mark);
}

bool skip_list::skips(const lane_mark& shown, std::uint64_t& never_shown) {
  auto all = marks_.all();
  if (shown.anchor) {
    auto found = std::ranges::find(all, shown);
    if (found != all.end()) {
      auto before = static_cast<std::size_t>(found - all.begin());
      never_shown += before;
      marks_.pop(before + 1);
      return true;
    }
    auto older = [&](const lane_mark& x) { return !x.anchor || x.value < shown.value; };
    if (std::ranges::all_of(all, older)) {
      never_shown += marks_.size();
      marks_.clear();
    }
    return false;
  }
  for (std::size_t i = 0; i < all.size() && !all[i].anchor; ++i) {
    if (all[i] == shown) {
      if (i == 0)
        marks_.pop(1);
      else
        marks_.erase(i);
      return true;
    }
  }
  return false;
}

namespace {

bool has_plain(std::span<const lane_mark> marks) {
  return std::ranges::any_of(marks, [](auto& x) { return !x.anchor; });
}

/// Places behind the last common anchor in `shown` and `led`.
std::optional<std::pair<std::size_t, std::size_t>> behind_last_common(std::span<const lane_mark> shown,
                                                                      std::span<const lane_mark> led) {
  for (auto i = shown.size(); i-- > 0;) {
    if (!shown[i].anchor)
      continue;
    auto found = std::find(led.rbegin(), led.rend(), shown[i]);
    if (found != led.rend())
      return std::pair{i + 1, static_cast<std::size_t>(led.rend() - found)};
  }
  return std::nullopt;
}

} // namespace

lane_succession succeed(std::span<const lane_mark> shown, std::span<const lane_mark> led, bool lined_up,
                        snowflake newest_before) {
  lane_succession result;
  result.weak = !lined_up;
  std::size_t begin = 0;
  if (!lined_up) {
    if (auto places = behind_last_common(shown, led)) {
      begin = places->first;
      result.unverifiable = begin;
      led = led.subspan(places->second);
      lined_up = true;
    } else {
      // Everything up to the newest anchor was delivered before `led` began.
      auto newest = [&](auto& x) { return x.anchor && x.value == newest_before; };
      auto found = std::ranges::find_if(shown, newest);
      if (found != shown.end())
        begin = static_cast<std::size_t>(found - shown.begin()) + 1;
      result.unverifiable = begin;
    }
  }
  auto tail = shown.subspan(begin);
  if (lined_up) {
    skip_list skip{{led.begin(), led.end()}};
    for (std::size_t i = 0; i < tail.size(); ++i) {
      if (skip.empty() || !skip.skips(tail[i], result.lead_only))
        result.to_deliver.push_back(static_cast<std::uint32_t>(begin + i));
    }
    result.to_skip.assign(skip.all().begin(), skip.all().end());
  } else {
    auto pairing = pair_off(tail, led);
    result.unverifiable += pairing.pairs; // each may be a twin instead
    for (auto place : pairing.only_left)
      result.to_deliver.push_back(static_cast<std::uint32_t>(begin + place));
    for (auto place : pairing.only_right)
      result.to_skip.push_back(led[place]);
  }
  auto plain_left = std::ranges::any_of(result.to_deliver, [&](auto place) { return !shown[place].anchor; });
  result.weak = result.weak || (plain_left && has_plain(result.to_skip));
  return result;
}

} // namespace shardyard
