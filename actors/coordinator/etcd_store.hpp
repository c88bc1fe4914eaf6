// The store for clusters that must go on when a host dies: rows in etcd, the term is a lease. `campaign` wins
// it when nobody holds it; the epoch is the create_revision of the lease's row, and every commit is one
// transaction that names it, so that a coordinator whose lease is over cannot write, however late it wakes.
// A store that was won renews its lease in a thread of its own and gives it back at its end.
//
// An answer that gets lost leaves a commit in doubt. So each commit also replaces the row "commit" and
// demands its last revision: the same commit sent again is carried out once, and an older one that is still
// on its way can never follow a newer one.
#pragma once

#include "actors/coordinator/etcd_link.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

namespace shardyard {

/// Who leads, as the lease's row tells the other candidates.
struct leader_record {
  std::string node;
  std::string host; ///< where its node listens
  std::uint16_t port = 0;
  std::uint64_t epoch = 0;

  bool operator==(const leader_record&) const = default;
};

struct etcd_settings {
  std::string cluster;
  std::string prefix = "shardyard"; ///< rows are "PREFIX/CLUSTER/..."
  std::string user;                 ///< empty: no login
  std::string password;
  std::chrono::seconds time_to_live{3}; ///< of the lease; etcd's own least is 2 s with its defaults
  leader_record self;                   ///< epoch unused
};

/// A connection of its own for each caller's thread.
using etcd_connect = std::function<etcd_post()>;

/// A term won, or who has it.
using campaign_result = std::variant<std::unique_ptr<store>, leader_record>;

class etcd_election {
public:
  etcd_election(etcd_connect connect, etcd_settings settings);

  /// One attempt; blocks for a few seconds at most. Throws etcd_away when etcd does not answer, store_error
  /// when it refuses or when the rows are of another cluster or program version.
  campaign_result campaign();

  /// Gives the term that was won last back at once, for a process that is about to end. Whoever holds its
  /// store cannot write any more. Any thread; blocks for half a second at most; failing is no harm.
  void resign() noexcept;

private:
  void check_cluster(std::uint64_t epoch);

  etcd_connect connect_;
  etcd_settings settings_;
  etcd_link link_;
  std::atomic<std::int64_t> lease_{0};
};

} // namespace shardyard
