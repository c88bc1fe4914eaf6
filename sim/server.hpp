// The simulated Discord on real sockets: HTTP (REST and control) and WebSocket on one port, and the same
// again on a second port that READY names as resume_gateway_url. Owns its thread; everything happens on it.
#pragma once

#include "sim/settings.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace shardyard::sim {

class server {
public:
  /// Listens and serves from here on. Throws std::runtime_error or boost::system::system_error when an
  /// address, certificate or setting cannot be used.
  explicit server(settings chosen);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  std::uint16_t port() const;
  std::uint16_t resume_port() const;

  /// `ws://127.0.0.1:port` or `wss://…`, as /gateway hands it out.
  const std::string& gateway_url() const;

  /// `http://127.0.0.1:port/api/v10` or `https://…`: what a client takes for https://discord.com/api/v10.
  std::string api_base() const;

  /// `http://127.0.0.1:port`: control is answered without TLS too.
  std::string control_base() const;

  /// The certificate to trust when self_signed; else empty.
  const std::string& ca_pem() const;

  struct reply {
    int status = 0;
    std::string body;
  };

  /// A control or REST request without a socket, answered on the server's thread. `body` is JSON for POST.
  /// Thread-safe; works after stop() as well.
  reply request(std::string_view method, std::string_view target, std::string_view body = {});

  /// Closes all sockets and joins the thread. The truth stays readable by request().
  void stop();

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace shardyard::sim
