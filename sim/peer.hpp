// One accepted connection of the server: first HTTP requests, then, after an upgrade, a WebSocket that is the
// gateway's `link`. Included by the two sources of the server only, because it brings Asio.
#pragma once

#include "sim/control.hpp"
#include "sim/gateway.hpp"
#include "sim/stream_encoder.hpp"
#include "sim/ws_frames.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <unordered_set>
#include <vector>

namespace shardyard::sim {

using tcp = boost::asio::ip::tcp;

class peer;

/// What all connections of a server share. One thread.
struct peer_context {
  gateway& discord;
  std::string gateway_url;
  std::function<moment()> now;
  std::vector<std::shared_ptr<peer>> dirty;      ///< have something to write
  std::unordered_set<std::shared_ptr<peer>> all; ///< alive

  /// One write for each connection that something was sent to since the last call.
  void flush();
};

class peer : public link {
public:
  virtual void flush() = 0;
  virtual void shut() = 0; ///< at once, for the server's stop
};

/// Serves a fresh socket; `tls` null or a client that speaks plain HTTP: without TLS, and then control only
/// if `tls` is set.
void serve(peer_context& context, tcp::socket socket, boost::asio::ssl::context* tls);

} // namespace shardyard::sim
