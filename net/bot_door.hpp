// The door for bots: one listening socket that answers `GET /gateway` and `/gateway/bot` itself, upgrades to
// WebSockets that look like Discord's gateway, and passes every other request on to Discord's REST API,
// streamed both ways. Owns the connections; what a bot is told on its WebSocket is decided by whoever
// implements bot_door_events. Promises that no client, slow, silent or hostile, costs more than the bounds in
// the settings, or delays another one.
#pragma once

#include "net/bot_link.hpp"
#include "net/url.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace shardyard::net {

class io_thread;

struct bot_door_settings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;       ///< 0: any free one
  std::string certificate_file; ///< PEM; empty: plain HTTP and WebSocket
  std::string key_file;

  // Where other REST requests go.
  std::string api_base = "https://discord.com/api/v10"; ///< its version is replaced by the request's own
  std::string ca_file;                                  ///< PEM; empty: the system's authorities
  bool allow_plaintext = false;                         ///< http:// to addresses other than loopback too
  std::string user_agent = default_user_agent();        ///< where the bot sent none

  int zlib_level = 1;
  int zstd_level = 1;
  int zstd_window_log = 17; ///< of each connection with zstd-stream: 1 MB; 15 takes 0.3, but cuts messages
                            ///< over 32 KiB into blocks
  std::size_t longest_payload = 4096; ///< of what a bot sends; 4002 beyond
  std::size_t most_connections = 4096;
  std::size_t longest_head = 16u << 10;              ///< of a request's line and headers
  std::uint64_t longest_body = 64u << 20;            ///< of a passed-on request
  std::chrono::milliseconds request_timeout{15'000}; ///< from accept to the end of TLS handshake and head
  std::chrono::milliseconds idle_timeout{
      60'000}; ///< of an HTTP connection between requests, and of a body that stalls
  std::chrono::milliseconds upstream_timeout{30'000};
};

/// Decides for the door. All calls come on the door's thread.
class bot_door_events {
public:
  virtual ~bot_door_events() = default;

  /// The value of Authorization that Discord shall see in place of the bot's, or nothing: 401. `given` is the
  /// bot's value, empty when it sent none; requests without one are passed on without one.
  virtual std::optional<std::string> authorize(std::string_view given) = 0;

  /// Body of `GET /gateway/bot` for a request that authorize() let in, and of `GET /gateway`.
  virtual std::string gateway_bot_body() = 0;
  virtual std::string gateway_body() = 0;

  /// A WebSocket is open: who listens to it. The link lives as long as the connection; keep it weakly or drop
  /// it in on_closed.
  virtual std::shared_ptr<bot_events> on_connected(std::shared_ptr<bot_link> link,
                                                   const bot_query& query) = 0;
};

struct bot_door_figures {
  std::uint64_t connections = 0; ///< open now, of any kind
  std::uint64_t web_sockets = 0; ///< of them
  std::uint64_t refused = 0; ///< since the start: over a bound, malformed, or without TLS where it is needed
  std::uint64_t passed_on = 0; ///< REST requests answered by Discord
};

class bot_door {
public:
  /// Listens at once. Throws std::runtime_error when the address or a file cannot be used, with which and
  /// why. The io_thread must outlive the door.
  bot_door(io_thread& thread, bot_door_settings settings, std::shared_ptr<bot_door_events> events);
  ~bot_door(); ///< as end()

  /// Ends every connection; no call of `events` follows, and no posted work is under way any more.
  void end();
  bot_door(const bot_door&) = delete;
  bot_door& operator=(const bot_door&) = delete;

  std::uint16_t port() const;

  /// Runs `work` on the door's thread, soon. Thread-safe.
  void post(std::function<void()> work);

  /// Runs `work` on the door's thread after `delay`. Thread-safe.
  void post_after(std::chrono::milliseconds delay, std::function<void()> work);

  /// Only on the door's thread.
  bot_door_figures figures() const;

private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace shardyard::net
