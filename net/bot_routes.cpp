#include "net/bot_routes.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace shardyard::net {
namespace {

bool is_plain(char c) {
  return c > ' ' && c < 0x7F;
}

/// "v" and one to three digits.
bool is_version(std::string_view segment) {
  return segment.size() >= 2 && segment.size() <= 4 && segment.front() == 'v' &&
         std::ranges::all_of(segment.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

/// "." or "..", also where the dots are escaped.
bool is_dots(std::string_view segment) {
  auto dots = 0;
  while (!segment.empty()) {
    if (segment.front() == '.')
      segment.remove_prefix(1);
    else if (segment.starts_with("%2e") || segment.starts_with("%2E"))
      segment.remove_prefix(3);
    else
      return false;
    ++dots;
  }
  return dots == 1 || dots == 2;
}

std::string_view first_segment(std::string_view path) {
  path.remove_prefix(path.starts_with('/') ? 1 : 0);
  return path.substr(0, path.find('/'));
}

/// Takes a leading "/SEGMENT" off.
void drop_segment(std::string_view& path) {
  path.remove_prefix(std::min(path.find('/', 1), path.size()));
}

bool leaves_its_place(std::string_view path) {
  while (!path.empty()) {
    if (is_dots(first_segment(path)))
      return true;
    drop_segment(path);
  }
  return false;
}

/// The base's path with its version, if it ends in one, replaced by the request's, if it has one.
std::string prefix_of(const url& api_base, std::string_view version) {
  std::string_view path = api_base.path;
  while (path.ends_with('/'))
    path.remove_suffix(1);
  if (version.empty())
    return std::string{path};
  auto last = path.rfind('/');
  if (last != std::string_view::npos && is_version(path.substr(last + 1)))
    path = path.substr(0, last);
  return std::string{path} + "/" + std::string{version};
}

/// One part of a query, unescaped where that is needed for comparing: no value that we know needs escapes.
struct parameter {
  std::string_view key, value;
};

parameter take_parameter(std::string_view& query) {
  auto end = std::min(query.find('&'), query.size());
  auto part = query.substr(0, end);
  query.remove_prefix(std::min(end + 1, query.size()));
  auto equals = std::min(part.find('='), part.size());
  return {part.substr(0, equals), part.substr(std::min(equals + 1, part.size()))};
}

void read_parameter(bot_query& result, parameter x) {
  if (x.key == "v") {
    auto end = x.value.data() + x.value.size();
    auto [at, error] = std::from_chars(x.value.data(), end, result.version);
    auto number = error == std::errc{} && at == end;
    if (!number)
      result.version = 0;
    result.version_ok = result.version == 9 || result.version == 10;
  } else if (x.key == "encoding") {
    result.encoding_ok = x.value == "json";
  } else if (x.key == "compress") {
    result.compress = x.value == "zlib-stream"   ? compression::zlib_stream
                      : x.value == "zstd-stream" ? compression::zstd_stream
                                                 : compression::none;
    result.compress_ok = result.compress != compression::none || x.value.empty();
  }
}

} // namespace

routed route_of(std::string_view target, const url& api_base) {
  if (!std::ranges::all_of(target, is_plain) || target.find('#') != std::string_view::npos ||
      target.find('\\') != std::string_view::npos)
    return {bot_route::malformed, {}};
  auto path = target.substr(0, target.find('?'));
  auto query = target.substr(path.size());
  if (path.find_first_not_of('/') == std::string_view::npos)
    return {bot_route::web_socket, {}};
  if (!path.starts_with('/') || leaves_its_place(path))
    return {bot_route::malformed, {}};
  auto in_api = false;
  if (first_segment(path) == "api") {
    drop_segment(path);
    in_api = true;
  }
  std::string_view version;
  if (is_version(first_segment(path))) {
    version = first_segment(path);
    drop_segment(path);
    in_api = true;
  }
  auto name = path.substr(0, path.ends_with('/') ? path.size() - 1 : path.size());
  if (name == "/gateway")
    return {bot_route::gateway, {}};
  if (name == "/gateway/bot")
    return {bot_route::gateway_bot, {}};
  if (!in_api)
    return {bot_route::unknown, {}};
  return {bot_route::pass_on, prefix_of(api_base, version).append(path).append(query)};
}

bot_query parse_bot_query(std::string_view target) {
  bot_query result;
  auto question = target.find('?');
  auto query = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
  while (!query.empty())
    read_parameter(result, take_parameter(query));
  return result;
}

} // namespace shardyard::net
