// The position log as its partition group uses it: what is to be written and what is safe, the compaction
// that goes on beside the events, and the copy that a second host keeps. Owns the state of these three; the
// file belongs to the log's writer. Belongs to the group's actor.
#pragma once

#include "actors/compat.hpp"
#include "actors/partition/commit_queue.hpp"
#include "actors/partition/copy_stream.hpp"
#include "actors/partition/log_writer_actor.hpp"
#include "actors/partition/partition_group.hpp"
#include "actors/partition/partition_group_actor.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

class group_log {
public:
  using clock = std::chrono::steady_clock;

  /// `progressed` is called when the log or its copy has come further.
  group_log(local_partition_group_actor::pointer self, const partition_group_setup& setup,
            partition_group& group, log_writer_actor writer, std::function<void()> progressed);

  void add(std::string_view records, std::vector<sink_offset> offsets = {}) {
    commits_.add(records, std::move(offsets));
  }
  std::uint64_t newest() const { return commits_.newest(); }
  std::uint64_t safe() const { return commits_.safe(); }
  bool idle() const { return commits_.idle(); }
  /// What a shard may forget: written here and, while somebody keeps a copy, there. A host that dies then
  /// takes nothing with it that its shards do not send again.
  std::uint64_t kept_twice() const;

  /// Begins whatever is due and not under way. `last`: the group is being released, a compaction stays as it
  /// is.
  void go_on(bool last);
  /// When go_on() is due though nothing has happened; far away when it is not.
  clock::time_point due() const;

  /// From now on this node keeps the copy; the one so far is worth nothing.
  void keep_copy_at(const copy_keeper& x);

private:
  void write(bool last);
  void written(const log_written& x);
  void compact();
  void compaction_over(const std::string& error);
  void begin_copy();
  void send_copy();
  void copy_lost(const std::string& keeper, std::uint64_t round, const std::string& why);
  monotonic now() const { return self_->clock().now().time_since_epoch(); }

  local_partition_group_actor::pointer self_;
  const partition_group_setup& setup_;
  partition_group& group_;
  log_writer_actor writer_;
  std::function<void()> progressed_;
  commit_queue commits_;
  clock::time_point next_compaction_{};
  bool compacting_ = false; ///< the log's writer has begun
  std::string trouble_;
  copy_keeper keeper_;
  copy_stream copy_; ///< of the log, on the keeper
  bool copy_due_ = false;
  clock::time_point copy_at_{};
  std::uint64_t copies_begun_ = 0;
};

} // namespace shardyard
