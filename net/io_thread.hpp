// The threads that own the sockets. Connections made with an io_thread are spread over its threads; each
// stays on one, so that none of them needs a lock. Destruction ends every connection that is still open and
// joins.
#pragma once

#include <functional>
#include <memory>
#include <vector>

namespace shardyard::net {

class io_worker;

class io_thread {
public:
  explicit io_thread(unsigned threads = 1);
  ~io_thread();
  io_thread(const io_thread&) = delete;
  io_thread& operator=(const io_thread&) = delete;

  /// Runs `work` on the first thread. Thread-safe.
  void post(std::function<void()> work);

  /// The thread for the next connection, in turn. Thread-safe.
  std::shared_ptr<io_worker> next_worker();

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace shardyard::net
