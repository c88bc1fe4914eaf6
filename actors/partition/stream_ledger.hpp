// Bookkeeping of the streams that shards send to a group: which item comes next, and up to where each stream
// may be acknowledged. An item is done when the sinks have what it caused to be delivered and nothing of it
// is held; acknowledgements are cumulative.
#pragma once

#include "messages/stream.hpp"

#include <deque>
#include <map>
#include <unordered_map>

namespace shardyard {

/// An item that may not be acknowledged yet, because a guild holds an event of it.
struct item_hold {
  shard_key shard;
  std::uint64_t number = 0;
};

/// One item of a stream.
struct item_place {
  shard_key shard;
  std::uint64_t ordinal = 0;
};

class stream_ledger {
public:
  enum class verdict : std::uint8_t { next, repeated, jump };

  /// A repeated item is acknowledged again.
  verdict judge(const shard_key& shard, std::uint64_t ordinal);
  /// The next item of `shard` becomes the current one.
  void begin(const shard_key& shard);

  /// The stream begins anew with ordinal 1 (`resynced`). What was held of the old one now holds back all of
  /// the new one.
  void restart(const shard_key& shard, std::uint64_t gate);

  /// The current item is worked off: it is done when deliveries up to `gate` are accepted (0: nothing to wait
  /// for).
  void finish(std::uint64_t gate);
  /// The current item is never acknowledged: its events were not delivered and stay with the shard.
  void withhold() { withheld_ = true; }

  /// The current item holds back its stream until `release`.
  item_hold hold();
  void release(const item_hold& x, std::uint64_t gate);

  /// The item that `x` holds is worked off now: it is the current one until `go_back`. Returns what was.
  item_place turn_to(const item_hold& x);
  void go_back(const item_place& x);

  /// Streams whose acknowledgement has risen since the last call, deliveries up to `accepted` being accepted.
  std::vector<stream_ack> take_acks(std::uint64_t accepted);
  /// Whether take_acks() would have one.
  bool acks_due(std::uint64_t accepted);

  std::uint64_t outstanding() const; ///< items not acknowledged

private:
  struct stream {
    std::uint64_t next = 1;
    std::uint64_t acked = 0;
    std::uint64_t told = 0;
    bool tell_again = false;
    std::deque<std::uint64_t> gates;              ///< of items acked + 1 and up
    std::map<std::uint64_t, std::uint64_t> holds; ///< hold number -> ordinal
  };
  void advance(stream& x, std::uint64_t accepted);

  std::unordered_map<shard_key, stream> streams_;
  item_place current_;
  bool withheld_ = false;
  std::uint64_t holds_made_ = 0;
};

} // namespace shardyard
