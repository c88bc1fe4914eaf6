#include "actors/partition/commit_queue.hpp"

#include <utility>

namespace shardyard {

void commit_queue::add(std::string_view records, std::vector<sink_offset> offsets) {
  if (records.empty() && offsets.empty())
    return;
  gathered_.records += records;
  if (!offsets.empty())
    gathered_.offsets = std::move(offsets);
  ++newest_;
}

std::optional<commit_queue::work> commit_queue::next(monotonic now) {
  if (writing_ || safe_ == newest_ || (retry_at_ && now < *retry_at_))
    return std::nullopt;
  writing_ = true;
  retry_at_.reset();
  given_ = newest_;
  return std::exchange(gathered_, {});
}

void commit_queue::written(bool ok, monotonic now) {
  writing_ = false;
  if (ok)
    safe_ = given_;
  else
    retry_at_ = now + retry_delay;
}

} // namespace shardyard
