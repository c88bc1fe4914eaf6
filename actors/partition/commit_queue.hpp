// What waits to be written to the position log and which effects wait for it. At most one write is under way;
// what comes meanwhile is gathered for the next one (group commit). Plain class: no file, time is an
// argument.
//
// An effect that must not happen before the records so far are written remembers newest() and happens when
// safe() has reached it.
#pragma once

#include "actors/partition/position_log.hpp"

#include <chrono>
#include <optional>

namespace shardyard {

class commit_queue {
public:
  struct work {
    std::string records;
    std::vector<sink_offset> offsets;
  };

  /// Takes a place behind everything added before.
  void add(std::string_view records, std::vector<sink_offset> offsets = {});

  std::uint64_t newest() const { return newest_; }
  std::uint64_t safe() const { return safe_; }

  /// What to write now; none while a write is under way, while a failed one rests, or when all is written.
  /// Empty work is a failed write tried again: the log has kept its bytes.
  std::optional<work> next(monotonic now);
  /// The write that next() gave is over.
  void written(bool ok, monotonic now);

  /// A snapshot of the state as it is now takes the log's place: begin it only when idle().
  void snapshot_begun() { writing_ = true; }
  void snapshot_over() { writing_ = false; }

  bool writing() const { return writing_; }
  /// Nothing under way and nothing to write.
  bool idle() const { return !writing_ && safe_ == newest_; }

  /// When a failed write is due again.
  std::optional<monotonic> retry_at() const { return writing_ ? std::nullopt : retry_at_; }

private:
  static constexpr monotonic retry_delay = std::chrono::milliseconds(100);

  work gathered_;
  std::uint64_t newest_ = 0;
  std::uint64_t given_ = 0; ///< newest that the write under way, or the one that failed, covers
  std::uint64_t safe_ = 0;
  bool writing_ = false;
  std::optional<monotonic> retry_at_;
};

} // namespace shardyard
