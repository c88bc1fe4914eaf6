// Addresses of the gateway and of the REST API: taking them apart, and the query that a gateway connection
// asks with. Plain values. Strict about characters, so that a text from a peer cannot smuggle anything into a
// request.
#pragma once

#include "net/inflate.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shardyard::net {

struct url {
  std::string scheme; ///< http, https, ws, wss
  std::string host;   ///< name or address, IPv6 without brackets
  std::uint16_t port = 0;
  std::string path;  ///< "/" at least
  std::string query; ///< without '?'

  bool secure() const { return scheme == "https" || scheme == "wss"; }

  /// Host as it stands in a Host header: brackets around IPv6, port only where it is not the scheme's own.
  std::string authority() const;

  /// Path and query as they stand in a request line.
  std::string target() const { return query.empty() ? path : path + "?" + query; }
};

/// Nothing when `text` is no URL of the four schemes.
std::optional<url> parse_url(std::string_view text);

/// A gateway URL (from `/gateway/bot` or `resume_gateway_url`, with or without path, port and trailing slash)
/// with the query that RESUME too has to repeat (Gateway reference, "Connecting").
url with_gateway_query(url base, compression mode);

/// 127.0.0.0/8, ::1 and "localhost". A name is checked again after it has been resolved.
bool is_loopback_host(std::string_view host);

/// `DiscordBot (URL, VERSION)`, the form that Discord demands (API reference, "User Agent").
std::string default_user_agent();

} // namespace shardyard::net
