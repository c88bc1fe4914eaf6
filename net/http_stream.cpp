#include "net/http_stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <ranges>

namespace shardyard::net {

namespace http = boost::beast::http;
using boost::system::error_code;
using beast_text = boost::beast::string_view;

namespace {

// Behind the head: a chunk's head with extensions, or trailers.
constexpr std::size_t most_between_chunks = 16 << 10;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string string_of(beast_text x) {
  return {x.data(), x.size()};
}

unsigned status_of(const error_code& error) {
  if (error == http::error::header_limit)
    return 431;
  return error == http::error::body_limit ? 413 : 400;
}

} // namespace

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::optional<std::string_view> http_head::find(std::string_view name) const {
  for (auto& field : fields)
    if (same_name(field.name, name))
      return field.value;
  return std::nullopt;
}

std::size_t http_head::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields, [name](auto& field) { return same_name(field.name, name); }));
}

template <bool Request>
struct http_stream<Request>::parser final : http::basic_parser<Request> {
  parser(http_head& head, const http_bounds& bounds) : head(head) {
    this->header_limit(static_cast<std::uint32_t>(bounds.head));
    this->body_limit(bounds.body);
  }

  void on_request_impl(http::verb, beast_text method, beast_text target, int version, error_code&) override {
    head.method = string_of(method);
    head.target = string_of(target);
    head.version = version;
  }

  void on_response_impl(int code, beast_text reason, int version, error_code&) override {
    head.status = static_cast<unsigned>(code);
    head.reason = string_of(reason);
    head.version = version;
  }

  void on_field_impl(http::field, beast_text name, beast_text value, error_code&) override {
    if (in_head) // trailers are dropped: nothing downstream may take them for fields of the head
      head.fields.push_back({string_of(name), string_of(value)});
  }

  void on_header_impl(error_code&) override { in_head = false; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  void on_chunk_header_impl(std::uint64_t, beast_text, error_code&) override {}
  void on_finish_impl(error_code&) override {}

  std::size_t on_body_impl(beast_text bytes, error_code&) override {
    out->append(bytes.data(), bytes.size());
    return bytes.size();
  }

  std::size_t on_chunk_body_impl(std::uint64_t, beast_text bytes, error_code&) override {
    out->append(bytes.data(), bytes.size());
    return bytes.size();
  }

  http_head& head;
  std::string* out = nullptr; // of the call of read_body under way
  bool in_head = true;
};

template <bool Request>
http_stream<Request>::http_stream(http_bounds bounds) : bounds_(bounds) {
  next();
}

template <bool Request>
http_stream<Request>::~http_stream() = default;

template <bool Request>
void http_stream<Request>::next(bool no_body) {
  head_ = {};
  parser_ = std::make_unique<parser>(head_, bounds_);
  parser_->skip(no_body);
}

template <bool Request>
http_progress http_stream<Request>::read_head() {
  if (pending_.empty())
    return http_progress::more;
  error_code error;
  auto taken = parser_->put(boost::asio::buffer(pending_), error);
  pending_.erase(0, taken);
  if (error == http::error::need_more)
    return pending_.size() > bounds_.head ? fail(431, "head too large") : http_progress::more;
  if (error)
    return fail(status_of(error), error.message());
  if (!parser_->is_header_done())
    return http_progress::more;
  head_.keep_alive = parser_->keep_alive();
  if (parser_->is_done())
    head_.body = http_body::none;
  else if (parser_->chunked())
    head_.body = http_body::chunked;
  else
    head_.body = parser_->content_length() ? http_body::sized : http_body::until_end;
  head_.length = parser_->content_length().value_or(0);
  // Whatever else is named there Beast takes for no body at all, and its bytes for the next message.
  for (auto& field : head_.fields)
    if (same_name(field.name, "Transfer-Encoding") &&
        (!same_name(field.value, "chunked") || head_.version != 11))
      return fail(400, "a transfer encoding other than HTTP/1.1's chunked");
  return http_progress::complete;
}

template <bool Request>
http_progress http_stream<Request>::read_body(std::string& out) {
  parser_->out = &out;
  while (!parser_->is_done() && !pending_.empty()) {
    error_code error;
    auto taken = parser_->put(boost::asio::buffer(pending_), error);
    pending_.erase(0, taken);
    if (error == http::error::need_more)
      return pending_.size() > most_between_chunks ? fail(400, "chunk head too large") : http_progress::more;
    if (error)
      return fail(status_of(error), error.message());
  }
  return parser_->is_done() ? http_progress::complete : http_progress::more;
}

template <bool Request>
bool http_stream<Request>::end() {
  if (!parser_->is_header_done())
    return false;
  if (parser_->is_done())
    return true;
  error_code error;
  parser_->put_eof(error);
  return !error && parser_->is_done();
}

template <bool Request>
http_progress http_stream<Request>::fail(unsigned status, std::string text) {
  fault_status_ = status;
  fault_ = std::move(text);
  return http_progress::broken;
}

template class http_stream<true>;
template class http_stream<false>;

} // namespace shardyard::net
