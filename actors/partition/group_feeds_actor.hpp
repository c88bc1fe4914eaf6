// The bot endpoints that a partition group feeds, beside its sinks. They come and go: one that is down or
// silent is dropped, so that it never holds up the others for longer than `patience`. Owns the ring of recent
// deliveries; belongs to the group's actor.
#pragma once

#include "actors/compat.hpp"
#include "actors/partition/feed_progress.hpp"
#include "actors/partition/feed_ring.hpp"
#include "actors/partition/partition_group_actor.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace shardyard {

class group_feeds {
public:
  /// In place of a timeout per request: 0.18 keeps each of those for its whole time.
  static constexpr auto patience = std::chrono::seconds(5);

  /// `keeps_recent`: fills the ring even before the first endpoint has come. `progressed` is called when an
  /// answer has come or a feed was dropped.
  group_feeds(local_partition_group_actor::pointer self, compat::down_watch& watch, bool keeps_recent,
              std::function<void()> progressed);

  /// What endpoints may lack of an earlier life of the group.
  void remember(std::vector<event_block> earlier);

  /// A later incarnation of the endpoint is fed already.
  bool outdated(const feed_request& x) const;
  /// The endpoint is fed from now on, in place of an earlier feed of its name; first comes the ring.
  void open(const feed_request& x, sink_actor sink, std::uint64_t taken, std::uint64_t given);

  void give(sink_batch batch, std::uint64_t taken);
  /// Newest batch that every feed has.
  std::uint64_t accepted(std::uint64_t given) const;
  void tick(std::uint64_t taken);

  bool empty() const { return feeds_.empty(); }
  /// A batch need not come here.
  bool idle() const { return feeds_.empty() && !keeps_recent_; }
  void missed(std::uint64_t number) { ring_.missed(number); }
  bool whole(std::uint64_t through) const { return ring_.whole(through); }

private:
  struct feed {
    std::uint64_t incarnation = 0;
    std::uint64_t life = 0; ///< tells answers to an earlier feed of the same name apart
    sink_actor sink;
    feed_progress progress;
  };

  void send(const std::string& name, feed& to, sink_batch batch, std::uint64_t before);
  feed* find(const std::string& name, std::uint64_t life);
  void drop(const std::string& name, std::uint64_t life, const std::string& why);
  monotonic now() const { return self_->clock().now().time_since_epoch(); }

  local_partition_group_actor::pointer self_;
  compat::down_watch& watch_;
  bool keeps_recent_;
  std::function<void()> progressed_;
  feed_ring ring_;
  std::map<std::string, feed> feeds_;
  std::uint64_t lives_ = 0;
};

} // namespace shardyard
