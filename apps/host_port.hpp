// Addresses as the configuration writes them.
#pragma once

#include "apps/config.hpp"

#include <optional>
#include <string_view>

namespace shardyard {

/// "HOST:PORT" or "[IPv6]:PORT".
std::optional<endpoint> parse_endpoint(std::string_view text);

/// An address of this machine alone, or "localhost".
bool is_loopback(std::string_view host);

} // namespace shardyard
