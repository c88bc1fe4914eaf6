// Which deliveries may go to the sinks: batches wait in their order until the position log has what they rely
// on, and no more are under way than the bounds allow. Beyond these they wait here, and the shards run out of
// credit. Plain class.
#pragma once

#include "actors/partition/delivery_outbox.hpp"

#include <cstdint>
#include <deque>
#include <utility>

namespace shardyard {

class delivery_window {
public:
  static constexpr std::size_t most_batches = 64; ///< given and not taken by all

  /// `most_bytes`: payload given and not taken by all; the batch that reaches it is still given.
  explicit delivery_window(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  /// `needs`: of the log, see commit_queue.
  void add(delivery_batch batch, std::uint64_t needs) { waiting_.push_back({std::move(batch), needs}); }

  /// Whether the oldest that waits may be given; `safe` is what the log has.
  bool open(std::uint64_t safe) const {
    return !waiting_.empty() && waiting_.front().needs <= safe && given_ - taken_ < most_batches &&
           bytes_ < most_bytes_;
  }

  /// The oldest that waits; only when open().
  delivery_batch give() {
    auto batch = std::move(waiting_.front().batch);
    waiting_.pop_front();
    given_ = batch.number;
    under_way_.emplace_back(given_, bytes_of(batch));
    bytes_ += under_way_.back().second;
    return batch;
  }

  /// All who are given batches have those up to `through`. False: that was known.
  bool took(std::uint64_t through) {
    if (through <= taken_)
      return false;
    taken_ = through;
    for (; !under_way_.empty() && under_way_.front().first <= taken_; under_way_.pop_front())
      bytes_ -= under_way_.front().second;
    return true;
  }

  std::uint64_t given() const { return given_; } ///< newest batch
  std::uint64_t taken() const { return taken_; } ///< newest batch that all have
  bool all_taken() const { return given_ == taken_; }
  /// Payload given and not taken by all.
  std::size_t bytes_under_way() const { return bytes_; }
  bool any_waits() const { return !waiting_.empty(); }
  /// Batches that somebody has not got.
  std::uint64_t undelivered() const { return given_ - taken_ + waiting_.size(); }

private:
  struct waiting_batch {
    delivery_batch batch;
    std::uint64_t needs = 0;
  };

  static std::size_t bytes_of(const delivery_batch& batch) {
    std::size_t sum = 0;
    for (auto& block : batch.blocks)
      for (auto& entry : block.entries)
        sum += entry.d_size;
    return sum;
  }

  std::size_t most_bytes_;
  std::deque<waiting_batch> waiting_;
  std::deque<std::pair<std::uint64_t, std::size_t>> under_way_; ///< number and payload bytes
  std::size_t bytes_ = 0;                                       ///< of those
  std::uint64_t given_ = 0;
  std::uint64_t taken_ = 0;
};

} // namespace shardyard
