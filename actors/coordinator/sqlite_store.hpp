// The embedded store: one SQLite file on the coordinator's own disk (WAL, synchronous=FULL). A lock file
// beside it keeps a second process out for as long as this one lives, kill -9 included; the sqlite3 shell may
// still read (views: plans, units, permits).
#pragma once

#include "actors/coordinator/store.hpp"

#include <filesystem>
#include <memory>

namespace shardyard {

/// Opens or creates the store at `path` and raises the cluster epoch. `cluster_id` is given to a new store;
/// an existing one must carry the same, unless it is empty (a new store then draws a random id). Throws
/// store_error. The folder must exist and be on a local disk. The store is not thread-safe.
std::unique_ptr<store> open_sqlite_store(const std::filesystem::path& path,
                                         const std::string& cluster_id = {});

} // namespace shardyard
