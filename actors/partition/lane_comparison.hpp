// Comparing what two sessions showed of one guild lane: stretches between common anchors as multisets, and
// the skip list that a session taking over works through. Pure; marks in, places out.
#pragma once

#include "actors/partition/lane_queue.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace shardyard {

/// Two stretches paired off as multisets, equal marks in the order they came. Places are indices, ascending.
struct lane_pairing {
  std::vector<std::uint32_t> only_left;
  std::vector<std::uint32_t> only_right;
  std::uint64_t pairs = 0;
  std::uint64_t inversions = 0; ///< pairs of pairs that stand in a different order at the two sides
};
lane_pairing pair_off(std::span<const lane_mark> left, std::span<const lane_mark> right);

/// Whether the shorter lane ends the longer one and neither is empty: then both sessions have shown the same
/// last events.
bool share_a_tail(std::span<const lane_mark> left, std::span<const lane_mark> right);

/// Places in `shown` whose events a session that takes over by `succeed` without being lined up never
/// delivers, whatever both lists will still get at their ends: everything up to an anchor of both, if `led`
/// has all anchors before it, too; or else, before the first anchor of either list, what pairs off.
std::vector<std::uint32_t> never_needed(std::span<const lane_mark> shown, std::span<const lane_mark> led);

/// What a session was ahead of when it lost the lead, in its order of delivery: the new lead will show it,
/// too, and it must not be delivered again.
class skip_list {
public:
  skip_list() = default;
  explicit skip_list(std::vector<lane_mark> delivered);

  /// True when `shown` was delivered already. An anchor drops everything before it; a plain event is looked
  /// for up to the next anchor; an anchor newer than all of the list clears it. `never_shown` grows by what
  /// is dropped unmatched.
  bool skips(const lane_mark& shown, std::uint64_t& never_shown);

  bool empty() const { return marks_.empty(); }
  std::size_t size() const { return marks_.size(); }
  std::size_t reserved_bytes() const { return marks_.reserved_bytes(); }
  std::span<const lane_mark> all() const { return marks_.all(); }
  void clear() { marks_.clear(); }
  void trim() { marks_.trim(); }

private:
  lane_queue<lane_mark> marks_;
};

/// How a session goes on where another stopped: ordered compare of what both have shown.
struct lane_succession {
  std::vector<std::uint32_t>
      to_deliver;                 ///< places in `shown` that the other session never delivered, in order
  std::vector<lane_mark> to_skip; ///< delivered by the other session, not yet shown by this one
  std::uint64_t unverifiable = 0; ///< shown by this session alone before the last common anchor
  std::uint64_t lead_only = 0;    ///< delivered by the other session; this one has passed the place
  bool weak = false;              ///< a double or a hole cannot be ruled out
};

/// `lined_up`: both begin behind the same event. Otherwise the last common anchor lines them up (weak, since
/// the id of an old one may have come again), and without one they are compared as multisets.
/// `newest_before`: newest anchor delivered, perhaps before `led` began.
lane_succession succeed(std::span<const lane_mark> shown, std::span<const lane_mark> led, bool lined_up,
                        snowflake newest_before);

} // namespace shardyard
