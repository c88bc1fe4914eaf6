// The append log beside the partitions of one node: cuts, positions, sessions, keys, sink offsets. Owns the
// file; promises that what `commit` wrote is read back after a crash of the process, that a torn tail is cut
// off, and that a compaction, at once or in pieces, is all or nothing.
#pragma once

#include "actors/partition/disk.hpp"
#include "actors/partition/log_record.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace shardyard {

/// How far a sink has come, in its own words.
using sink_offset = std::pair<std::string, std::string>;

/// Its calls wait for the disk. Not thread-safe; belongs to one thread at a time.
class position_log {
public:
  static constexpr std::size_t magic_bytes = 8; ///< before the first record
  /// Opens or creates the log at `path` and reads it; a torn tail is cut off (recovered_state::torn_bytes).
  /// Throws std::system_error when the file cannot be opened or read, std::runtime_error when it is no
  /// position log.
  /// `on`: where its writes go; none: the machine's disk.
  explicit position_log(std::filesystem::path path, std::shared_ptr<disk> on = {});
  ~position_log();
  position_log(const position_log&) = delete;
  position_log& operator=(const position_log&) = delete;

  /// The state read by the constructor; moved out.
  recovered_state take_recovered() { return std::move(recovered_); }

  /// Appends records (write_record) and the offsets of sinks, which compactions keep, in one write. On an
  /// error nothing is lost: the bytes stay pending and go
  /// first next time; until then the caller must not give to a sink what depends on them. True when
  /// everything is written.
  bool commit(std::string_view records, const std::vector<sink_offset>& offsets = {});

  /// fsync. Only needed against a crash of the machine.
  bool sync();

  /// True when the file has grown to many times the last snapshot; to twice a large one (caches), since the
  /// whole file is read at a start and sent to the second host.
  bool wants_compaction() const {
    if (compacting())
      return false;
    auto times = snapshot_size_ > large_snapshot_bytes ? 2u : 4u;
    return size_ > min_compaction_bytes && size_ > times * snapshot_size_;
  }

  /// Replaces the file by `snapshot` and the sink offsets (write to a second file, sync, rename). False and
  /// unchanged on an error.
  bool compact(std::string_view snapshot);

  // The same in pieces, while the log goes on: what is appended goes to both files, until the second one
  // takes the first one's place. A call that fails gives the compaction up and leaves the log as it is.

  bool begin_compaction(std::string_view state);
  /// Behind everything appended so far.
  bool add_piece(std::string_view records);
  bool finish_compaction();
  void give_up_compaction();
  bool compacting() const { return fresh_ >= 0; }

  /// Every record that is in the file. Throws std::system_error when it cannot be read.
  std::string records() const;

  std::uint64_t size() const { return size_; }
  const std::string& error() const {
    return error_;
  } ///< text of the last failed call; empty after a good one
  std::uint64_t pending_bytes() const { return pending_.size(); }

private:
  static constexpr std::uint64_t min_compaction_bytes = 4u << 20;
  static constexpr std::uint64_t large_snapshot_bytes = 16u << 20;

  bool write_pending();
  std::size_t write_all(int file, std::string_view bytes);
  bool write_fresh(std::string_view bytes);
  std::filesystem::path fresh_path() const;
  bool failed(const char* what);

  std::filesystem::path path_;
  std::shared_ptr<disk> own_disk_;
  disk& disk_;
  int file_ = -1;
  int fresh_ = -1; ///< of the compaction under way
  std::uint64_t fresh_size_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t snapshot_size_ = 0;
  std::string pending_;
  std::string error_;
  std::map<std::string, std::string> sinks_;
  recovered_state recovered_;
};

} // namespace shardyard
