#include "net/http_caller.hpp"

#include "net/url.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl.hpp>

#include <algorithm>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <variant>

namespace shardyard::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

namespace {

constexpr auto shortest_try = milliseconds(100);
constexpr std::size_t answer_read_bytes = 16 << 10;

/// Why it failed, for people; the connection is of no use any more.
struct call_failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::shared_ptr<asio::ssl::context> make_tls(const http_caller_settings& settings) {
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
  tls->set_verify_mode(asio::ssl::verify_peer);
  auto use = [](const std::string& file, auto load) {
    error_code error;
    load(error);
    if (error)
      throw std::runtime_error{"TLS: cannot use " + file + ": " + error.message()};
  };
  if (settings.ca_file.empty())
    use("the system's certificate authorities", [&](error_code& e) { tls->set_default_verify_paths(e); });
  else
    use(settings.ca_file, [&](error_code& e) { tls->load_verify_file(settings.ca_file, e); });
  if (!settings.certificate_file.empty()) {
    use(settings.certificate_file,
        [&](error_code& e) { tls->use_certificate_chain_file(settings.certificate_file, e); });
    use(settings.key_file,
        [&](error_code& e) { tls->use_private_key_file(settings.key_file, asio::ssl::context::pem, e); });
  }
  return tls;
}

struct outcome {
  error_code error = asio::error::would_block;
  std::size_t bytes = 0;
};

/// One handler for operations of every kind.
struct outcome_of {
  outcome& to;
  void operator()(error_code error, std::size_t bytes = 0) { to = {error, bytes}; }
  void operator()(error_code error, const asio::ip::tcp::endpoint&) { to.error = error; }
};

} // namespace

struct http_caller::endpoint {
  std::string text;
  url address;
};

class http_caller::connection {
  using plain_stream = beast::tcp_stream;
  using tls_stream = beast::ssl_stream<beast::tcp_stream>;

public:
  connection(const endpoint& to, asio::ssl::context* tls, std::size_t largest_answer)
      : to_{to}, largest_answer_{largest_answer} {
    if (to.address.secure())
      stream_.emplace<tls_stream>(io_, *tls);
    else
      stream_.emplace<plain_stream>(io_);
  }

  void open(clock::time_point deadline) {
    asio::ip::tcp::resolver resolver{io_};
    error_code error;
    auto found = resolver.resolve(to_.address.host, std::to_string(to_.address.port), error);
    if (error)
      throw call_failed{"no such host: " + error.message()};
    socket().expires_at(deadline);
    wait([&](auto done) { socket().async_connect(found, std::move(done)); });
    socket().socket().set_option(asio::ip::tcp::no_delay{true});
    if (auto* tls = std::get_if<tls_stream>(&stream_))
      shake_hands(*tls);
  }

  http_answer post(const std::string& path, const std::string& body, const std::string& authorization,
                   clock::time_point deadline) {
    http::request<http::string_body> request{http::verb::post, path, 11, body};
    request.set(http::field::host, to_.address.authority());
    request.set(http::field::content_type, "application/json");
    if (!authorization.empty())
      request.set(http::field::authorization, authorization);
    request.prepare_payload();
    http::response_parser<http::string_body> answer;
    answer.body_limit(largest_answer_);
    socket().expires_at(deadline);
    std::ostringstream text;
    text << request;
    on_stream([&](auto& stream) {
      write(stream, text.str());
      read(stream, answer);
    });
    kept_ = answer.get().keep_alive();
    return {answer.get().result_int(), std::move(answer.get().body()), {}};
  }

  /// The server lets us ask again on this connection.
  bool kept() const { return kept_; }

private:
  template <class Use>
  void on_stream(Use use) {
    if (auto* tls = std::get_if<tls_stream>(&stream_))
      use(*tls);
    else
      use(std::get<plain_stream>(stream_));
  }

  // Beast's own reads and writes of messages would be compiled for each kind of stream, at twice the time of
  // all else in this file.

  template <class Stream>
  void write(Stream& stream, const std::string& text) {
    wait([&](auto done) { asio::async_write(stream, asio::buffer(text), std::move(done)); });
  }

