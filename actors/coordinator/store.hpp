// The coordinator's durable store, as small as etcd and SQLite can both be: rows of text under a key, each
// with the revision of its last write, and atomic compare-and-swap. It owns the cluster epoch: opening a
// store acquires the next one, and a store whose epoch was overtaken refuses every write. What `commit`
// returned as written survives a crash.
#pragma once

#include "actors/coordinator/boot_clock.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

/// The store cannot do what it was asked; the text says what is wrong and what to do. Nothing of the call
/// happened, or, where an answer was lost and it happened after all, the term ends: no later commit succeeds.
struct store_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct stored_row {
  std::string key;
  std::string value;
  std::uint64_t revision = 0;
};

struct row_write {
  std::string key;
  std::optional<std::string> value; ///< nullopt: the row is removed
  std::optional<std::uint64_t>
      expected; ///< revision that the row must have, 0: it must not exist; nullopt: whatever is there
};

struct commit_result {
  bool written = false;
  std::uint64_t revision = 0; ///< of all rows of this commit
  std::string conflict;       ///< not written: the first key whose revision was another
};

class store {
public:
  virtual ~store() = default;
  virtual const std::string& cluster_id() const = 0;
  /// Term of this coordinator, acquired by opening; strictly higher than that of every earlier one.
  virtual std::uint64_t epoch() const = 0;
  virtual std::optional<stored_row> get(std::string_view key) = 0;
  /// Rows whose key begins with `prefix` (not empty), in key order.
  virtual std::vector<stored_row> list(std::string_view prefix) = 0;
  /// All writes or none; of several writes to one key the last stays. Throws store_error when the store fails
  /// or a later epoch has taken over.
  virtual commit_result commit(const std::vector<row_write>& writes) = 0;
  /// False as soon as another coordinator may have begun its term: who holds the store must end. Any thread.
  virtual bool leading(boot_clock::time_point) const { return true; }
};

} // namespace shardyard
