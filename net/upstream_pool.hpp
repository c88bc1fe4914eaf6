// Connections to Discord's REST API, kept open for the next request. Bounded in number and idle time; one
// thread. Not for use outside net/.
#pragma once

#include "net/byte_stream.hpp"
#include "net/http_stream.hpp"

#include <chrono>
#include <deque>
#include <memory>

#include <boost/asio/steady_timer.hpp>

namespace shardyard::net {

/// One connection and what has been read from it.
struct upstream {
  explicit upstream(boost::asio::io_context& context)
      : stream(context), answers({.head = 64u << 10, .body = UINT64_MAX}) {}

  byte_stream stream;
  http_answers answers;
  bool used_before = false; ///< may have been closed by Discord just now
};

class upstream_pool {
public:
  upstream_pool(boost::asio::io_context& context, url target, stream_rules rules)
      : context_(context), target_(std::move(target)), rules_(std::move(rules)), sweep_(context) {}

  /// One that was idle, or null.
  std::shared_ptr<upstream> take();

  /// A new one; `done` is called once, later. Until then the caller keeps it.
  std::shared_ptr<upstream> open(byte_stream::opened done);

  /// For the next request; dropped when there are enough.
  void give_back(std::shared_ptr<upstream> idle);

  /// Closes the idle ones.
  void end();

private:
  using clock = std::chrono::steady_clock;
  struct waiting {
    std::shared_ptr<upstream> connection;
    clock::time_point since;
  };

  void wait_for_oldest();
  void drop_old();

  boost::asio::io_context& context_;
  url target_;
  stream_rules rules_;
  boost::asio::steady_timer sweep_;
  std::deque<waiting> idle_; ///< oldest first
  std::shared_ptr<bool> alive_ =
      std::make_shared<bool>(true); ///< a timer that has fired may outlive the pool
  bool sweeping_ = false;
};

} // namespace shardyard::net
