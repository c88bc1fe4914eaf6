#include "net/http_reply.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace shardyard::net {

namespace http = boost::beast::http;

struct http_reply::parser {
  http::response_parser<http::string_body> http;
};

http_reply::http_reply(std::size_t body_limit) : parser_(std::make_unique<parser>()) {
  parser_->http.eager(true);
  parser_->http.header_limit(16 << 10);
  parser_->http.body_limit(body_limit);
}

http_reply::~http_reply() = default;

http_reply::progress http_reply::feed(std::string_view bytes) {
  pending_ += bytes;
  while (!parser_->http.is_done()) {
    boost::system::error_code error;
    auto taken = parser_->http.put(boost::asio::buffer(pending_), error);
    pending_.erase(0, taken);
    if (error == http::error::need_more)
      return progress::more;
    if (error) {
      error_ = error.message();
      return progress::broken;
    }
    if (pending_.empty() && !parser_->http.is_done())
      return progress::more;
  }
  return progress::complete;
}

http_reply::progress http_reply::end() {
  if (parser_->http.is_done())
    return progress::complete;
  if (!has_head()) { // Beast takes an end before the first byte for a complete, empty answer
    error_ = "connection closed without an answer";
    return progress::broken;
  }
  boost::system::error_code error;
  parser_->http.put_eof(error);
  if (!error && parser_->http.is_done())
    return progress::complete;
  error_ = error ? error.message() : "answer cut off";
  return progress::broken;
}

bool http_reply::has_head() const {
  return parser_->http.is_header_done();
}

unsigned http_reply::status() const {
  return parser_->http.get().result_int();
}

std::string_view http_reply::header(std::string_view name) const {
  auto value = parser_->http.get()[boost::beast::string_view{name.data(), name.size()}];
  return {value.data(), value.size()};
}

const std::string& http_reply::body() const {
  return parser_->http.get().body();
}

} // namespace shardyard::net