  template <class Stream>
  void read(Stream& stream, http::response_parser<http::string_body>& answer) {
    answer.eager(true);
    while (!answer.is_done()) {
      auto got = run(
          [&](auto done) { stream.async_read_some(buffer_.prepare(answer_read_bytes), std::move(done)); });
      auto ended = got.error == asio::error::eof && answer.got_some();
      if (got.error && !ended)
        throw call_failed{text_of(got.error)};
      buffer_.commit(got.bytes);
      error_code broken;
      if (ended)
        answer.put_eof(broken);
      else
        buffer_.consume(answer.put(buffer_.data(), broken));
      if (broken && broken != http::error::need_more)
        throw call_failed{broken.message()};
    }
  }

  beast::tcp_stream& socket() {
    auto* tls = std::get_if<tls_stream>(&stream_);
    return tls ? tls->next_layer() : std::get<plain_stream>(stream_);
  }

  /// Runs one operation to its end; the stream's expiry bounds it.
  template <class Start>
  outcome run(Start start) {
    outcome result;
    start(outcome_of{result});
    io_.restart();
    io_.run();
    return result;
  }

  /// The same for one that must succeed.
  template <class Start>
  void wait(Start start) {
    if (auto result = run(std::move(start)); result.error)
      throw call_failed{text_of(result.error)};
  }

  static std::string text_of(const error_code& error) {
    return error == beast::error::timeout ? "no answer in time" : error.message();
  }

  void shake_hands(tls_stream& stream) {
    auto& host = to_.address.host;
    stream.set_verify_callback(asio::ssl::host_name_verification{host});
    if (SSL_set_tlsext_host_name(stream.native_handle(), host.c_str()) != 1)
      throw call_failed{"not a host name for TLS"};
    wait([&](auto done) { stream.async_handshake(asio::ssl::stream_base::client, std::move(done)); });
  }

  endpoint to_;
  std::size_t largest_answer_;
  asio::io_context io_{1};
  std::variant<std::monostate, plain_stream, tls_stream> stream_;
  beast::flat_buffer buffer_;
  bool kept_ = false;
};

http_caller::http_caller(http_caller_settings settings) : settings_{std::move(settings)} {
  for (auto& text : settings_.endpoints) {
    auto parsed = parse_url(text);
    if (!parsed || !parsed->scheme.starts_with("http"))
      throw std::runtime_error{"'" + text + "' is no http or https address"};
    if (parsed->secure() && !tls_)
      tls_ = make_tls(settings_);
    endpoints_.push_back({text, std::move(*parsed)});
  }
  if (endpoints_.empty())
    throw std::runtime_error{"no address to call"};
}

http_caller::~http_caller() = default;

std::shared_ptr<http_caller::connection> http_caller::connect(const endpoint& to,
                                                              clock::time_point deadline) {
  auto tls = static_cast<asio::ssl::context*>(tls_.get());
  auto made = std::make_shared<connection>(to, tls, settings_.largest_answer);
  made->open(deadline);
  return made;
}

http_answer http_caller::post(const std::string& path, const std::string& body,
                              const std::string& authorization, milliseconds limit) {
  auto end = clock::now() + limit;
  std::string trouble;
  for (std::size_t left = endpoints_.size(); left > 0;) {
    auto& to = endpoints_[current_];
    auto now = clock::now();
    auto deadline = std::min(end, now + std::max<clock::duration>(shortest_try, (end - now) / left));
    auto reused = open_ != nullptr;
    try {
      if (!open_)
        open_ = connect(to, deadline);
      auto answer = open_->post(path, body, authorization, deadline);
      if (!open_->kept())
        open_.reset();
      if (answer.status < 502 || answer.status > 504 || left == 1)
        return answer;
      open_.reset();
      trouble += (trouble.empty() ? "" : "; ") + to.text + ": status " + std::to_string(answer.status);
    } catch (const std::exception& error) {
      open_.reset();
      // A connection that was idle may have been closed long ago; that says nothing about the server.
      if (reused && clock::now() < deadline)
        continue;
      trouble += (trouble.empty() ? "" : "; ") + to.text + ": " + error.what();
    }
    current_ = (current_ + 1) % endpoints_.size();
    --left;
    if (clock::now() >= end)
      break;
  }
  return {0, {}, trouble};
}

} // namespace shardyard::net
