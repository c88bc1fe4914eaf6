// A first-in-first-out queue of records on disk, for what a shard may not drop and cannot send yet. Owns a
// folder with append-only segment files, each deleted when its last record was taken. Promises: what `append`
// took comes back whole and in order, or `take` says that it cannot; nothing is dropped in between.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>

namespace shardyard {

struct spool_settings {
  std::filesystem::path folder;            ///< of this spool alone; created with the first record
  std::uint64_t max_bytes = 256u << 20;    ///< of all segment files together
  std::uint64_t segment_bytes = 16u << 20; ///< a segment that has reached this is closed
};

/// Not for use from two threads. Records are not synced to the device: after a crash of the host a RESUME
/// brings the events again, so a spool that finds files of an earlier life deletes them.
class spool {
public:
  explicit spool(spool_settings settings);
  ~spool();
  spool(spool&& other) noexcept;
  spool& operator=(spool&&) = delete;

  /// Adds a record of at most 1 GiB. False: the bound is reached or the disk refuses (see `problem`), and
  /// nothing has changed.
  bool append(std::string_view record);

  /// Moves the oldest record to `record`. False: there is none, or it cannot be read back (see `problem`); it
  /// then stays.
  bool take(std::string& record);

  /// Deletes everything.
  void clear();

  std::uint64_t records() const { return records_; }
  std::uint64_t bytes() const {
    return bytes_;
  } ///< on disk, records already taken from an open segment included
  std::uint64_t max_bytes() const { return settings_.max_bytes; }

  /// Why the last `append` or `take` failed; empty after a success.
  const std::string& problem() const { return problem_; }

private:
  struct segment {
    int file = -1;
    std::filesystem::path path;
    std::uint64_t written = 0;
    std::uint64_t taken = 0;
  };

  bool open_segment();
  void drop_segment();
  bool fail(std::string_view what, const std::filesystem::path& where);

  spool_settings settings_;
  std::deque<segment> segments_;
  std::uint64_t next_number_ = 1;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
  std::string problem_;
};

} // namespace shardyard
