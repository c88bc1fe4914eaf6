// The sessions that a node's shards hold, on the node's own disk, so that a node that was killed can RESUME
// them. Owns one SQLite file and the changes not yet written. Promises: what `flush` wrote survives the death
// of the process at any moment.
#pragma once

#include "messages/session_row.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace shardyard {

/// The file cannot be used; `what` says why and what the operator can do.
struct checkpoint_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Not thread-safe. Changes are collected and written by `flush` in one transaction, made to be called every
/// 100 ms for hundreds of shards. Not synced at each flush: a power failure may cost the last seconds, never
/// the file.
class checkpoint_file {
public:
  /// Opens or creates. Throws checkpoint_error when the file is held by another process, damaged, or of
  /// another version.
  explicit checkpoint_file(const std::filesystem::path& path);
  ~checkpoint_file();
  checkpoint_file(const checkpoint_file&) = delete;
  checkpoint_file& operator=(const checkpoint_file&) = delete;

  /// What is on disk, ordered by shard; pending changes are not included. Throws checkpoint_error when it
  /// cannot be read.
  std::vector<session_checkpoint> sessions() const;

  /// A session began or was taken over, or its guilds changed.
  void put(session_checkpoint checkpoint);

  /// The cursor of a session moved. A shard that was never put, or was forgotten, stays unknown.
  void advance(const shard_key& shard, std::uint64_t cursor, std::int64_t newest_ms);

  /// The session is closed or lost.
  void forget(const shard_key& shard);

  /// Writes all changes since the last successful flush; does nothing when there are none. False: see
  /// `problem`; the changes are kept for the next try.
  bool flush();

  const std::string& problem() const { return problem_; }

private:
  struct change {
    std::optional<session_checkpoint> whole; ///< written first
    bool gone = false;
    bool moved = false;
    std::uint64_t cursor = 0;
    std::int64_t newest_ms = 0;
  };
  struct closer {
    void operator()(sqlite3* db) const;
    void operator()(sqlite3_stmt* statement) const;
  };
  using statement = std::unique_ptr<sqlite3_stmt, closer>;

  void run(const char* sql);
  statement prepare(const char* sql) const;
  void set_up();
  void write(const shard_key& shard, const change& x);
  void write_whole(const session_checkpoint& x);
  void step(const statement& x);
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  std::unique_ptr<sqlite3, closer> db_;
  statement put_session_, put_position_, move_position_, forget_session_, forget_position_;
  std::map<shard_key, change> changes_;
  std::string problem_;
};

} // namespace shardyard
