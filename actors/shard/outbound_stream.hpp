// The stream of one shard to one partition group: blocks and marks in one order, numbered from 1, kept until
// acknowledged. Owns the credit window, the memory bound and the spool behind it. Promises: an item that was
// pushed is sent in its place, again after the group restarted, and is forgotten only when acknowledged; when
// memory and disk are used up it says so and still drops nothing.
#pragma once

#include "actors/shard/spool.hpp"
#include "actors/shard/stream_item.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

struct numbered_item {
  std::uint64_t ordinal = 0;
  stream_item item;
};

struct stream_limits {
  std::size_t credit_events = 8192; ///< sent and not acknowledged; one item always goes
  std::size_t credit_bytes = 4u << 20;
  std::size_t memory_bytes = 8u << 20; ///< held in memory before the spool begins
};

/// Events that were not given back by the disk, or stood behind such: those of `session_id` with after_s < s
/// <= last_s that belong to this group.
struct stream_hole {
  std::string session_id;
  std::uint64_t after_s = 0;
  std::uint64_t last_s = 0;
};

/// Not thread-safe; a shard owns one per group. Pushing, sending and acknowledging cost no allocation per
/// event.
class outbound_stream {
public:
  outbound_stream(stream_limits limits, spool_settings spool) : limits_(limits), spool_(std::move(spool)) {}

  /// Appends. Always succeeds; look at `full` afterwards.
  void push(stream_item item);

  /// The next item that the credit allows, now counted as sent. None: all sent, no credit, or `problem` must
  /// be solved first.
  std::optional<numbered_item> next_to_send();

  /// Forgets everything up to `through`. False: nothing like that was sent since the last restart, nothing
  /// has changed. Answers to an earlier life of the group must be kept away by the caller, who knows the
  /// sender.
  bool acked(std::uint64_t through);

  /// The group came back with empty hands: ordinals begin at 1 with `resynced`, then everything
  /// unacknowledged follows again.
  void restart(source_mark resynced);

  /// Lowest sequence of `session_id` in here, sent or not; none when all of it was acknowledged. Never too
  /// high.
  std::optional<std::uint64_t> oldest_unacked_s(std::string_view session_id) const;

  /// True while items wait beyond memory bound and spool: the shard must stop reading its socket, and say so.
  bool full() const { return !overflow_.empty() || stuck_; }

  /// Tries the disk again. To be called now and then while `full`: nothing else does when the group is away
  /// and nothing is read.
  void retry() { refill_from_overflow(); }

  /// Why the spool does not take or give; empty when all is well.
  const std::string& problem() const { return problem_; }

  /// True when the spool cannot be read back: nothing is sent any more, so that order holds, until
  /// `skip_unreadable`.
  bool stuck() const { return stuck_; }

  /// Ends `stuck`: drops all blocks from the unreadable one on, also those that came later, and returns what
  /// is missing now. Order holds, because nothing that came later went out. For a session that lives the
  /// caller takes the cursor first, begins the resume_cursor anew there and RESUMEs, so that Discord fills
  /// the hole; for a dead one it reports a gap. Marks on the disk are gone too, so a `restart` should follow.
  std::vector<stream_hole> skip_unreadable();

  /// Empties the stream: everything unacknowledged, in order, without the mark of the last restart. What the
  /// disk does not give back is told in `holes`, as by `skip_unreadable`.
  std::vector<stream_item> take_all(std::vector<stream_hole>& holes);

  std::size_t bytes_held() const { return memory_bytes_ + overflow_bytes_; }
  std::uint64_t bytes_spooled() const { return spool_.bytes(); }
  std::size_t unacknowledged() const { return sent_; }
  std::size_t events_outstanding() const { return sent_events_; }
  bool empty() const { return items_.empty() && spool_.records() == 0 && overflow_.empty(); }

private:
  struct held_item {
    stream_item item;
    std::size_t bytes = 0;
    std::uint32_t events = 0;
  };
  /// The unacknowledged blocks of one session. Sessions follow one another in a stream, they do not mix.
  struct session_span {
    shared_string session_id;
    std::uint64_t first_s = 0;  ///< lowest unacknowledged
    std::uint64_t memory_s = 0; ///< highest that is or was in memory
    std::uint64_t last_s = 0;   ///< highest pushed
    std::size_t blocks = 0;
    std::size_t in_memory = 0; ///< of `blocks`; the others are in the spool or the overflow
  };

  held_item measured(stream_item item) const;
  void note_block(const stream_item& item);
  void note_acked_block();
  bool credit_left(const held_item& next) const;
  void hold(held_item item);
  bool to_spool(const held_item& item);
  std::vector<stream_hole> drop_unreadable();
  void refill();
  bool refill_from_spool();
  void refill_from_overflow();
  session_span* span_of(const stream_item& item);

  stream_limits limits_;
  spool spool_;
  std::deque<held_item> items_; ///< in memory, oldest first; the spool and then the overflow follow behind
  std::deque<held_item> overflow_;
  std::deque<session_span> spans_;
  std::uint64_t base_ = 1; ///< ordinal of items_[0]
  std::size_t sent_ = 0;   ///< items at the front that were sent
  std::size_t sent_bytes_ = 0;
  std::size_t sent_events_ = 0;
  std::size_t memory_bytes_ = 0;
  std::size_t overflow_bytes_ = 0;
  bool resync_first_ = false; ///< items_[0] is the mark of the last restart
  bool stuck_ = false;
  std::string problem_;
  std::string record_; ///< reused for reading the spool
};

} // namespace shardyard
