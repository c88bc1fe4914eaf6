// Decides when guilds whose cache is missing are shown again through new sessions: a RESUME brings no
// GUILD_CREATE, so after the loss of a host and of what others kept of it, or where the cache is new, nothing
// else would fill it. Plain class; time is an argument. It promises: no renewal while something else may
// still fill the cache, at most one in an hour, and none soon after one that did not help. Budget and reserve
// are those of every reshard: whoever is asked refuses, and is asked again later.
#pragma once

#include "actors/coordinator/unix_time.hpp"

#include <optional>
#include <string>

namespace shardyard {

struct refill_tuning {
  bool enabled = true;
  std::chrono::milliseconds after{60'000};   ///< of calm with guilds missing
  std::chrono::minutes retry{5};             ///< after a refusal
  std::chrono::minutes rest{60};             ///< since the last renewal
  std::chrono::minutes rest_in_vain{6 * 60}; ///< the same, when guilds were missing all the time since
};

/// What is seen of the cluster.
struct refill_view {
  std::uint64_t uncached = 0;       ///< guilds without cache
  std::uint64_t unavailable = 0;    ///< guilds that sessions call unavailable: they come by themselves
  bool calm = false;                ///< every shard has shown its guilds, and no plan runs
  std::optional<unix_time> renewed; ///< when the last renewal began
};

class cache_refill {
public:
  explicit cache_refill(refill_tuning tuning = {}) : tuning_(tuning) {}

  /// Whether a renewal is to be asked for now; call `answered` then. `now` never goes back.
  bool due(const refill_view& seen, unix_time now);

  /// The renewal has begun, or why it was refused.
  void answered(std::string refused, unix_time now);

  /// For the operator: what is missing and what will be done about it; empty: nothing is missing.
  std::string text(unix_time now) const;

private:
  std::optional<unix_time> earliest() const;

  refill_tuning tuning_;
  refill_view seen_;
  std::optional<unix_time> since_; ///< guilds are missing and all is calm
  std::optional<unix_time> full_;  ///< when nothing was missing last
  std::optional<unix_time> refused_at_;
  std::string refused_;
};

} // namespace shardyard
