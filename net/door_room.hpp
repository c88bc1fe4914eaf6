// What all connections of a bot_door share: its thread, settings and buffers, the list of who is there and of
// who has something to write. Only on the door's thread, but for the three that say otherwise. Not for use
// outside net/.
#pragma once

#include "net/bot_door.hpp"
#include "net/byte_stream.hpp"
#include "net/compressor.hpp"
#include "net/io_worker.hpp"
#include "net/server_tls.hpp"
#include "net/upstream_pool.hpp"

#include <array>
#include <list>
#include <unordered_set>
#include <vector>

#include <boost/asio/steady_timer.hpp>

namespace shardyard::net {

/// One connection of a client, whatever it speaks at the moment.
class door_guest {
public:
  virtual ~door_guest() = default;
  /// Ends at once and calls nobody; for the end of the door.
  virtual void drop() = 0;
};

/// A guest that gathers what it has to write.
class door_writer {
public:
  virtual ~door_writer() = default;
  virtual void flush() = 0;
};

class door_room : public std::enable_shared_from_this<door_room> {
public:
  using clock = std::chrono::steady_clock;

  door_room(std::shared_ptr<io_worker> worker, bot_door_settings chosen,
            std::shared_ptr<bot_door_events> events);

  boost::asio::io_context& context() { return worker->context(); }

  // From any thread. Work is dropped when the door has ended before its time.
  void post(std::function<void()> work);
  void post_after(std::chrono::milliseconds delay, std::function<void()> work);

  void enter(std::shared_ptr<door_guest> guest) { guests.insert(std::move(guest)); }
  void leave(const std::shared_ptr<door_guest>& guest) { guests.erase(guest); }

  /// `writer` is flushed once this turn of the thread is over.
  void touch(std::shared_ptr<door_writer> writer);

  /// Buffers for output, so that connections without any hold none.
  byte_buffer take_buffer();
  void give_back(byte_buffer buffer);

  /// Drops all guests and timers; nothing is called any more.
  void end();

  static constexpr std::size_t read_bytes = 32 << 10;
  static constexpr std::size_t http_read_bytes = 16 << 10; ///< of requests and answers

  std::shared_ptr<io_worker> worker;
  const bot_door_settings settings;
  const url api_base;
  std::shared_ptr<bot_door_events> events;
  std::unique_ptr<server_tls> tls; ///< null: plain
  upstream_pool upstreams;
  bot_door_figures figures; ///< `connections` is filled in when asked
  std::unordered_set<std::shared_ptr<door_guest>> guests;
  std::atomic<bool> ended = false;

  /// For one read each; the padding stays readable.
  std::array<char, read_bytes + byte_buffer::padding> scratch{};
  std::string prefix;                ///< of the dispatch under way
  byte_buffer compressed;            ///< of the message under way
  std::unique_ptr<compressor> whole; ///< serves IDENTIFY's `compress` for all

private:
  void wait_and_run(std::chrono::milliseconds delay, std::function<void()> work);
  void flush();

  std::vector<std::shared_ptr<door_writer>> dirty_, flushing_;
  std::vector<byte_buffer> buffers_;
  std::list<boost::asio::steady_timer> timers_;
};

} // namespace shardyard::net
