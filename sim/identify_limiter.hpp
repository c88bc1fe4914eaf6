// Discord's two limits on IDENTIFY, global for the bot: one per identify key and spacing, and a budget per
// day (Gateway reference, "Rate Limiting"). A refused IDENTIFY eats budget as well.
#pragma once

#include "sim/clock.hpp"

#include <cstdint>
#include <optional>
#include <unordered_map>

namespace shardyard::sim {

class identify_limiter {
public:
  struct limits {
    std::uint32_t max_concurrency = 1;
    std::uint32_t budget = 1000;
    std::chrono::milliseconds spacing{5000};
    std::chrono::seconds window{86400};
  };

  enum class verdict {
    granted,
    too_soon,  ///< the key's last IDENTIFY is younger than the spacing: op 9 false
    exhausted, ///< no budget left: all sessions end and the token is reset
  };

  explicit identify_limiter(limits chosen) : limits_(chosen), remaining_(chosen.budget) {}

  verdict identify(std::uint32_t shard_id, moment now);

  std::uint32_t remaining(moment now);
  std::uint32_t used() const { return used_; } ///< since the start, refused ones included
  std::uint32_t budget() const { return limits_.budget; }
  std::uint32_t max_concurrency() const { return limits_.max_concurrency; }

  /// Until the budget is full again; 0 when no IDENTIFY was sent in this window.
  std::chrono::milliseconds reset_after(moment now);

  void set_remaining(std::uint32_t remaining) { remaining_ = remaining; }

  /// How long after the key's previous IDENTIFY the last refused one came.
  std::chrono::milliseconds last_gap() const { return last_gap_; }

private:
  void renew(moment now);

  limits limits_;
  std::uint32_t remaining_;
  std::uint32_t used_ = 0;
  std::optional<moment> window_start_;
  std::unordered_map<std::uint32_t, moment> granted_;
  std::chrono::milliseconds last_gap_{0};
};

} // namespace shardyard::sim
