// Notices a session that heartbeats but no longer brings a kind of event that it used to, as happened at
// Discord in February 2026 (discord-api-docs, issue 8162): each shard is compared with its own past and with
// its peers of the same topology. Plain class; time is an argument.
//
// The rule is a sequential test per shard and kind of event. Since the last event of the kind, the number
// that was to be expected is summed up twice: from the shard's own past rate, and from what peers bring per
// guild at the same time. When both sums have passed `enough`, and nothing came, the kind is silent: for
// independent events the chance of that is exp(-enough). A kind that no peer brings (direct messages come on
// shard 0 alone) is judged by the past alone, and needs `enough_alone`.
#pragma once

#include "messages/report.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace shardyard {

struct mix_tuning {
  double enough =
      60; ///< expected events of a kind that may stay away; bursts make it larger than independence asks for
  double enough_alone = 400;
  std::chrono::milliseconds at_least{120'000}; ///< and for so long
  std::chrono::seconds memory{1800};           ///< time constant of the past rate
};

/// A kind of event that a live session has stopped to bring.
struct silent_kind {
  shard_key shard;
  event_type_id type = unknown_event;
  double expected = 0;            ///< events that should have come since the last one
  std::chrono::seconds silent{0}; ///< since then

  bool operator==(const silent_kind&) const = default;
};

class mix_watch {
public:
  explicit mix_watch(mix_tuning tuning = {}) : tuning_(tuning) {}

  /// What one shard brought in a stretch of time during which it was live from end to end.
  void note(const shard_mix& x);

  /// The shard has a new session, was away, or is gone: silence is counted anew; `gone` forgets its past,
  /// too.
  void interrupted(const shard_key& shard, bool gone);

  /// All kinds that are silent at present, by shard.
  std::vector<silent_kind> silent() const;

private:
  struct kind {
    double rate = 0;    ///< per second, of the past
    double by_past = 0; ///< expected since the last event
    double by_peers = 0;
    double seconds = 0; ///< since the last event
  };
  struct row {
    std::uint32_t guilds = 0;
    double seen_for = 0;           ///< seconds that the past is made of
    std::vector<double> last_rate; ///< per second, in the newest stretch, by type
    std::map<event_type_id, kind> kinds;
  };

  double peers_rate(const shard_key& shard, const row& of, event_type_id type) const;

  mix_tuning tuning_;
  std::map<shard_key, row> rows_;
};

/// "shard 2:[3,8] has brought no INTERACTION_CREATE for 240 s, 75 were to be expected"
std::string to_string(const silent_kind& x);

} // namespace shardyard
