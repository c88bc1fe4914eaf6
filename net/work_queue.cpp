#include "net/work_queue.hpp"

#include <utility>

namespace shardyard::net {

bool work_queue::give(work x) {
  std::lock_guard lock{mutex_};
  if (closed_)
    return false;
  waiting_.push_back(std::move(x));
  return waiting_.size() == 1;
}

void work_queue::run() noexcept {
  {
    std::lock_guard lock{mutex_};
    waiting_.swap(running_);
  }
  for (auto& x : running_) {
    if (closed_)
      break;
    auto now = std::move(x);
    now();
  }
  running_.clear();
  if (running_.capacity() > most_spare)
    running_.shrink_to_fit();
}

// What is dropped may give more while it goes.
void work_queue::close() {
  std::vector<work> dropped;
  std::lock_guard lock{mutex_};
  closed_ = true;
  dropped.swap(waiting_);
}

} // namespace shardyard::net
