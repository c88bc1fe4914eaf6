// etcd's JSON gateway as a few typed calls: range, txn, leases. Owns the login token; how a request reaches a
// server is given from outside, so this knows no socket. A request whose answer was lost may have been
// carried out: the error says so, and the store above is built to find out.
//
// etcd 3.4, "gRPC gateway" and "API reference": keys and values are base64, 64-bit numbers are texts, fields
// that are zero are left out.
#pragma once

#include "actors/coordinator/store.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

/// What came back for a POST.
struct etcd_answer {
  unsigned status = 0; ///< HTTP status; 0: nobody answered
  std::string body;
  std::string trouble; ///< status 0: why
};

/// POST `body` to `path` on any server of the cluster, with this Authorization header unless it is empty.
using etcd_post =
    std::function<etcd_answer(const std::string& path, const std::string& body,
                              const std::string& authorization, std::chrono::milliseconds limit)>;

/// etcd did not answer, or has no leader: the same call may work later. Whether it was carried out is not
/// known.
struct etcd_away : store_error {
  using store_error::store_error;
};

struct etcd_row {
  std::string key;
  std::string value;
  std::uint64_t created = 0; ///< create_revision
  std::uint64_t changed = 0; ///< mod_revision; 0: there is no such row
  std::int64_t lease = 0;
};

/// A condition of a txn: this revision of the row, 0 for a row that is not there.
struct etcd_condition {
  enum class of : std::uint8_t { created, changed };
  std::string key;
  of what = of::changed;
  std::uint64_t revision = 0;
};

struct etcd_write {
  std::string key;
  std::optional<std::string> value; ///< nullopt: removed
  std::int64_t lease = 0;
};

struct etcd_txn_answer {
  bool succeeded = false;
  std::uint64_t revision = 0;
  std::vector<etcd_row> seen; ///< not succeeded: each condition's row, in their order
};

class etcd_link {
public:
  etcd_link(etcd_post post, std::string user, std::string password);

  /// Rows from `begin` to before `end`, at most `limit`, as they were at `revision` (0: now). `at`: that
  /// revision.
  std::vector<etcd_row> range(std::string_view begin, std::string_view end, std::size_t limit,
                              std::uint64_t& revision, std::chrono::milliseconds patience);
  std::optional<etcd_row> get(std::string_view key, std::chrono::milliseconds patience);
  /// Either all conditions hold and all writes happened, or none.
  etcd_txn_answer txn(const std::vector<etcd_condition>& conditions, const std::vector<etcd_write>& writes,
                      std::chrono::milliseconds patience);
  /// Id of a new lease.
  std::int64_t grant(std::chrono::seconds time_to_live, std::chrono::milliseconds patience);
  /// Seconds that the lease lives from now on; zero: it is gone.
  std::chrono::seconds keep_alive(std::int64_t lease, std::chrono::milliseconds patience);
  void revoke(std::int64_t lease, std::chrono::milliseconds patience);

private:
  boost::json::object call(const char* path, const boost::json::object& body,
                           std::chrono::milliseconds patience);
  void log_in(std::chrono::milliseconds patience);

  etcd_post post_;
  std::string user_;
  std::string password_;
  std::string token_;
};

/// The first key behind all that begin with `prefix`.
std::string end_of_prefix(std::string_view prefix);

} // namespace shardyard
