// Where the partitions of a group put what they deliver: blocks for the sinks in numbered batches, records
// for the position log, and the positions that become true when a batch is accepted. Owns batches until
// accepted; writes nothing by itself.
#pragma once

#include "actors/partition/log_record.hpp"

#include <deque>
#include <optional>
#include <unordered_map>

namespace shardyard {

/// Deliveries in order. Sinks take all of a batch before any of the next.
struct delivery_batch {
  std::uint64_t number = 0;
  std::vector<event_block> blocks;

  bool empty() const { return blocks.empty(); }
};

/// Where in the open batch a scope has its position.
struct change_slot {
  std::uint64_t batch = 0;
  std::uint32_t index = 0;
};

class delivery_outbox {
public:
  /// Event `index` of `block`, as delivery `n`.
  void event(const event_block& block, std::uint32_t index, std::uint64_t n, std::uint64_t epoch,
             std::uint16_t flags);

  /// An answer for `asker` alone. It has no number of its own, so that what bots ask for does not number the
  /// guild's events: `n` is the newest. Nothing as `d`: as the block has it.
  void answer(const event_block& block, std::uint32_t index, std::uint64_t n, std::uint64_t epoch,
              std::uint32_t asker, const std::optional<std::string>& d);

  /// A line about the guild that is no event. `n` is the guild's last one.
  void control(std::string_view name, std::string d, const event_source& from, const scope& at,
               std::uint64_t n, std::uint64_t epoch, std::uint16_t flag);

  /// The position that is true of a scope once the open batch is accepted; `x` is the scope's own memory of
  /// its place.
  position& change(change_slot& x);
  void stray(std::uint32_t session, std::uint64_t s);

  std::string& log() { return log_; }
  void cut_made() { last_cut_ = open_; }

  /// What the present item has changed is true only when everything put in so far is accepted: the item must
  /// come again if that fails.
  void tie_item() { item_tie_ = last_put(); }
  /// Batch that the item waits for; 0: none. Once per item.
  std::uint64_t take_item_tie() { return std::exchange(item_tie_, 0); }

  /// Number of the batch that collects deliveries now; what was put in is accepted when this batch is.
  std::uint64_t open_batch() const { return open_; }
  /// Batch with which everything put in so far is accepted; 0: it is.
  std::uint64_t last_put() const {
    return !blocks_.empty() ? open_ : sent_.empty() ? 0 : sent_.back().number;
  }
  std::uint64_t last_cut() const { return last_cut_; } ///< newest batch with a change of lead
  std::uint64_t events() const { return events_; }     ///< put in so far
  std::uint64_t accepted() const { return accepted_; }

  delivery_batch take();
  void delivered(std::uint64_t through);
  /// True when nothing that was put in waits for acceptance.
  bool settled() const { return blocks_.empty() && sent_.empty(); }
  std::size_t unlogged_positions() const { return dirty_.size(); } ///< held; of a scope maybe several
  std::uint64_t unaccepted_events() const { return events_ - accepted_events_; }

  /// Accepted positions not in the log yet become records, when `force` or when 256 events or 100 ms have
  /// gathered.
  void checkpoint(monotonic now, bool force);
  /// Newest accepted `s` per session of events without a scope, since the last call; the group logs it with
  /// the session.
  auto take_strays() { return std::exchange(strays_, {}); }
  std::string take_log() { return std::exchange(log_, {}); }

private:
  /// Of what `dirty_` has several times, the newest.
  void forget_older_positions();

  struct sent_batch {
    std::uint64_t number = 0;
    std::uint64_t events = 0;
    std::vector<position> positions;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> strays;
  };

  std::vector<event_block> blocks_;
  sent_batch current_;
  std::deque<sent_batch> sent_;
  std::uint64_t open_ = 1;
  std::uint64_t accepted_ = 0;
  std::uint64_t last_cut_ = 0;
  std::uint64_t item_tie_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t accepted_events_ = 0;
  std::uint64_t unlogged_events_ = 0;
  monotonic checked_{0};
  /// Accepted and not in the log: in the order accepted, so a scope may be in it several times. A map would
  /// cost an allocation and a search in cold memory per event.
  std::vector<position> dirty_;
  std::size_t scopes_at_least_ = 0; ///< in `dirty_`
  std::vector<position> spare_;     ///< room for the positions of the next batch
  std::vector<std::pair<scope, std::uint32_t>> order_;
  std::unordered_map<std::uint32_t, std::uint64_t> strays_;
  std::string log_;
};

} // namespace shardyard
