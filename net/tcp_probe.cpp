#include "net/tcp_probe.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace shardyard::net {

namespace asio = boost::asio;

std::string tcp_probe(const std::string& host, std::uint16_t port, std::chrono::milliseconds deadline) {
  asio::io_context context;
  asio::ip::tcp::resolver resolver{context};
  boost::system::error_code error;
  auto endpoints = resolver.resolve(host, std::to_string(port), error);
  if (error)
    return "cannot resolve '" + host + "': " + error.message();
  asio::ip::tcp::socket socket{context};
  std::string result = "no answer within " + std::to_string(deadline.count()) + " ms";
  asio::async_connect(socket, endpoints, [&result](boost::system::error_code outcome, const auto&) {
    result = outcome ? outcome.message() : std::string{};
  });
  context.run_for(deadline);
  return result;
}

} // namespace shardyard::net
