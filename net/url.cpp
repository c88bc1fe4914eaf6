#include "net/url.hpp"

#include "messages/version.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <arpa/inet.h>

namespace shardyard::net {
namespace {

struct known_scheme {
  std::string_view name;
  std::uint16_t port;
};
constexpr std::array schemes{known_scheme{"http", 80}, known_scheme{"https", 443}, known_scheme{"ws", 80},
                             known_scheme{"wss", 443}};

const known_scheme* find_scheme(std::string_view name) {
  auto found = std::ranges::find(schemes, name, &known_scheme::name);
  return found == schemes.end() ? nullptr : &*found;
}

bool is_url_char(char c) {
  return c > ' ' && c < 0x7F && c != '"' && c != '<' && c != '>' && c != '\\';
}

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

bool is_ipv6(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

/// "host", "host:port", "[v6]" or "[v6]:port".
bool parse_authority(std::string_view text, url& out) {
  std::string_view port;
  if (text.starts_with('[')) {
    auto end = text.find(']');
    if (end == std::string_view::npos)
      return false;
    out.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!is_ipv6(out.host))
      return false;
  } else {
    auto colon = std::min(text.find(':'), text.size());
    out.host = text.substr(0, colon);
    port = text.substr(colon);
    std::ranges::transform(out.host, out.host.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (out.host.empty() || out.host.size() > 253 || !std::ranges::all_of(out.host, is_host_char))
      return false;
  }
  if (port.empty() || port == ":")
    return true;
  return port.front() == ':' && parse_port(port.substr(1), out.port);
}

} // namespace

std::string url::authority() const {
  auto result = host.find(':') == std::string::npos ? host : "[" + host + "]";
  auto known = find_scheme(scheme);
  if (known == nullptr || known->port != port)
    result += ":" + std::to_string(port);
  return result;
}

std::optional<url> parse_url(std::string_view text) {
  if (!std::ranges::all_of(text, is_url_char))
    return std::nullopt;
  auto mark = text.find("://");
  if (mark == std::string_view::npos)
    return std::nullopt;
  auto known = find_scheme(text.substr(0, mark));
  if (known == nullptr)
    return std::nullopt;
  url result;
  result.scheme = known->name;
  result.port = known->port;
  text.remove_prefix(mark + 3);
  text = text.substr(0, text.find('#'));
  auto authority_end = std::min(text.find_first_of("/?"), text.size());
  if (!parse_authority(text.substr(0, authority_end), result))
    return std::nullopt;
  text.remove_prefix(authority_end);
  auto question = std::min(text.find('?'), text.size());
  result.path = text.substr(0, question);
  if (result.path.empty())
    result.path = "/";
  if (question < text.size())
    result.query = text.substr(question + 1);
  return result;
}

url with_gateway_query(url base, compression mode) {
  base.query = "v=10&encoding=json";
  if (mode != compression::none)
    base.query.append("&compress=").append(to_string(mode));
  return base;
}

bool is_loopback_host(std::string_view host) {
  if (host == "localhost" || host == "::1")
    return true;
  in_addr address{};
  return inet_pton(AF_INET, std::string{host}.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

std::string default_user_agent() {
  return "DiscordBot (https://github.com/shardyard/shardyard, " + std::string{build_version()} + ")";
}

} // namespace shardyard::net
