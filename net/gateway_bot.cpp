#include "net/gateway_bot.hpp"

#include "net/url.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include <boost/json.hpp>
#include <fcntl.h>
#include <unistd.h>

namespace shardyard::net {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr double longest_wait_s = 7 * 86'400;
constexpr milliseconds least_wait{1000};
constexpr std::size_t longest_quote = 200;

const json::object* as_object(const json::value* value) {
  return value == nullptr ? nullptr : value->if_object();
}

/// A number that fits `Number`; `missing` when the key is absent; nothing when it is something else.
template <class Number>
std::optional<Number> number(const json::object& from, std::string_view key,
                             std::optional<Number> missing = {}) {
  auto value = from.if_contains(key);
  if (value == nullptr)
    return missing;
  boost::system::error_code error;
  auto result = value->to_number<Number>(error);
  return error ? std::optional<Number>{} : result;
}

std::optional<gateway_bot> read_good(const json::object& body) {
  auto url = body.if_contains("url");
  auto limit = as_object(body.if_contains("session_start_limit"));
  if (url == nullptr || !url->is_string() || limit == nullptr)
    return std::nullopt;
  gateway_bot result;
  result.url = url->get_string();
  auto parsed = parse_url(result.url);
  auto shards = number<std::uint32_t>(body, "shards");
  auto total = number<std::uint32_t>(*limit, "total");
  auto remaining = number<std::uint32_t>(*limit, "remaining");
  auto reset_after = number<std::uint64_t>(*limit, "reset_after");
  auto max_concurrency = number<std::uint32_t>(*limit, "max_concurrency", 1);
  if (!parsed || !parsed->scheme.starts_with("ws") || !shards || *shards == 0 || !total || !remaining ||
      !reset_after || *reset_after > longest_wait_s * 1000 || !max_concurrency)
    return std::nullopt;
  result.shards = *shards;
  result.total = *total;
  result.remaining = *remaining;
  result.reset_after = milliseconds{*reset_after};
  result.max_concurrency = std::max(*max_concurrency, 1U);
  return result;
}

milliseconds to_wait(double seconds) {
  if (!(seconds > 0))
    return milliseconds{0};
  return milliseconds{static_cast<std::int64_t>(std::ceil(std::min(seconds, longest_wait_s) * 1000))};
}

rate_limited read_limit(std::string_view header, const json::object* body) {
  rate_limited result;
  double seconds = 0;
  std::from_chars(header.data(), header.data() + header.size(), seconds);
  result.retry_after = to_wait(seconds);
  if (body != nullptr) {
    result.retry_after =
        std::max(result.retry_after, to_wait(number<double>(*body, "retry_after", 0).value_or(0)));
    auto global = body->if_contains("global");
    result.global = global != nullptr && global->is_bool() && global->get_bool();
  }
  result.retry_after = std::max(result.retry_after, least_wait);
  return result;
}

/// The start of a body for a log line.
std::string quoted(std::string_view body) {
  std::string result{body.substr(0, longest_quote)};
  std::ranges::replace_if(
      result, [](unsigned char c) { return c < ' ' || c == 0x7F; }, ' ');
  return result;
}

bool is_html(std::string_view body) {
  auto start = body.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && body[start] == '<';
}

json::object to_json(const gateway_bot& answer, std::int64_t now_ms) {
  return {{"url", answer.url},
          {"shards", answer.shards},
          {"session_start_limit",
           {{"total", answer.total},
            {"remaining", answer.remaining},
            {"reset_after", answer.reset_after.count()},
            {"max_concurrency", answer.max_concurrency}}},
          {"saved_ms", now_ms}};
}

struct visitor {
  std::string operator()(const gateway_bot& x) const {
    return x.url + ", " + std::to_string(x.shards) + " shards recommended, " + std::to_string(x.remaining) +
           " of " + std::to_string(x.total) + " identifies left";
  }
  std::string operator()(const unauthorized&) const {
    return "401: the token is wrong or was reset; set the new token";
  }
  std::string operator()(const blocked& x) const {
    return "HTTP " + std::to_string(x.status) + ": an edge blocks this host: " + x.text;
  }
  std::string operator()(const rate_limited& x) const {
    return "429: rate limited for " + std::to_string(x.retry_after.count() / 1000) + " s";
  }
  std::string operator()(const server_fault& x) const { return "HTTP " + std::to_string(x.status); }
  std::string operator()(const unreadable& x) const {
    return "HTTP " + std::to_string(x.status) + " with an unexpected body: " + x.text;
  }
  std::string operator()(const unreachable& x) const { return x.text; }
};

std::optional<std::string> failure(const std::filesystem::path& path) {
  return path.string() + ": " + std::strerror(errno);
}

} // namespace

gateway_bot_answer read_gateway_bot(unsigned status, std::string_view retry_after, std::string_view body) {
  boost::system::error_code error;
  auto parsed = json::parse(body, error);
  auto object = error ? nullptr : parsed.if_object();
  if (status == 401)
    return unauthorized{quoted(body)};
  if (status == 429)
    return read_limit(retry_after, object);
  if (status >= 500)
    return server_fault{status};
  if (status == 403 || is_html(body))
    return blocked{status, quoted(body)};
  if (status == 200 && object != nullptr)
    if (auto good = read_good(*object))
      return *std::move(good);
  return unreadable{status, quoted(body)};
}

std::string to_string(const gateway_bot_answer& answer) {
  return std::visit(visitor{}, answer);
}

std::optional<std::string> gateway_bot_file::save(const gateway_bot& answer, std::int64_t now_ms) const {
  auto text = json::serialize(to_json(answer, now_ms));
  auto fresh = path_;
  fresh += ".new";
  auto fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0)
    return failure(fresh);
  auto written =
      ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  auto why = written ? std::nullopt : failure(fresh);
  ::close(fd);
  if (!why && ::rename(fresh.c_str(), path_.c_str()) != 0)
    why = failure(path_);
  if (why)
    ::unlink(fresh.c_str());
  return why;
}

std::optional<gateway_bot_file::content> gateway_bot_file::load() const {
  std::ifstream file{path_, std::ios::binary};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  boost::system::error_code error;
  auto parsed = json::parse(text, error);
  auto object = error ? nullptr : parsed.if_object();
  if (object == nullptr)
    return std::nullopt;
  auto answer = read_good(*object);
  auto saved = number<std::int64_t>(*object, "saved_ms");
  if (!answer || !saved)
    return std::nullopt;
  return content{*std::move(answer), *saved};
}

} // namespace shardyard::net
