// Who may send an IDENTIFY and when: one ledger for both topologies and all nodes. It owns the permits, the
// spacing per identify key (shard_id % max_concurrency, one per 5 s) and the queue. It promises: spacing and
// budget hold as Discord sees them while the network's jitter stays under the margin, and no permit leaves
// before the row that names it is durable.
#pragma once

#include "actors/coordinator/identify_budget.hpp"
#include "messages/ids.hpp"

#include <map>
#include <string>
#include <variant>
#include <vector>

namespace shardyard {

/// Order of service. Recovery: a session of a running shard was lost. Start: the shard has none since the
/// cluster started.
enum class permit_purpose : std::uint8_t { recovery, start, reshard };

struct permit_request {
  shard_key shard;
  permit_purpose purpose = permit_purpose::recovery;
  /// The same wish asked again (its answer may be lost) carries the same nonce. A shard takes a new one once
  /// it has used or given up a permit, and two incarnations of a shard never share one (draw them at random);
  /// 0: never the same wish.
  std::uint64_t nonce = 0;
};

struct permit_grant {
  std::uint64_t permit = 0;
  std::chrono::milliseconds valid_for{}; ///< on the holder's clock, counted from the moment it asked
};
struct permit_wait {
  std::chrono::milliseconds ask_again{}; ///< who does not ask again within this + 2 s loses its place
  std::uint32_t position = 0;            ///< askers of the same key before this one
  std::string why;
};
struct permit_refusal {
  std::string why;
  std::string instead;
  std::chrono::milliseconds ask_again{}; ///< earlier asking is useless unless Discord's figures change
};
using permit_answer = std::variant<permit_grant, permit_wait, permit_refusal>;

enum class permit_state : std::uint8_t { granted, used, returned };

/// The durable row of a permit.
struct permit_row {
  std::uint64_t id = 0;
  shard_key shard;
  permit_purpose purpose = permit_purpose::recovery;
  permit_state state = permit_state::granted;
  unix_time granted{};
  unix_time used{};      ///< state used: when the IDENTIFY was sent
  bool violated = false; ///< Discord answered it with op 9

  bool operator==(const permit_row&) const = default;
};

/// The answer, and the rows that must be durable before this or any later answer is sent. A row that could
/// not be written: drop the answer and call `not_written`; the asker asks again.
struct ledger_reply {
  permit_answer answer;
  std::vector<permit_row> rows;
};

struct ledger_settings {
  std::chrono::milliseconds spacing{
      5000};                             ///< Gateway reference, "Rate limiting": one IDENTIFY per key per 5 s
  std::chrono::milliseconds margin{150}; ///< network jitter that is borne
  std::chrono::milliseconds valid_for{10000};
  std::optional<std::uint32_t>
      reserve; ///< IDENTIFYs that a reshard leaves; default max(100, 2 * shards), at most total / 4
  std::optional<std::uint32_t> fuse; ///< IDENTIFYs that nobody touches; default total / 50, at least 1
};

struct ledger_status {
  bool limit_known = false;
  std::uint32_t total = 0;
  std::uint32_t left = 0;
  std::uint32_t used_24h = 0; ///< own count
  std::uint32_t reserve = 0;
  std::uint32_t fuse = 0;
  std::uint32_t max_concurrency = 1;
  std::uint32_t waiting[3] = {0, 0, 0}; ///< by purpose
  std::uint64_t violations = 0;
};

/// Not thread-safe. `now` never goes back within one ledger (carried_clock).
class identify_ledger {
public:
  explicit identify_ledger(ledger_settings settings = {}) : settings_{settings} {}

  /// Once, after a restart, with all rows of the last 24 hours. Permits whose fate is unknown count as used,
  /// and their holders may still use them for as long as a permit is valid; every key that has a row waits at
  /// least one spacing, as wall clocks cannot be trusted here.
  void restore(const std::vector<permit_row>& rows, unix_time now);

  /// An answer of GET /gateway/bot, fresh or kept on disk (`fetched` tells; none = now). Call it after
  /// `restore`.
  void update_from_discord(const session_start_limit& limit, unix_time now);
  /// Shards of the active topology; enters the default reserve.
  void set_shards(std::uint32_t shards) { shards_ = shards; }

  ledger_reply ask(const permit_request& request, unix_time now);

  /// The IDENTIFY was sent `age` ago. The rows may be written behind.
  std::vector<permit_row> used(std::uint64_t permit, std::chrono::milliseconds age, unix_time now);
  /// Given back by its holder, which will not use it: key and budget are free again.
  std::vector<permit_row> returned(std::uint64_t permit, unix_time now);
  /// Discord answered the IDENTIFY with op 9: it counts, and the key rests for another spacing, since
  /// somebody else may use it.
  std::vector<permit_row> violated(std::uint64_t permit, unix_time now);
  /// The row of a grant could not be made durable: the grant never left.
  void not_written(std::uint64_t permit) { take_back(permit); }

  /// Ids of rows that no rule needs any more; ask every few minutes.
  std::vector<std::uint64_t> forget(unix_time now);

  std::uint32_t reserve() const;
  std::uint32_t fuse() const;
  /// IDENTIFYs that `purpose` may still use.
  std::uint32_t left_for(permit_purpose purpose, unix_time now) const;
  /// When `count` of them will be there for `purpose`, if nothing else is used.
  unix_time available_at(std::uint32_t count, permit_purpose purpose, unix_time now) const;
  std::uint32_t max_concurrency() const;
  ledger_status status(unix_time now) const;

private:
  struct permit {
    permit_row row;
    std::uint64_t nonce = 0;
    unix_time expiry{}; // when an unreported permit is dead for certain
    unix_time rest{};   // violated: the key rests until then
  };
  struct waiter {
    permit_purpose purpose;
    std::uint64_t order; // of the first ask
    unix_time keep_until;
    std::uint32_t passed = 0; // grants on its key to later askers of a higher purpose
  };
  using waiters = std::map<shard_key, waiter>;

  std::uint32_t key_of(const shard_key& shard) const { return shard.id % max_concurrency(); }
  unix_time blocked_until(const permit& x) const;
  const std::vector<permit>& recent(std::uint32_t key) const;
  std::vector<permit>& recent_of(std::uint64_t id);
  unix_time key_free_at(std::uint32_t key) const;
  unix_time key_free_at_best(std::uint32_t key) const;
  std::uint32_t ahead(const waiters::value_type& self) const;
  permit_wait wait(waiters::value_type& self, std::uint32_t position, unix_time now) const;
  ledger_reply grant(const permit_request& request, unix_time now);
  permit_refusal refuse(permit_purpose purpose, unix_time now) const;
  std::uint32_t floor_for(permit_purpose purpose) const;
  permit* find(std::uint64_t id);
  void take_back(std::uint64_t id);
  std::vector<std::uint64_t> unseen_by_discord(unix_time at) const;

  ledger_settings settings_;
  identify_budget budget_;
  std::uint32_t shards_ = 0;
  std::uint64_t next_id_ = 1;
  std::uint64_t next_order_ = 1;
  std::uint64_t violations_ = 0;
  std::map<std::uint32_t, std::vector<permit>> recent_; // permits that still block their key, by key
  struct durable {
    unix_time granted;
    std::uint32_t shard;
  };
  std::map<std::uint64_t, durable> rows_;    // every durable row
  std::map<std::uint32_t, waiters> waiters_; // by identify key
};

} // namespace shardyard
