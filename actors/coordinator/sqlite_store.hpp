// The embedded store: one SQLite file on the coordinator's own disk (WAL, synchronous=FULL). A lock file
// beside it keeps a second process out for as long as this one lives, kill -9 included; the sqlite3 shell may
// still read (views: plans, units, permits).
#pragma once

#include "actors/coordinator/store.hpp"

#include <chrono>
#include <filesystem>
#include <memory>

namespace shardyard {

/// Opens or creates the store at `path` and raises the cluster epoch. `cluster_id` is given to a new store;
/// an existing one must carry the same, unless it is empty (a new store then draws a random id). Throws
/// store_error. The folder must exist and be on a local disk. The store is not thread-safe.
std::unique_ptr<store> open_sqlite_store(const std::filesystem::path& path,
                                         const std::string& cluster_id = {});

/// The same for a copy that may be older than the cluster: the file of a host that died, or a backup. The
/// epoch becomes at least `seconds`, the Unix time, and so is above every epoch that terms after the copy
/// had. The lock is demanded as ever. Throws store_error for a file that is not there, too.
std::unique_ptr<store> take_over_sqlite_store(const std::filesystem::path& path,
                                              const std::string& cluster_id, std::chrono::seconds seconds);

} // namespace shardyard
