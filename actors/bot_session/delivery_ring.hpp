// The newest deliveries of the whole cluster, kept once for all sessions of an endpoint. Entries have
// positions that rise by one for ever; the oldest are given up when there are too many, too many bytes of
// them, or when they are too old. The bytes stay those of the blocks that brought them. Not thread-safe.
#pragma once

#include "messages/event_block.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

struct ring_bounds {
  std::size_t bytes = 256u << 20; ///< of blocks, each counted whole while one of its events is kept
  std::size_t events = 1u << 20;
  std::chrono::milliseconds age{600'000};
};

class delivery_ring {
public:
  using time = std::chrono::steady_clock::time_point;

  explicit delivery_ring(ring_bounds bounds) : bounds_(bounds) {}

  /// Appends one event of `block` and returns its position.
  std::uint64_t push(const event_block& block, const event_entry& e, time now);

  /// Gives up what is beyond the bounds.
  void evict(time now);

  std::uint64_t first() const { return first_; }
  std::uint64_t end() const { return first_ + entries_.size(); }
  bool holds(std::uint64_t position) const { return position - first_ < entries_.size(); }

  // What stands at a position that is held.
  event_type_id type(std::uint64_t position) const { return at(position).type; }
  snowflake guild(std::uint64_t position) const { return at(position).guild; }
  std::uint64_t n(std::uint64_t position) const { return at(position).n; }
  std::uint32_t asker(std::uint64_t position) const { return at(position).asker; }
  std::string_view data(std::uint64_t position) const;

  struct shown_event {
    std::string_view t, d;
  };
  /// What a session with this mask is to see.
  shown_event view(std::uint64_t position, std::uint8_t mask, snowflake self) {
    auto& e = at(position);
    std::string_view bytes = *source_of(e).bytes;
    return {bytes.substr(e.t_offset, e.t_size),
            mask == 0 ? bytes.substr(e.d_offset, e.d_size) : data(position, mask, self)};
  }

  /// `d` as a session with this mask is to see it. Made once per mask and kept with the event.
  std::string_view data(std::uint64_t position, std::uint8_t mask, snowflake self);

  std::size_t bytes() const { return bytes_; }
  std::size_t size() const { return entries_.size(); }
  /// When the oldest entry came; there must be one.
  time oldest() const { return sources_.front().since; }

private:
  struct edit {
    std::uint8_t mask;
    std::optional<std::string> d; // nothing: as it came
  };
  struct entry {
    snowflake guild;
    std::uint64_t n;
    std::uint32_t source; // number of its block in sources_, modulo 2^32
    std::uint32_t d_offset, d_size, t_offset, asker;
    std::uint16_t t_size;
    event_type_id type;
    std::unique_ptr<std::vector<edit>> edits;
  };
  struct source {
    std::shared_ptr<const std::string> bytes;
    time since;
    std::uint32_t entries = 0;
  };

  const entry& at(std::uint64_t position) const { return entries_[position - first_]; }
  const source& source_of(const entry& e) const { return sources_[e.source - first_source_]; }
  void drop_first();

  ring_bounds bounds_;
  std::deque<entry> entries_;
  std::deque<source> sources_;
  std::uint64_t first_ = 0;
  std::uint32_t first_source_ = 0;
  std::size_t bytes_ = 0;
};

} // namespace shardyard
