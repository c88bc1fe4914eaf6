// A process that would be coordinator: when it looks at the lease, what it says about it and to whom. The
// rules alone; campaigning, spawning and sending are the actor's. Plain class.
#pragma once

#include "actors/coordinator/etcd_store.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace shardyard {

class candidate {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using milliseconds = std::chrono::milliseconds;

  /// `look_every`: the longest time that a free lease stays unseen. `phase`: 0 to 1, random; keeps several
  /// candidates from looking at the same moment.
  candidate(milliseconds look_every, double phase) : look_every_{look_every}, phase_{phase} {}

  bool leads() const { return leads_; }
  /// Time to campaign. Never while a coordinator of ours lives.
  bool due(time_point now) const { return !leads_ && now >= next_; }

  void won(time_point now);
  /// Our coordinator has ended, for whatever reason; or it could not begin, `failed`. Then others go first.
  void ended(time_point now, bool failed = false);
  /// Somebody else has the lease. The record when nodes of ours should hear of it: it is news, and says
  /// where.
  std::optional<leader_record> follows(const leader_record& leader, time_point now);
  /// etcd did not answer, or refused. True when the trouble is worth a line in the log: it is new.
  bool failed(const std::string& why, time_point now);

private:
  void look_again(time_point now, milliseconds after);

  milliseconds look_every_;
  double phase_;
  bool leads_ = false;
  time_point next_{};
  std::optional<leader_record> leader_;
  std::string trouble_;
};

} // namespace shardyard
