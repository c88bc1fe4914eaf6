#include "apps/fetch.hpp"

#include "net/url.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <array>
#include <limits>

namespace shardyard {

namespace asio = boost::asio;
namespace http = boost::beast::http;

std::string fetch(const std::string& text, const std::function<void(std::string_view)>& on_chunk) {
  auto url = net::parse_url(text);
  if (!url || url->scheme != "http")
    return "'" + text + "' is not an http:// URL";
  boost::system::error_code error;
  asio::io_context context;
  asio::ip::tcp::resolver resolver{context};
  asio::ip::tcp::socket socket{context};
  auto places = resolver.resolve(url->host, std::to_string(url->port), error);
  if (!error)
    asio::connect(socket, places, error);
  if (error)
    return text + ": " + error.message();
  http::request<http::empty_body> request{http::verb::get, url->target(), 11};
  request.set(http::field::host, url->authority());
  http::write(socket, request, error);
  boost::beast::flat_buffer buffer;
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
  if (!error)
    http::read_header(socket, buffer, parser, error);
  if (error)
    return text + ": " + error.message();
  if (parser.get().result() != http::status::ok)
    return text + ": HTTP status " + std::to_string(parser.get().result_int());
  std::array<char, 65536> piece;
  while (!parser.is_done()) {
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    http::read(socket, buffer, parser, error);
    if (error && error != http::error::need_buffer)
      return text + ": " + error.message();
    on_chunk({piece.data(), piece.size() - parser.get().body().size});
  }
  return {};
}

} // namespace shardyard
