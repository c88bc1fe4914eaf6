// A gateway server for load, in a process of its own so that its CPU stays out of a client's figure. It
// speaks enough of the protocol for any client to stay connected (HELLO, READY, GUILD_CREATE, heartbeats with
// op 11, `s` without a hole) and then streams what it is told to. Enforces no rules and keeps no sessions:
// rehearsals belong to the simulator.
#pragma once

#include "bench/clocks.hpp"
#include "bench/load_events.hpp"
#include "bench/tls_server.hpp"
#include "bench/wire_encoder.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace shardyard::bench {

struct blaster_settings {
  std::uint16_t port = 0; ///< 0: any free one
  std::string ca_file;
  std::uint32_t shards = 1; ///< what GET /gateway/bot recommends
  std::uint32_t guilds = 300;
  std::uint32_t max_concurrency = 256;
  std::uint32_t heartbeat_ms = 41250;
  std::uint64_t seed = 1;
  bool record_per_event =
      false; ///< each event a TLS record of its own, also as fast as the socket takes them
};

/// One stream for every session that is ready: `count` events of the world, of which a session gets those of
/// its guilds.
struct stream_order {
  std::uint32_t number = 0;
  std::uint64_t count = 0;
  std::uint64_t seed = 0;       ///< which events: the same for all sessions of the world
  std::uint64_t per_second = 0; ///< 0: as fast as the socket takes it
  bool stamped = false; ///< paced only: `d` ends with "sent_ns", the monotonic clock just before the send
  std::int64_t start_ms = 0; ///< Unix ms of the first event
  std::size_t sessions = 0;  ///< that are to carry it
  std::int64_t start_ns = 0; ///< monotonic clock of the first event
};

/// Bytes made once for all connections whose compressors have the same history.
struct prepared_stream {
  std::string bytes;
  std::uint64_t events = 0;
  std::uint64_t history = 0; ///< of the encoder, afterwards
};

class blaster {
public:
  explicit blaster(blaster_settings settings);

  std::uint16_t port() const { return port_; }

  /// Accepts connections until the process ends, each on a thread of its own.
  void serve();

  /// Starts a stream on all sessions that are ready now. Thread-safe.
  void stream(stream_order order);

  const blaster_settings& settings() const { return settings_; }
  const load_world& world() const { return world_; }

  /// Orders from `from` on. `wake` is the session's eventfd, written to at each new order; see watch().
  std::vector<stream_order> orders(std::uint32_t from);
  std::uint32_t watch(int wake);
  void unwatch(int wake);

  /// Compression, history of the encoder, shard id and count, seed and count of the stream.
  using stream_key =
      std::tuple<transport, std::uint64_t, std::uint32_t, std::uint32_t, std::uint64_t, std::uint64_t>;
  /// What `make` gives, called once per key.
  std::shared_ptr<const prepared_stream> prepared(const stream_key& key,
                                                  const std::function<prepared_stream()>& make);

  /// Waits until all sessions of a fast stream are prepared, so that they begin together.
  void meet(const stream_order& order);

  /// Tells that `session` has written `sent` bytes of a fast stream, and waits until no other session of it
  /// is far behind: on Discord, the copies of an event leave within milliseconds of one another. `sent` =
  /// all_sent: it writes no more.
  void keep_step(const stream_order& order, const void* session, std::size_t sent);
  static constexpr std::size_t all_sent = ~std::size_t{0};
  static constexpr std::size_t most_ahead = 64 << 10; ///< bytes that one session may be ahead of another

  /// Counts a session of this shard until the returned token is gone; `others` were alive before.
  std::shared_ptr<void> enter(std::uint32_t id, std::uint32_t count, std::uint32_t& others);

  /// One line on stdout; whole lines only, also from many threads.
  void tell(const std::string& line);

private:
  blaster_settings settings_;
  load_world world_;
  tls_settings tls_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::int64_t started_ms_ = unix_ms();
  std::mutex mutex_;
  std::vector<stream_order> orders_;
  std::vector<int> watchers_;
  std::condition_variable met_changed_;
  std::map<std::uint32_t, std::size_t> met_; ///< by order: sessions that are prepared
  std::condition_variable sent_changed_;
  std::map<std::uint32_t, std::map<const void*, std::size_t>> sent_; ///< by order and session
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> alive_;
  std::map<stream_key, std::shared_future<std::shared_ptr<const prepared_stream>>> prepared_;
};

} // namespace shardyard::bench
