// One thread with its Asio context, as the sockets inside net/ see it. What others have to do with them is
// done in the order in which it was posted. Not for use outside net/.
#pragma once

#include "net/work_queue.hpp"

#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace shardyard::net {

namespace asio = boost::asio;

/// Something that keeps operations open on a worker and can drop them all.
class io_client {
public:
  virtual ~io_client() = default;
  /// Called on the worker's thread when it is about to end: cancel everything, call nobody.
  virtual void abandon() = 0;
};

class io_worker {
public:
  io_worker();
  ~io_worker();

  asio::io_context& context() { return context_; }

  /// Runs `work` on the thread, behind everything posted before it from whichever threads; dropped when the
  /// worker has stopped. From any thread.
  void post(work_queue::work work);

  /// `client` is abandoned when the worker stops before it.
  void enrol(const std::shared_ptr<io_client>& client);

  /// Abandons the clients and joins. Not to be called from the thread itself.
  void stop();

private:
  void abandon_clients();
  void wake();

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  work_queue queue_;
  std::mutex clients_mutex_;
  std::vector<std::weak_ptr<io_client>> clients_;
  std::thread thread_;
};

} // namespace shardyard::net
