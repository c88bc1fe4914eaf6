// May this node deliver? Yes while the coordinator said so not long ago, or, when no coordinator answers,
// while a majority of the hosts says that it is not served either: then nobody can have given this node's
// partitions away. Plain class; times are those at which the question was sent, so that a slow answer
// lengthens nothing. (C. Gray, D. Cheriton, "Leases", SOSP 1989.)
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace shardyard {

class lease {
public:
  using time = std::chrono::nanoseconds; ///< of a clock that goes on during suspend (CLOCK_BOOTTIME)

  /// Clocks of two hosts run apart by at most this share: a lease is believed for so much less.
  static constexpr double drift = 0.02;

  /// Hosts with weight in the cluster, this one included.
  void set_hosts(std::size_t count) { hosts_ = count; }

  void granted(time sent, std::chrono::milliseconds ttl);
  void vouched(const std::string& peer, time sent, std::chrono::milliseconds ttl);

  /// Delivering is allowed before this moment; time::max() for a host that is its own majority.
  time until() const;

  /// Newest moment at which the coordinator was asked and granted.
  time last_grant() const { return last_grant_; }

private:
  static time believed(time sent, std::chrono::milliseconds ttl);

  std::size_t hosts_ = 1;
  time granted_until_{0};
  time last_grant_{0};
  std::map<std::string, time> vouched_until_;
};

} // namespace shardyard
