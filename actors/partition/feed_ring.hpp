// The newest deliveries of a group, for endpoints that come late or come back. Owns blocks, bounded by bytes
// and age; what some sink has not taken is never dropped. Plain class, time is an argument.
#pragma once

#include "actors/partition/guild_handover.hpp"
#include "messages/event_block.hpp"

#include <algorithm>
#include <deque>
#include <vector>

namespace shardyard {

class feed_ring {
public:
  /// An endpoint that lost a node finds it again within some seconds (3 s until the loss is seen, a dial
  /// every half second), and 16 MiB are 30 s of 1,000 events a second. Beyond them it asks for snapshots.
  static constexpr std::size_t most_bytes = 16u << 20;
  static constexpr monotonic longest = std::chrono::seconds(30);
  /// A message of more would delay the heartbeats of its connection.
  static constexpr std::size_t piece_bytes = 4u << 20;

  /// Deliveries that an earlier life gave out, and that may not have arrived.
  void add_earlier(std::vector<event_block> blocks, monotonic now) { keep(0, std::move(blocks), now); }

  void add(std::uint64_t number, std::vector<event_block> blocks, monotonic now) {
    keep(number, std::move(blocks), now);
  }
  /// Batch `number` was given out and not kept.
  void missed(std::uint64_t number) { lost_ = number; }

  /// Lets go what is too old or too much, of batches up to `taken`.
  void trim(std::uint64_t taken, monotonic now) {
    while (!kept_.empty() && kept_.front().number <= taken &&
           (bytes_ > most_bytes || now - kept_.front().at > longest)) {
      lost_ = std::max(lost_, kept_.front().number);
      bytes_ -= kept_.front().bytes;
      kept_.pop_front();
    }
  }

  /// Everything that this life of the group gave out beyond batch `through` is here.
  bool whole(std::uint64_t through) const { return lost_ <= through; }
  std::size_t bytes() const { return bytes_; }

  /// All of it, in order, in pieces of about piece_bytes.
  std::vector<std::vector<event_block>> pieces() const {
    std::vector<std::vector<event_block>> result;
    std::size_t last = piece_bytes;
    for (auto& batch : kept_)
      for (auto& block : batch.blocks) {
        if (last >= piece_bytes) {
          result.emplace_back();
          last = 0;
        }
        for (auto& e : block.entries)
          last += e.d_size;
        result.back().push_back(block);
      }
    return result;
  }

private:
  struct batch {
    std::uint64_t number = 0;
    monotonic at{};
    std::size_t bytes = 0;
    std::vector<event_block> blocks;
  };

  void keep(std::uint64_t number, std::vector<event_block> blocks, monotonic now) {
    batch x{number, now, 0, std::move(blocks)};
    const std::string* last = nullptr;
    for (auto& block : x.blocks) {
      // The bytes of a block stay as a whole, however few of its events were delivered.
      if (block.bytes.get() != last)
        x.bytes += block.bytes->size();
      last = block.bytes.get();
      x.bytes += block.entries.size() * sizeof(event_entry);
    }
    bytes_ += x.bytes;
    kept_.push_back(std::move(x));
  }

  std::deque<batch> kept_;
  std::size_t bytes_ = 0;
  std::uint64_t lost_ = 0; ///< newest batch that is here no more
};

} // namespace shardyard
