// Work for one thread, done in the order in which it was given by whichever threads. Asio alone does not keep
// that order: what a context's own thread posts stays in a queue apart until the handler that runs is over,
// and what others post meanwhile comes first. So the work waits here, and Asio is only told that there is
// some. Owns what waits; knows no Asio.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

namespace shardyard::net {

class work_queue {
public:
  using work = std::function<void()>;

  /// From any thread; once closed, drops `x`. True: nothing else was waiting, and the caller must have run()
  /// called soon.
  bool give(work x);

  /// Does what waits now, each piece gone before the next one begins; what is given meanwhile waits for
  /// another run. No lock is held while work runs. An exception ends the process, as in a thread of its own.
  /// On the one thread.
  void run() noexcept;

  /// Drops what waits and, from now on, all that is given. On the one thread: within run() the piece that
  /// closes is the last one done.
  void close();

private:
  static constexpr std::size_t most_spare = 1024; ///< pieces for which room is kept from one run to the next

  std::mutex mutex_;
  std::vector<work> waiting_;
  bool closed_ = false; ///< written with the lock on the one thread, which needs none to read it

  std::vector<work> running_; ///< of the one thread; empty between runs
};

} // namespace shardyard::net
