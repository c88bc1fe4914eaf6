// What every door does with connections that come in, whoever they are from.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <string>

namespace shardyard::net {

/// After an accept that failed; out of file descriptors, mostly.
inline constexpr std::chrono::milliseconds pause_after_failed_accept{100};

/// "HOST:PORT" of the other side, for operators.
inline std::string address_of(const boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code error;
  auto peer = socket.remote_endpoint(error);
  return error ? "a peer" : peer.address().to_string() + ":" + std::to_string(peer.port());
}

} // namespace shardyard::net
