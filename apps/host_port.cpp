#include "apps/host_port.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <string>

namespace shardyard {

std::optional<endpoint> parse_endpoint(std::string_view text) {
  auto colon = text.rfind(':');
  if (colon == text.npos || colon == 0)
    return {};
  auto host = text.substr(0, colon);
  auto digits = text.substr(colon + 1);
  if (host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != host.npos)
    return {};
  endpoint result{std::string{host}, 0};
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
  if (host.empty() || error != std::errc{} || end != digits.data() + digits.size())
    return {};
  return result;
}

bool is_loopback(std::string_view host) {
  std::string name{host};
  in_addr four{};
  in6_addr six{};
  if (::inet_pton(AF_INET, name.c_str(), &four) == 1)
    return ntohl(four.s_addr) >> 24 == 127;
  if (::inet_pton(AF_INET6, name.c_str(), &six) == 1)
    return IN6_IS_ADDR_LOOPBACK(&six);
  return name == "localhost";
}

} // namespace shardyard
